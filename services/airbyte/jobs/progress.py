"""Counts of rows while a stream is being written, kept in the database for everyone to see.

Every row gets a number of a sequence when it is written (see `destination.schema`); a thread
reads how far the sequence is. So nothing is counted on the rows' path itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import psycopg

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.source import Reading
from services.airbyte.destination.schema import ROW_NUMBERS
from services.airbyte.state import jobs
from services.airbyte.state.database import Db

log = logging.getLogger(__name__)

_EVERY = 0.5

Json = dict[str, Any]


class Progress:
    """Watches what one DuckDB writes for one attempt; `close` ends it."""

    def __init__(
        self, duck: duckdb.DuckDBPyConnection, connect: Callable[[], Db], job_id: int, attempt: int
    ) -> None:
        self._duck, self._connect = duck.cursor(), connect
        self._job_id, self._attempt = job_id, attempt
        self._lock = threading.Lock()
        self._looks = 0
        self._now: tuple[ConfiguredStream, Reading, int, Json] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join(timeout=5)

    @contextmanager
    def of(self, stream: ConfiguredStream, reading: Reading, before: Json) -> Iterator[None]:
        """Count the rows that are written within; `before` are the stream's counters so far."""
        with self._lock:
            self._now = (stream, reading, self._row_number(), before)
        try:
            yield
        finally:
            with self._lock:  # from here on the commit's own counts stand
                self._now = None

    def _row_number(self) -> int:
        """Return how many rows were numbered so far.

        It takes a number itself: `duckdb_sequences()` would have every attached database tell its
        sequences, the source's too.
        """
        found = self._duck.execute(f"SELECT nextval('{ROW_NUMBERS}')").fetchone()
        self._looks += 1
        return int(found[0]) - self._looks if found else 0

    def _watch(self) -> None:
        db: Db | None = None
        while not self._stop.wait(_EVERY):
            with self._lock:
                if self._now is None:
                    continue
                try:
                    db = db or self._connect()
                    self._store(db, *self._now)
                except (psycopg.Error, duckdb.Error) as error:
                    log.debug("progress could not be stored: %s", error)
                    db = None
        if db is not None:
            db.close()

    def _store(
        self, db: Db, stream: ConfiguredStream, reading: Reading, first: int, before: Json
    ) -> None:
        rows = self._row_number() - first
        stats = {**before, **stream.descriptor, **estimates(reading, rows)}
        stats["recordsEmitted"] = int(before.get("recordsEmitted", 0)) + rows
        if reading.estimated_rows and reading.estimated_bytes:
            share = min(1.0, rows / reading.estimated_rows)
            stats["bytesEmitted"] = int(
                before.get("bytesEmitted", 0) + share * reading.estimated_bytes
            )
        jobs.save_stats(db, self._job_id, self._attempt, stream.key, stats)


def estimates(reading: Reading, rows: int) -> Json:
    """Return Airbyte's estimate counters; a stream that outgrew its estimate has none."""
    if not reading.estimated_rows or rows > reading.estimated_rows:
        return {}
    found = {"estimatedRecords": reading.estimated_rows}
    if reading.estimated_bytes:
        found["estimatedBytes"] = reading.estimated_bytes
    return found
