"""Syncs, from Airbyte's own tables: nothing is counted here, so a restart changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

from prometheus_client.core import Metric

from services.exporter.catalogue import BY_NAME, counter, gauge, histogram, value
from services.exporter.collect.airbyte_queries import EMBEDDED, Queries
from services.exporter.database import Database
from services.exporter.distribution import Distribution

_UNITS = {"minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800, "months": 2592000}


class Airbyte:
    """Collects; `stale_after`: seconds, for connections without an interval."""

    def __init__(self, database: Database, stale_after: float, queries: Queries = EMBEDDED) -> None:
        self._database = database
        self._queries = queries
        self._stale_after = stale_after

    def __call__(self) -> Iterator[Metric]:
        """Yield the families. Raises psycopg.Error."""
        yield from self._totals()
        yield self._durations()
        yield from self._states()
        if self._queries.logs:
            yield from self._logs(self._queries.logs)
        waiting = self._database.rows(self._queries.queue)[0]
        jobs = gauge("airbyte_queue_jobs")
        for status, number in zip(("pending", "running", "incomplete"), waiting, strict=False):
            jobs.add_metric([status], number)
        yield jobs
        yield value("airbyte_queue_oldest_seconds", max(0.0, waiting[3]))

    def _totals(self) -> Iterator[Metric]:
        records = counter("airbyte_records_synced_total")
        size = counter("airbyte_bytes_synced_total")
        failures = counter("airbyte_sync_failures_total")
        for name, rows, octets, failed in self._database.rows(self._queries.counts):
            records.add_metric([name], rows)
            size.add_metric([name], octets)
            failures.add_metric([name], failed)
        yield from (records, size, failures)

    def _durations(self) -> Metric:
        family = histogram("airbyte_sync_duration_seconds")
        bounds = BY_NAME["airbyte_sync_duration_seconds"].buckets
        found: dict[tuple[str, str], Distribution] = {}
        for name, status, bucket, count, total in self._database.rows(
            self._queries.durations, {"bounds": [float(bound) for bound in bounds]}
        ):
            found.setdefault((name, status), Distribution(bounds)).add(bucket, count, total)
        for labels, distribution in found.items():
            distribution.into(family, labels)
        return family

    def _logs(self, query: LiteralString) -> Iterator[Metric]:
        behind = gauge("airbyte_changes_behind_seconds")
        kept = gauge("airbyte_log_kept_bytes")
        for name, size, seconds in self._database.rows(query):
            if seconds is not None:
                behind.add_metric([name], max(0.0, seconds))
            if size is not None:
                kept.add_metric([name], size)
        yield from (behind, kept)

    def _states(self) -> Iterator[Metric]:
        last = gauge("airbyte_last_sync_succeeded")
        age = gauge("airbyte_freshness_seconds")
        limit = gauge("airbyte_freshness_limit_seconds")
        for name, status, seconds, units, unit in self._database.rows(self._queries.states):
            if status:
                last.add_metric([name], float(status == "succeeded"))
            age.add_metric([name], seconds)
            interval = int(units) * _UNITS[unit] if units and unit in _UNITS else None
            limit.add_metric([name], 2 * interval + 600 if interval else self._stale_after)
        yield from (last, age, limit)
