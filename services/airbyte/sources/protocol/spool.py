"""Rows of one stream on their way: from the connector's lines to Parquet files on local disk.

The lines are held in memory up to a bound, then typed by DuckDB into a file. A STATE message
covers all rows before it; when the connector fails, only those are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import orjson

from services.airbyte.cdk.columns import Column, duckdb_type, literal, quote
from services.airbyte.sources.protocol.schema import CHANGES, CHANGES_TYPE, ROW, typed

Json = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """A file with rows."""

    path: Path
    rows: int
    bytes: int


class Spool:
    """Collects a stream's RECORD lines; `keys` are columns no row may lack."""

    def __init__(
        self,
        duck: duckdb.DuckDBPyConnection,
        folder: Path,
        columns: tuple[Column, ...],
        keys: Sequence[str],
        refuse: Callable[[Json], None],
    ) -> None:
        self._duck, self._folder, self.columns, self._keys = duck, folder, columns, tuple(keys)
        self._refuse = refuse
        self._lines: list[bytes] = []
        self.held = 0
        self._parts: list[Part] = []
        self._covered_parts = self._covered_lines = self._number = self._rows = 0
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, line: bytes) -> None:
        """Take a RECORD line that is known to be JSON."""
        self._lines.append(line)
        self.held += len(line)

    def cover(self) -> None:
        """Note that a state covers everything taken so far."""
        self._covered_parts, self._covered_lines = len(self._parts), len(self._lines)

    @property
    def waiting(self) -> int:
        """How many bytes wait to be committed."""
        return self.held + sum(part.bytes for part in self._parts)

    def flush(self) -> None:
        """Move the lines from memory to disk."""
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
        count = self._covered_parts if covered_only else len(self._parts)
        taken, self._parts = self._parts[:count], self._parts[count:]
        self._covered_parts = 0
        return taken

    def _write(self, lines: list[bytes]) -> None:
        self._number += 1
        source = self._folder / f"{self._number}.jsonl"
        source.write_bytes(b"\n".join(lines) + b"\n")
        target = self._folder / f"{self._number}.parquet"
        longest = max(map(len, lines))
        query = typed(str(source), longest, self.columns, self._rows)
        whole = " AND ".join(f"{quote(name)} IS NOT NULL" for name in self._keys)
        chosen = f"SELECT * FROM ({query}) WHERE {whole}" if whole else query
        rows = self._duck.execute(
            f"COPY ({chosen}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
        ).fetchall()[0][0]
        if rows < len(lines):
            self._refuse_keyless(source, lines)
        self._rows += len(lines)
        source.unlink()
        self._parts.append(Part(target, rows, sum(map(len, lines))))

    def _refuse_keyless(self, source: Path, lines: list[bytes]) -> None:
        keys = tuple(c for c in self.columns if c.name in self._keys)
        missing = " OR ".join(f"{quote(name)} IS NULL" for name in self._keys)
        query = typed(str(source), max(map(len, lines)), keys)
        found = self._duck.execute(
            f"SELECT {ROW} FROM ({query}) WHERE {missing} ORDER BY 1"
        ).fetchall()
        for (number,) in found:
            self._refuse(
                {
                    "reason": f"the primary key ({', '.join(self._keys)}) is missing or unfit",
                    "data": orjson.loads(lines[number - 1])["record"]["data"],
                }
            )


def relation(parts: Sequence[Part], columns: tuple[Column, ...]) -> str:
    """Return the SQL to read the rows of `parts` from; none are an empty relation."""
    if parts:
        listing = ", ".join(literal(str(part.path)) for part in parts)
        return f"read_parquet([{listing}], hive_partitioning = false)"
    nulls = "".join(f"NULL::{duckdb_type(c.type)} AS {quote(c.name)}, " for c in columns)
    return f"(SELECT {nulls}NULL::{CHANGES_TYPE} AS {CHANGES}, NULL::BIGINT AS {ROW} WHERE false)"
