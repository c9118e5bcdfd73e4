"""The light engines really brought up: the whole job, every hop, kills, a restart, the end.

Minutes, not seconds: `make test-compose` asks for it. Elsewhere it says that it did not run.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from elasticsearch import Elasticsearch

from services.common.waiting import wait_until
from tests.support.docker import (
    KernelForbids,
    check_a_container_runs,
    engine,
    ensure_base_image,
    why_no_engine,
)
from tests.support.platform import Home

pytestmark = [
    pytest.mark.skipif(
        os.environ.get("LAKELET_TEST_ENGINE") != "1",
        reason="NOT RUN: the containers themselves; `make test-compose` runs them",
    ),
    pytest.mark.timeout(1500),
]


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Home]:
    missing = why_no_engine()
    assert missing is None, missing
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("engine")
        try:
            stack.enter_context(engine(folder))
            ensure_base_image(folder)
            check_a_container_runs()
        except KernelForbids as reason:
            words = f"THE CONTAINERS WERE NOT RUN: this machine's kernel forbids them: {reason}"
            request.config.pluginmanager.getplugin("terminalreporter").write_line(words, red=True)
            pytest.skip(words)
        home = Home(folder / "home", RUNTIME="compose", ENGINES="light")
        try:
            yield home
        finally:
            home.lakelet("destroy", "--yes")


@pytest.fixture(scope="module")
def outcome(home: Home) -> Any:
    result = home.lakelet("up", "--json", timeout=1400)
    assert result.returncode == 0, f"{result.stderr}\n{result.stdout}"
    return home.lakelet_json("up")


def containers(home: Home) -> dict[str, int]:
    """Return the process id of each healthy service's container."""
    return {row["name"]: row["pid"] for row in home.lakelet_json("status")}


def test_every_hop_holds_what_the_source_holds(outcome: Any) -> None:
    assert outcome["runtime"] == "compose"
    assert outcome["agrees"] is True
    hops = {flow["name"]: [hop["rows"] for hop in flow["hops"]] for flow in outcome["flows"]}
    assert hops["orders"] == [69_659] * 4
    assert hops["flights"] == [336_776] * 3


@pytest.mark.usefixtures("outcome")
@pytest.mark.parametrize("service", ["postgres", "minio", "dremio", "airbyte-proxy"])
def test_a_killed_service_comes_back_with_all_it_had(home: Home, service: str) -> None:
    before = containers(home)[service]
    os.kill(before, signal.SIGKILL)

    def back() -> bool:
        return containers(home)[service] not in {0, before}

    wait_until(back, seconds=120, what=service)
    wait_until(lambda: home.lakelet("status").returncode == 0, seconds=120, what="the platform")
    assert home.lakelet("verify").returncode == 0


@pytest.mark.usefixtures("outcome")
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


@pytest.mark.usefixtures("outcome")
def test_pipeline_health_reads_syncs_and_logs_from_inside(home: Home) -> None:
    [syncs] = home.lakelet_json(
        "query", "SELECT COUNT(*) AS n FROM airbyte.history.syncs WHERE status = 'succeeded'"
    )
    assert syncs["n"] >= 2
    [lines] = home.lakelet_json("query", 'SELECT COUNT(*) AS n FROM logs."*-logs-*"')
    assert lines["n"] > 0


@pytest.mark.usefixtures("outcome")
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
    assert told.returncode in (0, 1), told.stderr  # 1: one fires, the killed services' maybe
    assert all(alert["name"] for alert in json.loads(told.stdout))


@pytest.mark.usefixtures("outcome")
def test_stopping_keeps_the_data(home: Home) -> None:
    assert home.lakelet("down").returncode == 0
    assert home.lakelet("status").returncode == 1  # nothing is healthy
    assert home.lakelet_json("up")["agrees"] is True


@pytest.mark.usefixtures("outcome")
def test_a_backup_brings_everything_back(home: Home, tmp_path: Path) -> None:
    agreed = home.lakelet_json("verify")
    made = home.lakelet_json("backup", str(tmp_path / "place"))
    assert {"shop", "dremio", "airbyte", "superset"} <= set(made["databases"])
    assert made["tables"] >= 10
    assert home.lakelet("status").returncode == 0
    assert home.lakelet("destroy", "--yes").returncode == 0
    result = home.lakelet("restore", str(tmp_path / "place"))
    assert result.returncode == 0, result.stderr
    assert "nothing differs" in result.stdout
    assert home.lakelet("status").returncode == 0
    assert home.lakelet_json("verify") == agreed


@pytest.mark.usefixtures("outcome")
def test_destroying_leaves_nothing(home: Home) -> None:
    assert home.lakelet("destroy", "--yes").returncode == 0
    for kind in ("container", "volume", "network"):
        listed = subprocess.run(
            ["docker", kind, "ls", "--quiet", "--filter", "label=com.docker.compose.project"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert listed.stdout == "", kind
    assert not Path(home.settings.env_file).exists()
