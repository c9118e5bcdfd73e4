"""Syncs, from Airbyte's own tables: nothing is counted here, so a restart changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from services.exporter.catalogue import BY_NAME, counter, gauge, histogram, value
from services.exporter.database import Database
from services.exporter.distribution import Distribution

_COUNTS = """
    SELECT c.name,
           coalesce(sum(a.records), 0)::float8, coalesce(sum(a.bytes), 0)::float8,
           count(DISTINCT j.id) FILTER (WHERE j.status = 'failed')
    FROM connections c
    LEFT JOIN jobs j ON j.connection_id = c.id AND j.config_type = 'sync'
    LEFT JOIN LATERAL (
        SELECT sum((s.value->>'recordsCommitted')::numeric) AS records,
               sum((s.value->>'bytesCommitted')::numeric) AS bytes
        FROM attempts, jsonb_each(stream_stats) s WHERE attempts.job_id = j.id
    ) a ON true
    GROUP BY c.name
"""
_DURATIONS = """
    SELECT c.name, j.status,
           (SELECT count(*) FROM unnest(%(bounds)s::float8[]) b WHERE b < s.took) AS bucket,
           count(*), sum(s.took)
    FROM jobs j JOIN connections c ON c.id = j.connection_id,
         LATERAL (SELECT extract(epoch FROM j.updated_at - j.started_at)::float8 AS took) s
    WHERE j.config_type = 'sync' AND j.status IN ('succeeded', 'failed', 'cancelled')
      AND j.started_at IS NOT NULL
    GROUP BY 1, 2, 3
"""
_STATE = """
    SELECT DISTINCT ON (c.name) c.name, newest.status,
           extract(
               epoch FROM now() - coalesce(greatest(good.at, f.up_to_date_at), c.created_at)
           )::float8,
           c.schedule_data->'basicSchedule'->>'units',
           c.schedule_data->'basicSchedule'->>'timeUnit'
    FROM connections c
    LEFT JOIN freshness f ON f.connection_id = c.id
    LEFT JOIN LATERAL (
        SELECT status FROM jobs WHERE connection_id = c.id AND config_type = 'sync'
        AND status IN ('succeeded', 'failed') ORDER BY id DESC LIMIT 1) newest ON true
    LEFT JOIN LATERAL (
        SELECT max(updated_at) AS at FROM jobs WHERE connection_id = c.id
        AND config_type = 'sync' AND status = 'succeeded') good ON true
    WHERE c.status = 'active' ORDER BY c.name, c.created_at DESC
"""
_LOGS = """
    SELECT DISTINCT ON (c.name) c.name, f.lag_bytes::float8,
           CASE WHEN coalesce(c.options->'continuous', 'null') NOT IN ('null', 'false')
                THEN extract(epoch FROM now() - coalesce(f.up_to_date_at, c.created_at))::float8 END
    FROM connections c LEFT JOIN freshness f ON f.connection_id = c.id
    WHERE c.status = 'active' ORDER BY c.name, c.created_at DESC
"""
_QUEUE = """
    SELECT count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'running'),
           count(*) FILTER (WHERE status = 'incomplete'),
           coalesce(extract(epoch FROM max(now() - next_attempt_at)
               FILTER (WHERE status <> 'running')), 0)::float8
    FROM jobs WHERE status IN ('pending', 'running', 'incomplete')
"""
_UNITS = {"minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800, "months": 2592000}


class Airbyte:
    """Collects; `stale_after`: seconds, for connections without an interval."""

    def __init__(self, database: Database, stale_after: float) -> None:
        self._database = database
        self._stale_after = stale_after

    def __call__(self) -> Iterator[Metric]:
        """Yield the families. Raises psycopg.Error."""
        yield from self._totals()
        yield self._durations()
        yield from self._states()
        yield from self._logs()
        waiting = self._database.rows(_QUEUE)[0]
        jobs = gauge("airbyte_queue_jobs")
        for status, number in zip(("pending", "running", "incomplete"), waiting, strict=False):
            jobs.add_metric([status], number)
        yield jobs
        yield value("airbyte_queue_oldest_seconds", max(0.0, waiting[3]))

    def _totals(self) -> Iterator[Metric]:
        records = counter("airbyte_records_synced_total")
        size = counter("airbyte_bytes_synced_total")
        failures = counter("airbyte_sync_failures_total")
        for name, rows, octets, failed in self._database.rows(_COUNTS):
            records.add_metric([name], rows)
            size.add_metric([name], octets)
            failures.add_metric([name], failed)
        yield from (records, size, failures)

    def _durations(self) -> Metric:
        family = histogram("airbyte_sync_duration_seconds")
        bounds = BY_NAME["airbyte_sync_duration_seconds"].buckets
        found: dict[tuple[str, str], Distribution] = {}
        for name, status, bucket, count, total in self._database.rows(
            _DURATIONS, {"bounds": [float(bound) for bound in bounds]}
        ):
            found.setdefault((name, status), Distribution(bounds)).add(bucket, count, total)
        for labels, distribution in found.items():
            distribution.into(family, labels)
        return family

    def _logs(self) -> Iterator[Metric]:
        behind = gauge("airbyte_changes_behind_seconds")
        kept = gauge("airbyte_log_kept_bytes")
        for name, size, seconds in self._database.rows(_LOGS):
            if seconds is not None:
                behind.add_metric([name], max(0.0, seconds))
            if size is not None:
                kept.add_metric([name], size)
        yield from (behind, kept)

    def _states(self) -> Iterator[Metric]:
        last = gauge("airbyte_last_sync_succeeded")
        age = gauge("airbyte_freshness_seconds")
        limit = gauge("airbyte_freshness_limit_seconds")
        for name, status, seconds, units, unit in self._database.rows(_STATE):
            if status:
                last.add_metric([name], float(status == "succeeded"))
            age.add_metric([name], seconds)
            interval = int(units) * _UNITS[unit] if units and unit in _UNITS else None
            limit.add_metric([name], 2 * interval + 600 if interval else self._stale_after)
        yield from (last, age, limit)
