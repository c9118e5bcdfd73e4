"""Every metric that the exporter may give: its kind, labels, unit and what it is computed from.

docs/metrics.md shows this table; a test keeps the two the same, another keeps the collectors to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Spec:
    """One metric. `source`: what it is computed from, in words for the documentation."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    source: str
    buckets: tuple[float, ...] = ()


_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_LONG = (1, 2.5, 5, 10, 30, 60, 300, 900, 1800, 3600, 7200)

SPECS = (
    # --- ingestion
    Spec("airbyte_records_synced_total", "counter", ("connection",),
         "Records committed into bronze by syncs.",
         "Airbyte's database: `recordsCommitted` of every attempt of every sync job"),
    Spec("airbyte_bytes_synced_total", "counter", ("connection",),
         "Bytes committed into bronze by syncs.",
         "Airbyte's database: `bytesCommitted` of every attempt of every sync job"),
    Spec("airbyte_sync_duration_seconds", "histogram", ("connection", "status"),
         "Seconds from a sync job's start to its end.",
         "Airbyte's database: `started_at` and `updated_at` of ended sync jobs", _LONG),
    Spec("airbyte_sync_failures_total", "counter", ("connection",),
         "Sync jobs that ended as failed, all their attempts used up.",
         "Airbyte's database: sync jobs with status `failed`"),
    Spec("airbyte_last_sync_succeeded", "gauge", ("connection",),
         "1 when the newest ended sync succeeded, 0 when it failed.",
         "Airbyte's database: status of the newest sync that ended (a cancelled one says nothing)"),
    Spec("airbyte_freshness_seconds", "gauge", ("connection",),
         "Seconds since the end of the newest successful sync.",
         "Airbyte's database; a connection that never succeeded counts from its making"),
    Spec("airbyte_freshness_limit_seconds", "gauge", ("connection",),
         "Seconds after which a connection's data counts as stale.",
         "twice its interval and ten minutes; manual and cron: STALE_AFTER_HOURS"),
    Spec("airbyte_changes_behind_seconds", "gauge", ("connection",),
         "Seconds since bronze last held all that the source held; continuous connections only.",
         "Airbyte's database: when the sync last reached the log's end"),
    Spec("airbyte_log_kept_bytes", "gauge", ("connection",),
         "Log that the source's server keeps and the connection has not read.",
         "Airbyte's database: what the newest sync of the log saw, whichever server it is"),
    Spec("airbyte_queue_jobs", "gauge", ("status",),
         "Jobs that have not ended.", "Airbyte's database: jobs by status"),
    Spec("airbyte_queue_oldest_seconds", "gauge", (),
         "Seconds that the oldest waiting job has been waiting beyond its time.",
         "Airbyte's database: `next_attempt_at` of jobs that wait"),
    # --- query engine
    Spec("dremio_query_duration_seconds", "histogram", ("query_type", "state"),
         "Seconds from a statement's arrival to its end.",
         "the engine's job history in PostgreSQL", _SECONDS),
    Spec("dremio_slow_queries_total", "counter", (),
         "Statements that took longer than SLOW_QUERY_SECONDS.",
         "the engine's job history in PostgreSQL"),
    Spec("dremio_running_queries", "gauge", (),
         "Statements under way.", "the engine's job history: jobs without an end"),
    Spec("dremio_slow_running_queries", "gauge", (),
         "Statements under way for longer than SLOW_QUERY_SECONDS.",
         "the engine's job history: jobs without an end"),
    Spec("dremio_reflection_refresh_seconds", "histogram", ("result",),
         "Seconds that building a reflection took.",
         "the engine's materializations, each counted once; only the newest 20 of a reflection "
         "are kept, so a restart of the exporter begins anew from those", _LONG),
    Spec("dremio_reflection_hits_total", "counter", ("dataset", "reflection"),
         "Queries answered from a reflection.",
         "the engine's use counts: how often it was chosen"),
    Spec("dremio_reflection_misses_total", "counter", ("dataset", "reflection"),
         "Queries that a reflection was considered for and did not answer.",
         "the engine's use counts: considered but not chosen"),
    # --- transformation
    Spec("dbt_model_execution_time", "gauge", ("model",),
         "Seconds that a model's newest build took.",
         "dbt's run results (`execution_time`) of the newest run that reached the model"),
    Spec("dbt_tests", "gauge", ("status",),
         "Tests by what they last said: pass, warn, fail, error or skipped.",
         "dbt's run results, the newest of each test; kept in memory while a run is under way"),
    Spec("dbt_models_failed", "gauge", (),
         "Models whose newest build failed.", "dbt's run results, the newest of each model"),
    Spec("dbt_last_run_timestamp_seconds", "gauge", (),
         "When dbt last wrote a result.", "dbt's run results (`generated_at`)"),
    # --- dashboards
    Spec("superset_dashboard_load_time", "histogram", ("dashboard",),
         "Seconds from opening a dashboard in a browser until its last chart stood.",
         "what browsers report to Superset: the last `load_chart` that a `mount_dashboard` set off",
         (0.5, 1, 2, 3, 5, 7.5, 10, 15, 30, 60)),
    Spec("superset_queries_total", "counter", ("cached",),
         "Chart queries answered.",
         "Superset's log: `is_cached` of every query of `ChartDataRestApi.data`"),
    Spec("superset_query_cache_hit_rate", "gauge", (),
         "Share (0 to 1) of the last hour's chart queries that came from the cache.",
         "Superset's log; absent when there were none"),
    # --- storage and database
    Spec("minio_disk_usage_bytes", "gauge", (),
         "Bytes that the object storage takes on disk.",
         "the blocks of the files in the storage's folder"),
    Spec("minio_objects_total", "gauge", ("bucket",),
         "Objects in a bucket.", "a listing over S3, at most once a minute"),
    Spec("minio_bucket_usage_bytes", "gauge", ("bucket",),
         "Bytes of a bucket's objects.", "a listing over S3, at most once a minute"),
    Spec("postgres_connections_active", "gauge", ("database",),
         "Connections that run a statement.",
         "`pg_stat_activity` with state `active`, without the exporter's own"),
    Spec("postgres_connections", "gauge", ("database",),
         "Connections that are open.", "`pg_stat_activity`, without the exporter's own"),
    Spec("postgres_connections_limit", "gauge", (),
         "How many connections there may be.", "PostgreSQL's `max_connections`"),
    Spec("postgres_slot_lag_bytes", "gauge", ("slot",),
         "Write-ahead log that the reader of a slot has not confirmed.",
         "`pg_replication_slots.confirmed_flush_lsn` against the current position"),
    Spec("postgres_wal_kept_bytes", "gauge", ("slot",),
         "Write-ahead log that cannot be removed because of a slot.",
         "`pg_replication_slots.restart_lsn` against the current position"),
    Spec("postgres_slot_lost", "gauge", ("slot",),
         "1 when log that the slot's reader still needed was removed, else 0.",
         "`pg_replication_slots.wal_status`"),
    Spec("postgres_wal_bytes", "gauge", (),
         "Size of the write-ahead log on disk.", "`pg_ls_waldir()`"),
    # --- the platform
    Spec("lakelet_disk_free_bytes", "gauge", (),
         "Bytes left for the platform on its disk.", "the file system of the data folder"),
    Spec("lakelet_disk_size_bytes", "gauge", (),
         "Size of the platform's disk.", "the file system of the data folder"),
    Spec("lakelet_disk_reserve_bytes", "gauge", (),
         "Bytes that are wanted free.", "DISK_RESERVE_BYTES"),
    Spec("lakelet_service_up", "gauge", ("service",),
         "1 when a service answers as it should, else 0.",
         "the health question that the supervisor asks"),
    Spec("lakelet_shipper_behind_bytes", "gauge", (),
         "Bytes of logs that are not in the log store yet.", "the shipper's status file"),
    Spec("lakelet_shipper_behind_seconds", "gauge", (),
         "For how long there have been such bytes without a batch stored, or a log that cannot be "
         "read.",
         "the shipper's status file"),
    Spec("api_requests_per_second", "gauge", ("service",),
         "Requests answered a second, over the last minute.",
         "`api_requests_total` of the service's own `/metrics`"),
    Spec("lakelet_collector_up", "gauge", ("collector",),
         "1 when a collector of this exporter could read its place, else 0.", "the exporter"),
    Spec("lakelet_collector_seconds", "gauge", ("collector",),
         "Seconds that a collector took.", "the exporter"),
)  # fmt: skip

BY_NAME = {spec.name: spec for spec in SPECS}


def gauge(name: str) -> GaugeMetricFamily:
    """Return an empty family. Raises KeyError for a name that is not in the catalogue."""
    spec = BY_NAME[name]
    return GaugeMetricFamily(name, spec.help, labels=spec.labels)


def counter(name: str) -> CounterMetricFamily:
    """Return an empty family. Raises KeyError for a name that is not in the catalogue."""
    spec = BY_NAME[name]
    return CounterMetricFamily(name.removesuffix("_total"), spec.help, labels=spec.labels)


def histogram(name: str) -> HistogramMetricFamily:
    """Return an empty family. Raises KeyError for a name that is not in the catalogue."""
    spec = BY_NAME[name]
    return HistogramMetricFamily(name, spec.help, labels=spec.labels)


def value(name: str, number: float) -> Metric:
    """Return a gauge without labels."""
    family = gauge(name)
    family.add_metric([], number)
    return family
