"""Dashboards' load times and the cache's hits, from Superset's own log table.

A browser tells Superset of `mount_dashboard` (with an `event_id`) and of each `load_chart`
(`trigger_event`: what set it off; `start_offset` + `duration`: milliseconds since the page was
opened). The time until the last chart stood is the largest of those; each chart's first load
counts, later refreshes do not. Events come in several requests: ten minutes settle a visit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client.core import Metric

from services.common.errors import TransientError
from services.exporter.catalogue import BY_NAME, counter, histogram, value
from services.exporter.database import Database
from services.exporter.distribution import Distribution

_BORDER = """
    SELECT coalesce(max(id), %(since)s) FROM logs
    WHERE id > %(since)s AND dttm < now() AT TIME ZONE 'UTC' - interval '10 minutes'
"""
_LOADS = """
    WITH event AS (
        SELECT id, json::jsonb AS body FROM logs
        WHERE id > %(since)s AND action = 'log' AND json LIKE '%%event_name%%'
    ), chart AS (
        SELECT body->>'trigger_event' AS cause, body->>'slice_id' AS chart,
               min((body->>'start_offset')::float8 + (body->>'duration')::float8) AS ended
        FROM event WHERE body->>'event_name' = 'load_chart' GROUP BY 1, 2
    )
    SELECT d.dashboard_title,
           greatest((m.body->>'mount_duration')::float8, max(chart.ended)) / 1000
    FROM event m
    LEFT JOIN chart ON chart.cause = m.body->>'event_id'
    LEFT JOIN dashboards d ON d.id = (m.body->>'source_id')::int
    WHERE m.body->>'event_name' = 'mount_dashboard' AND m.id <= %(until)s
    GROUP BY m.id, m.body, d.dashboard_title
"""
_QUERIES = """
    SELECT count(*) FILTER (WHERE cached), count(*) FILTER (WHERE NOT cached),
           count(*) FILTER (WHERE cached AND recent), count(*) FILTER (WHERE recent)
    FROM (
        SELECT one = 'true'::jsonb AS cached,
               dttm > now() AT TIME ZONE 'UTC' - interval '1 hour' AS recent
        FROM logs, jsonb_array_elements(
            CASE jsonb_typeof(json::jsonb->'is_cached')
                WHEN 'array' THEN json::jsonb->'is_cached'
                ELSE jsonb_build_array(json::jsonb->'is_cached') END) one
        WHERE action = 'ChartDataRestApi.data' AND json::jsonb ? 'is_cached'
          AND id <= %(until)s AND (id > %(since)s
              OR %(with_hour)s AND dttm > now() AT TIME ZONE 'UTC' - interval '1 hour')
    ) query
"""
_LAST = 2**62
_LOAD_TIME = "superset_dashboard_load_time"


class Superset:
    """Collects; remembers what it has counted of the rows that do not change any more."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._made = False
        self._since = 0
        self._loads: dict[str, Distribution] = {}
        self._hits = 0
        self._misses = 0

    def __call__(self) -> Iterator[Metric]:
        """Yield the families. Raises psycopg.Error; TransientError before Superset has tables."""
        if not self._made and not self._rows("SELECT to_regclass('logs') IS NOT NULL")[0][0]:
            raise TransientError("Superset has not made its tables yet")
        self._made = True
        border = int(self._rows(_BORDER, since=self._since)[0][0])
        if border > self._since:
            for name, distribution in self._loaded(border).items():
                self._loads[name] = distribution.plus(self._loads.get(name))
            hits, misses, *_ = self._queries(border, with_hour=False)
            self._hits, self._misses = self._hits + hits, self._misses + misses
            self._since = border
        recent = self._loaded(_LAST)
        family = histogram(_LOAD_TIME)
        for name in sorted(self._loads.keys() | recent.keys()):
            empty = Distribution(BY_NAME[_LOAD_TIME].buckets)
            self._loads.get(name, empty).plus(recent.get(name)).into(family, [name])
        yield family
        yield from self._cache()

    def _cache(self) -> Iterator[Metric]:
        hits, misses, *_ = self._queries(_LAST, with_hour=False)
        total = counter("superset_queries_total")
        total.add_metric(["true"], self._hits + hits)
        total.add_metric(["false"], self._misses + misses)
        yield total
        *_, hits_of_hour, all_of_hour = self._queries(_LAST, with_hour=True)
        if all_of_hour:
            yield value("superset_query_cache_hit_rate", hits_of_hour / all_of_hour)

    def _loaded(self, until: int) -> dict[str, Distribution]:
        found: dict[str, Distribution] = {}
        for title, seconds in self._rows(_LOADS, since=self._since, until=until):
            if seconds is not None:
                name = title or "(deleted)"
                bounds = BY_NAME[_LOAD_TIME].buckets
                found.setdefault(name, Distribution(bounds)).observe(seconds)
        return found

    def _queries(self, until: int, *, with_hour: bool) -> tuple[int, int, int, int]:
        rows = self._rows(_QUERIES, since=self._since, until=until, with_hour=with_hour)
        hits, misses, hits_of_hour, all_of_hour = rows[0]
        return hits, misses, hits_of_hour, all_of_hour

    def _rows(self, sql: Any, **values: Any) -> list[Any]:
        return self._database.rows(sql, values)
