"""Showing a sync while it runs: rows, MB, rate and time left of each stream.

On a terminal one table is drawn anew; elsewhere (a pipe, a log file) a line is printed per stream
whenever a second has passed and something has changed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from bootstrap.output import plain_table

Job = dict[str, Any]

_EVERY = 1.0
_LEAST = 0.2


@dataclass
class _Stream:
    """What is known of one stream; times are those of `Follower.clock`."""

    began: float
    rows: int = 0
    size: int = 0
    estimate: int = 0
    grown: float | None = None
    ended: float | None = None

    def rate(self, now: float) -> float | None:
        """Rows a second so far; None where it has been looked at for too short a time."""
        seconds = (self.ended or now) - self.began
        return None if self.rows and seconds < _LEAST else self.rows / max(seconds, _LEAST)

    def left(self, now: float) -> float | None:
        """Seconds until the estimate is reached; None where that cannot be told."""
        rate = self.rate(now)
        if self.ended is not None or not self.estimate or not rate:
            return None
        return max(0.0, (self.estimate - self.rows) / rate)


@dataclass
class Follower:
    """Shows the jobs of connections; `job` is called with `jobs/get`'s answer time and again."""

    console: Console
    clock: Callable[[], float] = time.monotonic
    _streams: dict[tuple[str, str, str], _Stream] = field(default_factory=dict)
    _live: Live | None = None
    _printed: float = 0.0
    _looked: float | None = None
    _last: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Follower:
        if self.console.is_terminal:
            self._live = Live(console=self.console, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._live is not None:
                self._live.update(self.table())
                self._live.stop()
            else:
                self._print()

    def job(self, connection: str, job: Job) -> None:
        """Take over a job's counters and show them."""
        with self._lock:
            self._take(connection, job)
            self._looked = self.clock()
            if self._live is not None:
                self._live.update(self.table())
            elif self.clock() - self._printed >= _EVERY:
                self._print()

    def _take(self, connection: str, job: Job) -> None:
        attempts = job.get("attempts") or []
        if not attempts:
            return
        now = self.clock()
        attempt = attempts[-1].get("attempt") or attempts[-1]
        for item in attempt.get("streamStats") or []:
            stats = item["stats"]
            key = (connection, item.get("streamNamespace") or "", item["streamName"])
            # It began after the look before: then it was not there.
            stream = self._streams.setdefault(key, _Stream(self._looked or now))
            before, stream.rows = stream.rows, int(stats.get("recordsEmitted") or 0)
            if stream.rows > before:  # what is committed may be a part, and more to come
                stream.grown, stream.ended = now, None
            stream.size = int(stats.get("bytesCommitted") or stats.get("bytesEmitted") or 0)
            stream.estimate = int(stats.get("estimatedRecords") or 0)
            if stats.get("recordsCommitted") and stream.rows == before and stream.ended is None:
                stream.ended = stream.grown or now
        if job["job"]["status"] not in ("pending", "running", "incomplete"):
            for (name, _, _), stream in self._streams.items():
                if name == connection and stream.ended is None:
                    stream.ended = stream.grown or now

    def table(self) -> Table:
        """Return what is shown on a terminal."""
        table = plain_table("connection", "stream", "rows", "MB", "rows/s", "left")
        for cells in self._cells():
            table.add_row(*cells)
        return table

    def _cells(self) -> list[list[str]]:
        now = self.clock()
        found = []
        for (connection, namespace, name), stream in self._streams.items():
            same = [key for key in self._streams if (key[0], key[2]) == (connection, name)]
            shown = f"{namespace}.{name}" if len(same) > 1 else name
            left = stream.left(now)
            state = "done" if stream.ended is not None else "-" if left is None else f"{left:.0f} s"
            rate = stream.rate(now)
            speed = "-" if rate is None else f"{rate:,.0f}"
            # While nothing is committed, bytes are known of sources that tell a table's size.
            size = "-" if stream.rows and not stream.size else f"{stream.size / 1e6:,.1f}"
            found.append([connection, shown, f"{stream.rows:,}", size, speed, state])
        return found

    def _print(self) -> None:
        lines = []
        for connection, name, rows, size, rate, left in self._cells():
            end = "done" if left == "done" else f"{left} left"
            lines.append(f"{connection}.{name}: {rows} rows, {size} MB, {rate} rows/s, {end}")
        for line in lines:
            if line not in self._last:
                self.console.print(line, markup=False, soft_wrap=True)
        self._last, self._printed = lines, self.clock()
