"""Statements and reflections' builds, from a Dremio of which only the wire is known.

`sys.jobs_recent` (docs.dremio.com, system tables) goes back for days and every question to it is a
job of its own: asked once a minute, for what ended since, without these questions. So its counters
begin at zero with the exporter.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Protocol

from prometheus_client.core import Metric

from services.exporter.catalogue import BY_NAME, counter, histogram, value
from services.exporter.distribution import Distribution

_EVERY = 60.0  # seconds
_SLACK = 300_000  # milliseconds; a job that ended is told some moments later
_MARK = "lakelet-exporter"
_ASKED = """
    SELECT job_id, query_type, status, submitted_epoch_millis, final_state_epoch_millis
    FROM sys.jobs_recent
    WHERE query NOT LIKE '%{mark}%'
      AND (status NOT IN ('COMPLETED', 'FAILED', 'CANCELED')
           OR final_state_epoch_millis >= {since}) /* {mark} */
"""
_ENDED = frozenset({"COMPLETED", "FAILED", "CANCELED"})
_BUILD = "ACCELERATOR_CREATE"
_QUERIES = "dremio_query_duration_seconds"
_REFRESHES = "dremio_reflection_refresh_seconds"


class Wire(Protocol):
    """Runs a statement."""

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return its rows. Raises TransientError."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class DremioJobs:
    """Collects; `slow`: seconds beyond which a statement counts as slow."""

    def __init__(self, wire: Wire, slow: float) -> None:
        self._wire = wire
        self._slow = slow
        self._began_counting = self._since = int(time.time() * 1000)
        self._counted: dict[str, int] = {}  # job → when it ended, for those that may come again
        self._asked = float("-inf")
        self._durations: dict[tuple[str, str], Distribution] = {}
        self._builds = {
            result: Distribution(BY_NAME[_REFRESHES].buckets) for result in ("done", "failed")
        }
        self._slow_ended = self._running = self._slow_running = 0

    def __call__(self) -> Iterator[Metric]:
        """Yield the families. Raises TransientError."""
        if time.monotonic() - self._asked >= _EVERY:
            self._take(
                self._wire.rows(_ASKED.format(mark=_MARK, since=self._since - _SLACK)),
                int(time.time() * 1000),
            )
            self._asked = time.monotonic()
        family = histogram(_QUERIES)
        for labels, distribution in sorted(self._durations.items()):
            distribution.into(family, labels)
        yield family
        total = counter("dremio_slow_queries_total")
        total.add_metric([], self._slow_ended)
        yield total
        yield value("dremio_running_queries", self._running)
        yield value("dremio_slow_running_queries", self._slow_running)
        family = histogram(_REFRESHES)
        for result, distribution in self._builds.items():
            distribution.into(family, [result])
        yield family

    def _take(self, jobs: list[dict[str, Any]], now: int) -> None:
        self._running = self._slow_running = 0
        for job in jobs:
            kind, began = str(job["query_type"]), int(job["submitted_epoch_millis"])
            if job["status"] not in _ENDED:
                self._running += 1
                self._slow_running += kind != _BUILD and (now - began) / 1000 > self._slow
                continue
            ended = int(job["final_state_epoch_millis"])
            if ended < self._began_counting or job["job_id"] in self._counted:
                continue
            self._counted[job["job_id"]] = ended
            self._count(kind, str(job["status"]), max(0, ended - began) / 1000)
        self._since = max(self._since, *self._counted.values(), 0)
        kept = self._since - _SLACK
        self._counted = {job: ended for job, ended in self._counted.items() if ended >= kept}

    def _count(self, kind: str, status: str, seconds: float) -> None:
        bounds = BY_NAME[_QUERIES].buckets
        self._durations.setdefault((kind, status), Distribution(bounds)).observe(seconds)
        if kind == _BUILD:
            self._builds["done" if status == "COMPLETED" else "failed"].observe(seconds)
        elif seconds > self._slow:
            self._slow_ended += 1
