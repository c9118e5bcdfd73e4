"""Statements and reflections, from the engine's job history and its reflections' tables.

The history grows without end. What is older than a few minutes and has ended does not change
any more: it is added to the totals once, and only what came later is read each time.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from prometheus_client.core import Metric

from services.exporter.catalogue import BY_NAME, counter, histogram, value
from services.exporter.database import Database
from services.exporter.distribution import Distribution

_BEGINNING = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_BORDER = """
    SELECT least(now() - interval '5 minutes',
                 (SELECT min(submitted_at) FROM job
                  WHERE submitted_at >= %(since)s AND finished_at IS NULL))
"""
_ENDED = """
    SELECT query_type, state,
           (SELECT count(*) FROM unnest(%(bounds)s::float8[]) b WHERE b < s.took) AS bucket,
           count(*), sum(s.took), count(*) FILTER (WHERE s.took > %(slow)s)
    FROM job, LATERAL (SELECT extract(epoch FROM finished_at - submitted_at)::float8 AS took) s
    WHERE submitted_at >= %(since)s AND submitted_at < %(until)s AND finished_at IS NOT NULL
    GROUP BY 1, 2, 3
"""
_RUNNING = """
    SELECT count(*), count(*) FILTER (WHERE now() - submitted_at > make_interval(secs => %(slow)s))
    FROM job WHERE submitted_at >= %(since)s AND finished_at IS NULL
"""
_BUILDS = """
    SELECT id::text, failure IS NULL, extract(epoch FROM finished_at - created_at)::float8
    FROM materialization WHERE finished_at IS NOT NULL
"""
_USES = """
    SELECT array_to_string(r.dataset, '.'), r.name, coalesce(sum(u.chosen), 0)::float8,
           coalesce(sum(u.considered - u.chosen), 0)::float8
    FROM reflection r LEFT JOIN reflection_use u ON u.reflection_id = r.id GROUP BY 1, 2
"""
_QUERIES = "dremio_query_duration_seconds"
_REFRESHES = "dremio_reflection_refresh_seconds"

Durations = dict[tuple[str, str], Distribution]


class Dremio:
    """Collects; `slow`: seconds beyond which a statement counts as slow."""

    def __init__(self, database: Database, slow: float) -> None:
        self._database = database
        self._slow = slow
        self._settled: Durations = {}
        self._settled_slow = 0
        self._since = _BEGINNING
        self._builds: dict[bool, Distribution] = {
            good: Distribution(BY_NAME[_REFRESHES].buckets) for good in (True, False)
        }
        self._seen: set[str] = set()

    def __call__(self) -> Iterator[Metric]:
        """Yield the families. Raises psycopg.Error."""
        self._settle()
        recent, slow = self._ended(self._since, datetime.datetime.max.replace(tzinfo=datetime.UTC))
        family = histogram(_QUERIES)
        for labels in sorted(self._settled.keys() | recent.keys()):
            empty = Distribution(BY_NAME[_QUERIES].buckets)
            both = self._settled.get(labels, empty).plus(recent.get(labels))
            both.into(family, labels)
        yield family
        total = counter("dremio_slow_queries_total")
        total.add_metric([], self._settled_slow + slow)
        yield total
        limits = {"since": self._since, "slow": self._slow}
        running, slow_running = self._database.rows(_RUNNING, limits)[0]
        yield value("dremio_running_queries", running)
        yield value("dremio_slow_running_queries", slow_running)
        yield self._refreshes()
        yield from self._uses()

    def _settle(self) -> None:
        border = self._database.rows(_BORDER, {"since": self._since})[0][0]
        if border <= self._since:
            return
        found, slow = self._ended(self._since, border)
        for labels, distribution in found.items():
            self._settled[labels] = distribution.plus(self._settled.get(labels))
        self._settled_slow += slow
        self._since = border

    def _ended(self, since: datetime.datetime, until: datetime.datetime) -> tuple[Durations, int]:
        bounds = BY_NAME[_QUERIES].buckets
        values = {
            "bounds": [float(bound) for bound in bounds],
            "slow": self._slow,
            "since": since,
            "until": until,
        }
        found: Durations = {}
        slow = 0
        for kind, state, bucket, count, total, slower in self._database.rows(_ENDED, values):
            found.setdefault((kind, state), Distribution(bounds)).add(bucket, count, total)
            slow += slower
        return found, slow

    def _refreshes(self) -> Metric:
        present = set()
        for identity, good, seconds in self._database.rows(_BUILDS):
            present.add(identity)
            if identity not in self._seen:
                self._builds[good].observe(seconds)
        self._seen = present
        family = histogram(_REFRESHES)
        for good, distribution in self._builds.items():
            distribution.into(family, ["done" if good else "failed"])
        return family

    def _uses(self) -> Iterator[Metric]:
        hits = counter("dremio_reflection_hits_total")
        misses = counter("dremio_reflection_misses_total")
        for dataset, name, chosen, passed_over in self._database.rows(_USES):
            hits.add_metric([dataset, name], chosen)
            misses.add_metric([dataset, name], passed_over)
        yield from (hits, misses)
