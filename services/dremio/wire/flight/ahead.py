"""Batches made ahead: the next ones are fetched and cast while the last ones are on the wire.

Without it a query stands still while its rows are sent, and the line while they are made.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

import pyarrow as pa

# What may wait to be sent. A client that does not read stops the query here (back-pressure).
_MOST_BYTES = 8 * 2**20
# The largest piece that is sent: Go's Flight client takes messages of 16 MB by default.
_PIECE_BYTES = 8 * 2**20
# Smaller results are over before a thread would be of use.
_WORTH_ROWS = 8_192


class Ahead:
    """Yields what `batches` gives, in order, made by a thread of its own once it is worth one.

    At most some megabytes wait. What `batches` raises is raised here, after the batches before
    it. `close` has to be called; it returns when `batches` is no longer being read.
    """

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._changed = threading.Condition()
        self._waiting: deque[pa.RecordBatch] = deque()
        self._bytes = 0
        self._over: BaseException | None = None
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._worth = False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        if self._thread is None:
            if self._waiting:
                return self._waiting.popleft()
            if not self._worth:
                # The first batch is not kept waiting for a thread to start.
                self._take(next(self._batches))
                return self._waiting.popleft()
            self._thread = threading.Thread(target=self._fetch, name="fetch-ahead", daemon=True)
            self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._over is not None)
            if not self._waiting:
                raise self._over or StopIteration
            batch = self._waiting.popleft()
            self._bytes -= batch.nbytes
            self._changed.notify_all()
            return batch

    @property
    def busy(self) -> bool:
        """Whether the thread is at a batch, or waits to hand one over."""
        return self._thread is not None and self._over is None

    def stop(self) -> None:
        """Let the thread end after the batch that it is at."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread; whoever makes the batches has to be interrupted before, if need be."""
        self.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _take(self, batch: pa.RecordBatch) -> None:
        self._worth = self._worth or batch.num_rows >= _WORTH_ROWS
        self._waiting.extend(pieces(batch))

    def _fetch(self) -> None:
        over: BaseException = StopIteration()
        try:
            for batch in self._batches:
                with self._changed:
                    self._changed.wait_for(lambda: self._stopped or self._bytes < _MOST_BYTES)
                    if self._stopped:
                        break
                    for piece in pieces(batch):
                        self._waiting.append(piece)
                        self._bytes += piece.nbytes
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - the reader is told
            over = error
        with self._changed:
            self._over = over
            self._changed.notify_all()


def pieces(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
    """Return the batch in parts that every client takes; usually it is one."""
    size = batch.nbytes
    if size <= _PIECE_BYTES or batch.num_rows < 2:
        return [batch]
    rows = max(1, batch.num_rows * _PIECE_BYTES // size)
    return [batch.slice(start, rows) for start in range(0, batch.num_rows, rows)]
