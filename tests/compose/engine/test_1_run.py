"""The whole job in containers: every hop, logs, metrics, and what is killed comes back."""

from __future__ import annotations

import json
import os
import random
import signal
from typing import Any

import httpx
import pytest
from elasticsearch import Elasticsearch

from services.common.waiting import wait_until
from tests.compose.engine.commands import pids
from tests.support.platform import Home

pytestmark = [pytest.mark.timeout(1500), pytest.mark.usefixtures("outcome")]
KILLED = ["postgres", "minio", "dremio", "airbyte-proxy"]


def test_every_hop_holds_what_the_source_holds(outcome: Any) -> None:
    assert outcome["runtime"] == "compose"
    assert outcome["agrees"] is True
    hops = {flow["name"]: [hop["rows"] for hop in flow["hops"]] for flow in outcome["flows"]}
    assert hops["orders"] == [69_659] * 4
    assert hops["flights"] == [336_776] * 3


def test_every_service_leaves_its_log_in_the_store(home: Home) -> None:
    wanted = {"postgres", "storage", "dremio", "airbyte", "superset", "exporter"}
    password = home.settings.elasticsearch_password.get_secret_value()
    with Elasticsearch(home.settings.elasticsearch_url, basic_auth=("elastic", password)) as client:

        def found() -> set[str]:
            answer = client.search(
                index="*-logs-*", size=0, aggs={"of": {"terms": {"field": "service", "size": 50}}}
            )
            return {bucket["key"] for bucket in answer["aggregations"]["of"]["buckets"]}

        wait_until(lambda: wanted <= found(), seconds=90, what="the logs of all services")


def test_pipeline_health_reads_syncs_and_logs_from_inside(home: Home) -> None:
    [syncs] = home.lakelet_json(
        "query", "SELECT COUNT(*) AS n FROM airbyte.history.syncs WHERE status = 'succeeded'"
    )
    assert syncs["n"] >= 2
    [lines] = home.lakelet_json("query", 'SELECT COUNT(*) AS n FROM logs."*-logs-*"')
    assert lines["n"] > 0


def test_metrics_and_alerts_tell_of_the_containers(home: Home) -> None:
    def page() -> str:
        address = f"{home.settings.exporter_url}/metrics"
        return httpx.get(address, trust_env=False, timeout=60).text

    def well() -> bool:
        asked = ("postgres", "storage", "dremio", "airbyte", "superset", "elasticsearch", "shipper")
        return all(f'lakelet_service_up{{service="{name}"}} 1.0' in page() for name in asked)

    wait_until(well, seconds=90, what="all services up in the metrics")
    assert "airbyte_records_synced_total" in page()
    told = home.lakelet("alerts", "--json")
    assert told.returncode in (0, 1), told.stderr  # 1: one fires
    assert all(alert["name"] for alert in json.loads(told.stdout))


def test_killed_services_come_back_with_all_they_had(home: Home) -> None:
    """Each is killed in turn, in some order, the next one while the last is still coming back."""
    before = pids(home)
    order = random.sample(KILLED, len(KILLED))
    print("killed in this order:", *order)
    for name in order:
        os.kill(before[name], signal.SIGKILL)

    def back() -> bool:
        now = pids(home)
        return all(now[name] not in {0, before[name]} for name in KILLED)

    wait_until(back, seconds=120, what=", ".join(order))
    wait_until(lambda: home.lakelet("status").returncode == 0, seconds=120, what="the platform")
    told = home.lakelet("verify")
    assert told.returncode == 0, f"{told.stderr}\n{told.stdout}"
