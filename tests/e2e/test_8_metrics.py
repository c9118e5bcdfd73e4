"""The metrics after real syncs, dbt runs and queries, against the facts in the databases."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from minio import Minio
from prometheus_client.parser import text_string_to_metric_families

from services.common.settings import Settings
from services.common.targets import metrics_pages
from services.common.waiting import wait_until
from services.exporter.catalogue import BY_NAME
from services.prometheus.config import configuration
from tests.support.grafana import DASHBOARDS, load, queries
from tests.support.platform import Home
from tests.support.ports import free_port
from tests.support.promtool import tool

Value = Callable[..., float]
# What there is only where a connection reads its source's log.
LOGS = ("airbyte_changes_behind_seconds", "airbyte_log_kept_bytes")


def scrape(settings: Settings, service: str = "exporter") -> Value:
    """Return a function that gives the sum of a metric's samples that have these labels."""
    text = httpx.get(metrics_pages(settings)[service].geturl(), trust_env=False, timeout=30).text
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]

    def value(name: str, **labels: str) -> float:
        found = [s.value for s in samples if s.name == name and labels.items() <= s.labels.items()]
        assert found, f"no {name} with {labels}"
        return float(sum(found))

    return value


def ask(settings: Settings, role: str, sql: str) -> tuple[Any, ...]:
    with psycopg.connect(settings.postgres_dsn(role)) as connection:
        row = connection.execute(sql).fetchone()
    assert row is not None
    return row


def test_the_pages_are_whole_and_tell_no_secret(platform: Home) -> None:
    settings = platform.settings
    wait_until(lambda: scrape(settings)("minio_objects_total") > 0, seconds=90, what="a listing")
    texts = {
        name: httpx.get(page.geturl(), trust_env=False, timeout=30).text
        for name, page in metrics_pages(settings).items()
    }
    for text in texts.values():
        families = list(text_string_to_metric_families(text))
        assert len({f.name for f in families}) == len(families) > 3
        values = [v for k, v in settings.model_dump().items() if hasattr(v, "get_secret_value")]
        assert not [v for v in values if v.get_secret_value() in text]
    given = {s.name for f in text_string_to_metric_families(texts["exporter"]) for s in f.samples}
    bases = {n.removesuffix(end) for n in given for end in ("", "_bucket", "_sum", "_count")}
    own = ("python_", "process_")
    strangers = {
        name
        for name in given
        if not name.startswith(own)
        and not {name.removesuffix(end) for end in ("", "_bucket", "_sum", "_count")} & set(BY_NAME)
    }
    assert strangers == set()
    # Without a slot, a reflection or an opened dashboard there is nothing to tell of those.
    may_lack = (*LOGS, "postgres_slot", "postgres_wal_kept", "dremio_reflection", "superset_")
    assert {n for n in BY_NAME if n not in bases and not n.startswith(may_lack)} == set()
    assert scrape(settings)("lakelet_collector_up") == 9


def test_syncs_are_counted_as_airbyte_recorded_them(platform: Home) -> None:
    settings = platform.settings
    platform.lakelet_json("sync", "nycflights")
    jobs, seconds = ask(
        settings,
        "airbyte",
        "SELECT count(*), sum(extract(epoch FROM updated_at - started_at))::float8 FROM jobs "
        "WHERE config_type = 'sync' AND status = 'succeeded'",
    )
    name = "airbyte_sync_duration_seconds"
    wait_until(  # the exporter asks the databases every few seconds at most
        lambda: scrape(settings)(f"{name}_count", status="succeeded") == jobs,
        seconds=60,
        what="the exporter's count of syncs",
    )
    value = scrape(settings)
    assert value(f"{name}_bucket", status="succeeded", le="+Inf") == jobs
    assert value(f"{name}_sum", status="succeeded") == pytest.approx(seconds)
    (failed,) = ask(settings, "airbyte", "SELECT count(*) FROM jobs WHERE status = 'failed'")
    assert value("airbyte_sync_failures_total") == failed
    (flights,) = ask(
        settings,
        "airbyte",
        "SELECT sum((s.value->>'recordsCommitted')::int) FROM attempts a JOIN jobs j "
        "ON j.id = a.job_id JOIN connections c ON c.id = j.connection_id, "
        "jsonb_each(a.stream_stats) s WHERE c.name = 'nycflights'",
    )
    assert value("airbyte_records_synced_total", connection="nycflights") == flights >= 2 * 336_776
    assert value("airbyte_last_sync_succeeded", connection="nycflights") == 1
    assert value("airbyte_freshness_seconds", connection="nycflights") < 120


