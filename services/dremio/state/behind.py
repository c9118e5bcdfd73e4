"""Writes records behind the statements they are of: one thread, many in one round trip."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import psycopg
from psycopg_pool import PoolClosed

from services.dremio.state.errors import DremioError, ErrorKind

_log = logging.getLogger(__name__)
# How long records gather before they are written, unless someone waits for them.
_GATHER_SECONDS = 0.02
_RETRY_SECONDS = 1.0
_MOST_WAITING = 50_000
T = TypeVar("T")


class Behind(Generic[T]):
    """Takes records by key and hands the newest of each key to `write`, in order of `put`.

    `write` raises DremioError when it cannot reach the database: then the records wait (of more
    than 50,000 the oldest are given up, and the service's log says so). `what` names them there.
    Safe to use from many threads; the thread starts with the first record.
    """

    def __init__(self, what: str, write: Callable[[list[T]], None]) -> None:
        self._what = what
        self._write_all = write
        self._changed = threading.Condition()
        self._waiting: dict[object, T] = {}
        self._put = self._written = 0
        self._failures = 0
        self._failure: DremioError | None = None
        self._hurry = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, key: object, record: T) -> None:
        """Have a record written soon."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._what, daemon=True)
                self._thread.start()
            self._put += 1
            self._waiting.pop(key, None)
            self._waiting[key] = record
            if len(self._waiting) > _MOST_WAITING:
                lost = self._waiting.pop(next(iter(self._waiting)))
                _log.error("given up: %s", self._what, extra={"record": str(lost)})
            self._changed.notify_all()

    def flush(self, seconds: float = 15.0) -> None:
        """Wait until all that was put is written. Raises DremioError (RESOURCE) when it is not."""
        with self._changed:
            wanted, failures = self._put, self._failures
            if self._written >= wanted:
                return
            self._hurry.set()
            self._changed.wait_for(
                lambda: self._written >= wanted or self._failures > failures, seconds
            )
            if self._written < wanted:
                raise self._failure or DremioError(
                    ErrorKind.RESOURCE, f"The {self._what} were not written within {seconds:g} s"
                )

    def close(self) -> None:
        """Write what waits, then end the thread."""
        self._stop.set()
        self._hurry.set()
        with self._changed:
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(15)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stop.is_set())
                if not self._waiting:
                    return
            self._hurry.wait(_GATHER_SECONDS)
            self._hurry.clear()
            with self._changed:
                batch, upto = self._waiting, self._put
                self._waiting = {}
            last = self._stop.is_set()
            try:
                self._write(list(batch.values()))
            except (DremioError, PoolClosed) as error:
                self._failed(batch, error)
                if last:  # one that began before the end was asked for is tried once more
                    return
                self._hurry.wait(_RETRY_SECONDS)
                continue
            with self._changed:
                self._written, self._failure = upto, None
                self._changed.notify_all()

    def _failed(self, batch: dict[object, T], error: Exception) -> None:
        if self._failure is None:
            _log.warning("%s not written; trying again", self._what, extra={"why": str(error)})
        with self._changed:
            for key in self._waiting:
                batch.pop(key, None)
            self._waiting = {**batch, **self._waiting}
            self._failures += 1
            self._failure = (
                error
                if isinstance(error, DremioError)
                else DremioError(ErrorKind.RESOURCE, f"The {self._what} were not written: {error}")
            )
            self._changed.notify_all()

    def _write(self, records: list[T]) -> None:
        """Write records; one that cannot be written must not keep the others from it."""
        try:
            self._write_all(records)
        except (DremioError, PoolClosed):
            raise
        except (psycopg.Error, ValueError) as error:
            if len(records) > 1:
                for each in records:
                    self._write([each])
            else:
                _log.error(
                    "one of the %s cannot be written",
                    self._what,
                    extra={"record": str(records[0]), "why": str(error)},
                )
