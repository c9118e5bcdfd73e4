"""A running statement as a Flight stream, and what stops it when its client goes away."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from services.dremio.state.engine import Engine
from services.dremio.state.errors import DremioError
from services.dremio.state.execution import Execution
from services.dremio.wire.flight.ahead import Ahead
from services.dremio.wire.flight.errors import to_flight

_POLL_SECONDS = 0.2
_log = logging.getLogger(__name__)


class Watcher:
    """Cancels the jobs of clients that are gone. One thread for all calls."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # A call's context must not be asked once the call is over: `forget` waits for the lock.
        self._lock = threading.Lock()
        self._calls: dict[str, Any] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flight-watcher", daemon=True)
        self._thread.start()

    def watch(self, job_id: str, context: Any) -> None:
        """Look after a call until `forget`."""
        with self._lock:
            self._calls[job_id] = context

    def forget(self, job_id: str) -> None:
        """The call is over."""
        with self._lock:
            self._calls.pop(job_id, None)

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(2)

    def _run(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            with self._lock:
                gone = [job for job, context in self._calls.items() if context.is_cancelled()]
            for job in gone:
                if self._engine.cancel(job):
                    _log.info("the client is gone: query cancelled", extra={"job_id": job})


class Rows:
    """The batches of an execution; at least one, so that clients see the schema's columns.

    Closes the execution when it is exhausted, fails, or is dropped unread.
    """

    def __init__(self, execution: Execution, watcher: Watcher, ended: Callable[[], None]) -> None:
        self._execution = execution
        self._watcher = watcher
        self._ended = ended
        self._batches = Ahead(execution.batches)
        self._sent = False
        self._over = False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        try:
            batch = next(self._batches)
        except StopIteration:
            self.close()
            if self._sent:
                raise
            self._sent = True
            return empty(self._execution.schema)
        except DremioError as error:
            self.close(error)
            raise to_flight(error) from None
        except BaseException as error:
            self.close(error)
            raise
        self._sent = True
        return batch

    def close(self, error: BaseException | None = None) -> None:
        """End the statement; a second call does nothing."""
        if self._over:
            return
        self._over = True
        self._watcher.forget(self._execution.job_id)
        self._ended()
        self._batches.stop()
        if self._batches.busy:
            self._execution.cancel()  # it may be at a batch that takes long
        self._batches.close()
        self._execution.close(error)

    def __del__(self) -> None:
        self.close(GeneratorExit())


def empty(schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch without rows."""
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
