"""The queue: a bounded number of statements runs, in the order they came; the others wait."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import duckdb

from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.limits import Limits

# Above this share of the memory limit no further statement starts while others run.
_FULL = 0.85
_MEMORY_SECONDS = 0.1
# How often one that waits looks whether it was cancelled or the memory is free again.
_LOOK_SECONDS = 0.1


class Slots:
    """Lets statements in. Safe to use from many threads."""

    def __init__(self, limits: Limits, memory_full: Callable[[], bool] = lambda: False) -> None:
        self._limits = limits
        self._memory_full = memory_full
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self.running = 0

    @property
    def waiting(self) -> int:
        """How many statements wait."""
        return len(self._waiting)

    def enter(
        self, cancelled: threading.Event, on_wait: Callable[[], object] = lambda: None
    ) -> float:
        """Wait for a place and take it; return the seconds waited. `leave` gives it back.

        `on_wait` is called when there is none at once.
        Raises DremioError: CANCELED, or RESOURCE when the queue is full or the wait too long.
        """
        started = time.monotonic()
        with self._changed:
            if not self._waiting and self._has_room():
                self.running += 1
                return 0.0
            if len(self._waiting) >= self._limits.queue_length:
                raise DremioError(
                    ErrorKind.RESOURCE,
                    f"{self.running} statements run and {len(self._waiting)} wait: the queue is "
                    "full. Try again later, or set DREMIO_QUERIES_AT_ONCE or DREMIO_QUEUE_LENGTH",
                )
            on_wait()
            ticket = object()
            self._waiting.append(ticket)
            try:
                while self._waiting[0] is not ticket or not self._has_room():
                    if cancelled.is_set():
                        raise DremioError(ErrorKind.CANCELED, "Query was canceled")
                    waited = time.monotonic() - started
                    if waited > self._limits.queue_seconds:
                        raise DremioError(
                            ErrorKind.RESOURCE,
                            f"The statement waited {waited:.0f} s in the queue and was not "
                            f"started: {self.running} run (DREMIO_QUERIES_AT_ONCE, "
                            "DREMIO_QUEUE_SECONDS, DREMIO_MEMORY_LIMIT)",
                        )
                    self._changed.wait(_LOOK_SECONDS)
                self.running += 1
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
        return time.monotonic() - started

    def leave(self) -> None:
        """Give a place back."""
        with self._changed:
            self.running -= 1
            self._changed.notify_all()

    def _has_room(self) -> bool:
        if self.running == 0:
            return True
        return self.running < self._limits.at_once and not self._memory_full()


class Memory:
    """How much of the engine's memory limit statements hold; read at most ten times a second."""

    def __init__(self, database: duckdb.DuckDBPyConnection, limit_bytes: int) -> None:
        self._database = database
        self._limit = limit_bytes
        self._read_at = 0.0
        self._full = False

    def full(self) -> bool:
        """Whether another statement would rather find none."""
        now = time.monotonic()
        if now - self._read_at > _MEMORY_SECONDS:
            cursor = self._database.cursor()
            try:
                # Cached files make room by themselves.
                row = cursor.execute(
                    "SELECT sum(memory_usage_bytes) FROM duckdb_memory() "
                    "WHERE tag <> 'EXTERNAL_FILE_CACHE'"
                ).fetchone()
            finally:
                cursor.close()
            self._full = bool(row and row[0] and row[0] > self._limit * _FULL)
            self._read_at = now
        return self._full


def limit_of(database: duckdb.DuckDBPyConnection) -> int:
    """Return the memory limit in bytes."""
    row = database.execute("SELECT current_setting('memory_limit')").fetchone()
    text = str(row[0]) if row else "0 bytes"
    number, _, unit = text.partition(" ")
    factor = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}[unit]
    return int(float(number) * factor)
