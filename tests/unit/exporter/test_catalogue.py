"""The catalogue: what was promised, shown in the documentation, and kept to."""

from __future__ import annotations

import re

from prometheus_client.core import HistogramMetricFamily

from services.common.settings import CHECKOUT
from services.exporter.catalogue import BY_NAME, SPECS
from services.exporter.distribution import Distribution
from services.exporter.page import table

PROMISED = {
    "airbyte_records_synced_total", "airbyte_sync_duration_seconds", "airbyte_sync_failures_total",
    "minio_disk_usage_bytes", "minio_objects_total", "postgres_connections_active",
    "dremio_query_duration_seconds", "dremio_reflection_refresh_seconds",
    "dbt_model_execution_time", "superset_dashboard_load_time", "superset_query_cache_hit_rate",
    "api_requests_per_second",
}  # fmt: skip


def test_the_promised_names_are_there() -> None:
    assert BY_NAME.keys() >= PROMISED
    assert len(BY_NAME) == len(SPECS)


def test_the_documentation_shows_the_catalogue() -> None:
    assert table() in (CHECKOUT / "docs" / "metrics.md").read_text()


def test_names_labels_and_buckets_are_sound() -> None:
    for spec in SPECS:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", spec.name)
        assert (spec.kind == "histogram") == bool(spec.buckets)
        assert list(spec.buckets) == sorted(set(spec.buckets))
        assert spec.kind != "counter" or spec.name.endswith("_total")
        assert spec.help.endswith(".")
        assert spec.source


def test_a_value_on_a_bucket_s_border_belongs_to_it() -> None:
    distribution = Distribution((1, 2))
    for value in (0.5, 1.0, 1.5, 2.0, 7.0):
        distribution.observe(value)
    family = HistogramMetricFamily("h", "h", labels=["l"])
    distribution.plus(None).into(family, ["x"])
    buckets = {s.labels["le"]: s.value for s in family.samples if s.name == "h_bucket"}
    assert buckets == {"1.0": 2, "2.0": 4, "+Inf": 5}
    assert next(s.value for s in family.samples if s.name == "h_sum") == 12.0
