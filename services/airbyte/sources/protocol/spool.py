"""Rows of one stream on their way: from the connector's records to Parquet files on local disk.

The records are held in memory up to a bound, then typed by DuckDB into a file while the next ones
are being read. A STATE message covers all rows before it; when the connector fails, only those are
kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from services.airbyte.cdk.columns import Column
from services.airbyte.sources.protocol.parts import Part, Parts, Row, row_of
from services.airbyte.sources.protocol.records import Record
from services.airbyte.sources.protocol.wide import LONG, groups

Json = dict[str, Any]


class Typist:
    """Types rows in a thread of its own, with an engine that nothing else uses."""

    def __init__(self, duck: duckdb.DuckDBPyConnection) -> None:
        self.duck = duck
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="typing")
        self._last: Future[Any] | None = None

    def start(self, work: Callable[[], Part]) -> Future[Part]:
        """Begin a piece of work; first wait for the one before, which bounds the memory.

        Raises what went wrong with that one, so that nothing is read in vain for long.
        """
        if self._last is not None:
            self._last.result()
        self._last = found = self._thread.submit(work)
        return found

    def close(self) -> None:
        """Wait for what is being done."""
        self._thread.shutdown(cancel_futures=True)


class Spool:
    """Collects a stream's records; `keys` are columns no row may lack."""

    def __init__(
        self,
        typist: Typist,
        folder: Path,
        columns: tuple[Column, ...],
        keys: Sequence[str],
        refuse: Callable[[Json], None],
    ) -> None:
        self._typist, self.columns, self._refuse = typist, columns, refuse
        self._maker = Parts(typist.duck, folder, columns, tuple(keys))
        self._held: list[Row] = []
        self.held = self._longest = 0
        self._parts: list[Future[Part]] = []
        self._covered_parts = self._covered_held = self._number = self._rows = self._covered = 0
        self._written = 0
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, record: Record, size: int) -> None:
        """Take the record of a line of `size` bytes."""
        self._held.append(row_of(record))
        self.held += size
        if size > self._longest:
            self._longest = size

    def cover(self) -> int:
        """Note that a state covers everything taken so far; return how many rows are new in it."""
        self._covered_parts, self._covered_held = len(self._parts), len(self._held)
        before, self._covered = self._covered, self._rows + len(self._held)
        return self._covered - before

    @property
    def is_covered(self) -> bool:
        """Whether a state covers everything taken so far."""
        return self._covered == self._rows + len(self._held)

    @property
    def waiting(self) -> int:
        """How many bytes wait to be committed."""
        return self.held + self._written

    def flush(self) -> None:
        """Begin to move the records from memory to disk."""
        covered, rest = self._held[: self._covered_held], self._held[self._covered_held :]
        self._written += self.held
        self._held, self.held, self._covered_held = [], 0, 0
        if covered:
            self._write(covered)
            self._covered_parts = len(self._parts)
        if rest:
            self._write(rest)
        self._longest = 0

    def take(self, *, covered_only: bool) -> list[Part]:
        """Return the files of all rows, or of those that a state covers; they are not kept."""
        self.flush()
        parts = [future.result() for future in self._parts]
        count = self._covered_parts if covered_only else len(parts)
        for part in parts[:count]:
            for record in part.refused:
                self._refuse(record)
        self._parts, self._covered_parts = self._parts[count:], 0
        self._written = sum(part.bytes for part in parts[count:])
        return parts[:count]

    def _write(self, rows: list[Row]) -> None:
        if self._longest <= LONG:
            self._start(rows, self._longest)
            return
        for group in groups([bytes(row) for row in rows]):
            self._start(group, max(map(len, group)))

    def _start(self, rows: Sequence[Row], longest: int) -> None:
        self._number += 1
        before, self._rows = self._rows, self._rows + len(rows)
        work = partial(self._maker.write, self._number, before, rows, longest)
        self._parts.append(self._typist.start(work))