def test_queries_are_counted_once_each(platform: Home) -> None:
    settings = platform.settings

    def ended() -> tuple[Any, ...]:
        return ask(
            settings,
            "dremio",
            "SELECT count(*), sum(extract(epoch FROM finished_at - submitted_at))::float8, "
            "count(*) FILTER (WHERE finished_at - submitted_at <= interval '0.1 s') "
            "FROM job WHERE finished_at IS NOT NULL",
        )

    platform.lakelet_json("query", "SELECT COUNT(*) AS n FROM gold.fct_orders")
    platform.lakelet("query", "SELECT no_such_column FROM gold.fct_orders")
    name = "dremio_query_duration_seconds"

    def counted() -> bool:
        """Whether the page agrees with the history as it is before and after it was made."""
        told.update(before=ended(), page=scrape(settings))
        return told["page"](f"{name}_count") == told["before"][0] == ended()[0]

    # What ended a moment ago is written, and then counted, behind the answer.
    told: dict[str, Any] = {}
    wait_until(counted, seconds=60, what="the exporter's count of queries")
    value, (jobs, seconds, quick) = told["page"], told["before"]
    assert value(f"{name}_count") == jobs
    assert value(f"{name}_sum") == pytest.approx(seconds)
    assert value(f"{name}_bucket", le="0.1") == quick
    assert value(f"{name}_count", state="FAILED") >= 1
    before = {"jobs": jobs, "http": scrape(settings, "dremio")("api_requests_total")}
    platform.lakelet("restart", "exporter")
    wait_until(counted, seconds=60, what="the exporter's count of queries")
    assert ended()[0] >= before["jobs"]  # all of the history, by no counter of its own
    assert scrape(settings, "dremio")("api_requests_total") >= before["http"]


def test_models_tests_storage_and_disk(platform: Home) -> None:
    settings = platform.settings
    value = scrape(settings)
    steps = settings.data_dir / "dbt" / "steps"
    results = [
        result
        for path in steps.glob("*-tag-*.json")
        for result in json.loads(path.read_text())["results"]
    ]
    models = {
        r["unique_id"].split(".")[2]: r["execution_time"]
        for r in results
        if r["unique_id"].startswith("model.")
    }
    assert models
    for model, seconds in models.items():
        assert value("dbt_model_execution_time", model=model) == pytest.approx(seconds)
    tests = [r["status"] for r in results if r["unique_id"].startswith("test.")]
    assert value("dbt_tests", status="pass") == tests.count("pass") > 0
    client = Minio(
        settings.s3_endpoint,
        settings.minio_root_user,
        settings.minio_root_password.get_secret_value(),
        secure=False,
        region="us-east-1",
    )
    gold = list(client.list_objects("gold", recursive=True))
    value = scrape_listed(settings, len(gold))
    assert value("minio_objects_total", bucket="gold") == len(gold)
    size = sum(o.size or 0 for o in gold)
    assert value("minio_bucket_usage_bytes", bucket="gold") == size
    assert value("minio_disk_usage_bytes") > size
    assert 0 < value("lakelet_disk_free_bytes") < value("lakelet_disk_size_bytes")


def scrape_listed(settings: Settings, objects: int) -> Value:
    """Return a scrape made after the exporter listed the bucket as it is now."""

    def current() -> bool:
        try:
            return scrape(settings)("minio_objects_total", bucket="gold") == objects
        except AssertionError:
            return False  # began anew; not listed yet

    wait_until(current, seconds=120, what="a listing of now")
    return scrape(settings)


@contextmanager
def prometheus(settings: Settings, folder: Path) -> Iterator[str]:
    """Run Debian's Prometheus over the platform, looking every second; yield its address."""
    port = free_port()
    document = configuration(settings, settings.rules_file)
    document["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(document))
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                tool("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_a_prometheus_answers_every_query_of_the_dashboards(platform: Home, tmp_path: Path) -> None:
    platform.lakelet_json("query", "SELECT COUNT(*) AS n FROM gold.fct_orders")
    with prometheus(platform.settings, tmp_path) as address, httpx.Client(trust_env=False) as http:

        def ask_for(expression: str) -> list[Any]:
            answer = http.get(f"{address}/api/v1/query", params={"query": expression}).json()
            assert answer["status"] == "success", (expression, answer)
            return list(answer["data"]["result"])

        looked = "count(count_over_time(up[1m]) >= 3) == 5 and on() sum(up) == 5"
        wait_until(lambda: ask_for(looked) != [], seconds=60, what="three looks at five services")
        silent = {
            expression
            for path in DASHBOARDS
            for expression, _ in queries(load(path))
            if not ask_for(expression)
        }
    # Nothing fires, no slot is read, no reflection was asked for; what the others say is there.
    may_lack = ("ALERTS", "postgres_slot", "postgres_wal_kept", "dremio_reflection", "superset_")
    assert {e for e in silent if not any(name in e for name in (*LOGS, *may_lack))} == set()
