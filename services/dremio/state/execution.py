"""A statement that runs: its result's schema, the stream of its rows, and how to stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from services.dremio.state.errors import DremioError


@dataclass
class Execution:
    """What `Engine.execute` hands back.

    `schema` holds only types that Dremio has (timestamps in ms without zone, no unsigned or
    small integers). `batches` may be read once and must be read to its end or `close`d: until
    then the statement counts as running and holds its snapshot and its database cursor.
    """

    job_id: str
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    statement: str = "SELECT"
    _on_close: Callable[[BaseException | None], None] = lambda error: None
    _on_cancel: Callable[[], object] = lambda: None
    _closed: bool = field(default=False, repr=False)

    @property
    def reader(self) -> pa.RecordBatchReader:
        """The rows as a RecordBatchReader; reading it to the end closes the execution."""
        return pa.RecordBatchReader.from_batches(self.schema, self.stream())

    def stream(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches, then close; an error closes too and is raised as DremioError."""
        try:
            yield from self.batches
        except BaseException as error:
            self.close(error)
            raise
        self.close()

    def table(self) -> pa.Table:
        """Read every row into memory. Raises DremioError when the statement fails."""
        return pa.Table.from_batches(list(self.stream()), self.schema)

    def cancel(self) -> None:
        """Stop the statement from another thread; its reader raises DremioError (CANCELED)."""
        self._on_cancel()

    def close(self, error: BaseException | None = None) -> None:
        """Give the cursor back and record how the job ended; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self._on_close(error)


__all__ = ["DremioError", "Execution"]
