"""Rows of one stream on their way: from the connector's lines to Parquet files on local disk.

The lines are held in memory up to a bound, then typed by DuckDB into a file while the next ones
are being read. A STATE message covers all rows before it; when the connector fails, only those are
kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow.parquet as pq

from services.airbyte.cdk.columns import Column, duckdb_type, literal, quote
from services.airbyte.sources.protocol.renewing import renewed
from services.airbyte.sources.protocol.schema import CHANGES, CHANGES_TYPE, ROW, typed
from services.airbyte.sources.protocol.wide import COLUMNS, LONG, groups, long_row, whole, wide_rows

Json = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """A file with rows, and the records that are not in it with their reasons."""

    path: Path
    rows: int
    bytes: int
    refused: list[Json]


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
    """Collects a stream's RECORD lines; `keys` are columns no row may lack."""

    def __init__(
        self,
        typist: Typist,
        folder: Path,
        columns: tuple[Column, ...],
        keys: Sequence[str],
        refuse: Callable[[Json], None],
    ) -> None:
        self._typist, self._folder, self.columns, self._keys = typist, folder, columns, tuple(keys)
        self._refuse = refuse
        self._lines: list[bytes] = []
        self.held = 0
        self._parts: list[Future[Part]] = []
        self._covered_parts = self._covered_lines = self._number = self._rows = self._covered = 0
        self._written = 0
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, line: bytes) -> None:
        """Take a RECORD line that is known to be JSON."""
        self._lines.append(line)
        self.held += len(line)

    def cover(self) -> int:
        """Note that a state covers everything taken so far; return how many rows are new in it."""
        self._covered_parts, self._covered_lines = len(self._parts), len(self._lines)
        before, self._covered = self._covered, self._rows + len(self._lines)
        return self._covered - before

    @property
    def is_covered(self) -> bool:
        """Whether a state covers everything taken so far."""
        return self._covered == self._rows + len(self._lines)

    @property
    def waiting(self) -> int:
        """How many bytes wait to be committed."""
        return self.held + self._written

    def flush(self) -> None:
        """Begin to move the lines from memory to disk."""
        covered, rest = self._lines[: self._covered_lines], self._lines[self._covered_lines :]
        self._lines, self.held, self._covered_lines = [], 0, 0
        if covered:
            self._write(covered)
            self._covered_parts = len(self._parts)
        if rest:
            self._write(rest)

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

    def _write(self, lines: list[bytes]) -> None:
        for group in groups(lines):
            self._number += 1
            before, self._rows = self._rows, self._rows + len(group)
            self._written += sum(map(len, group))
            work = partial(self._typed, self._number, before, group)
            self._parts.append(self._typist.start(work))

    def _typed(self, number: int, before: int, lines: list[bytes]) -> Part:
        source = self._folder / f"{number}.jsonl"
        target = self._folder / f"{number}.parquet"
        try:
            rows = self._stored(source, target, before, lines)
        except duckdb.InvalidInputException:
            lines = [renewed(line) for line in lines]
            rows = self._stored(source, target, before, lines)
        refused = self._keyless(source, lines) if rows < len(lines) else []
        source.unlink()
        return Part(target, rows, sum(map(len, lines)), refused)

    def _stored(self, source: Path, target: Path, before: int, lines: list[bytes]) -> int:
        """Write the rows of `lines` that lack no key as Parquet; return how many they are."""
        duck, longest = self._typist.duck, max(map(len, lines))
        if longest > LONG:
            table = long_row(duck, lines[0], source, self.columns, before)
        else:
            source.write_bytes(b"\n".join(lines) + b"\n")
            if len(self.columns) <= COLUMNS:
                return self._copied(typed(str(source), longest, self.columns, before), target)
            table = wide_rows(duck, source, longest, self.columns, before)
        table = whole(table, self._keys)
        pq.write_table(table, target, compression="zstd", use_dictionary=False)
        return int(table.num_rows)

    def _copied(self, query: str, target: Path) -> int:
        keys = " AND ".join(f"{quote(name)} IS NOT NULL" for name in self._keys)
        chosen = f"SELECT * FROM ({query}) WHERE {keys}" if keys else query
        return int(
            self._typist.duck.execute(
                f"COPY ({chosen}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
            ).fetchall()[0][0]
        )

    def _keyless(self, source: Path, lines: list[bytes]) -> list[Json]:
        """Return the records without a primary key, and why they are refused."""
        keys = tuple(c for c in self.columns if c.name in self._keys)
        missing = " OR ".join(f"{quote(name)} IS NULL" for name in self._keys)
        query = typed(str(source), max(map(len, lines)), keys)
        found = self._typist.duck.execute(
            f"SELECT {ROW} FROM ({query}) WHERE {missing} ORDER BY 1"
        ).fetchall()
        return [
            {
                "reason": f"the primary key ({', '.join(self._keys)}) is missing or unfit",
                "data": orjson.loads(lines[number - 1])["record"]["data"],
            }
            for (number,) in found
        ]


def relation(parts: Sequence[Part], columns: tuple[Column, ...]) -> str:
    """Return the SQL to read the rows of `parts` from; none are an empty relation."""
    if parts:
        listing = ", ".join(literal(str(part.path)) for part in parts)
        return f"read_parquet([{listing}], hive_partitioning = false)"
    nulls = "".join(f"NULL::{duckdb_type(c.type)} AS {quote(c.name)}, " for c in columns)
    return f"(SELECT {nulls}NULL::{CHANGES_TYPE} AS {CHANGES}, NULL::BIGINT AS {ROW} WHERE false)"
