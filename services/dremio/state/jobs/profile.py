"""How a statement was answered: time per phase, rows, bytes, and the plan's own figures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa

# A plan larger than this is kept without its operators' details.
_LARGE = 200_000
_KEPT = ("operator_type", "operator_timing", "operator_cardinality", "operator_rows_scanned")


class Profile:
    """Measures one statement. Times are in milliseconds."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._planned: float | None = None
        self._measured = False
        self.queued = 0.0
        self.executing = 0.0
        self.sending = 0.0
        self.rows = 0
        self.bytes = 0
        self.cached = False
        self.plan: Any = None
        self.figures: dict[str, Any] = {}

    def start(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Have DuckDB measure the operators of what the cursor runs."""
        cursor.execute("PRAGMA enable_profiling = 'no_output'")
        self._measured = True

    def planned(self) -> None:
        """Tell that names are resolved and DuckDB gets to work; the first call counts."""
        if self._planned is None:
            self._planned = time.monotonic()

    def streamed(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the batches, telling the engine's time from the client's."""
        while True:
            asked = time.monotonic()
            batch = next(batches, None)
            given = time.monotonic()
            self.executing += given - asked
            if batch is None:
                return
            self.rows += batch.num_rows
            self.bytes += batch.nbytes
            yield batch
            self.sending += time.monotonic() - given

    def handled(self) -> None:
        """Tell that the statement's result is at hand or ready to be read."""
        now = time.monotonic()
        self.executing += now - (self._planned or now)

    def read_plan(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Take DuckDB's figures of the last query, where it measured it."""
        if not self._measured:
            return
        try:
            found = json.loads(cursor.get_profiling_information("json"))
        except (duckdb.Error, ValueError):
            return
        self.figures = {
            "peakMemoryBytes": found.get("system_peak_buffer_memory"),
            "spilledBytes": found.get("system_peak_temp_dir_size"),
            "bytesRead": found.get("total_bytes_read"),
            "cpuMs": round(float(found.get("cpu_time") or 0) * 1000, 3),
        }
        children = found.get("children") or []
        self.plan = [_operator(child, details=True) for child in children]
        if len(json.dumps(self.plan)) > _LARGE:
            self.plan = [_operator(child, details=False) for child in children]

    def json(self) -> dict[str, Any]:
        """Return what is kept of it."""
        total = time.monotonic() - self._started
        planning = (self._planned or self._started) - self._started - self.queued
        phases = {
            "queued": self.queued,
            "planning": max(planning, 0.0),
            "executing": self.executing,
            "sending": self.sending,
            "total": total,
        }
        return {
            "phasesMs": {name: round(seconds * 1000, 3) for name, seconds in phases.items()},
            "rows": self.rows,
            "bytes": self.bytes,
            "fromResultCache": self.cached,
            **self.figures,
            "plan": self.plan,
        }


def _operator(node: dict[str, Any], *, details: bool) -> dict[str, Any]:
    shown = {name.removeprefix("operator_"): node.get(name) for name in _KEPT}
    if details and node.get("extra_info"):
        shown["details"] = node["extra_info"]
    shown["inputs"] = [_operator(each, details=details) for each in node.get("children") or []]
    return shown
