"""A part of a stream's rows: records, typed by DuckDB into a Parquet file on local disk.

DuckDB reads them from a file with a line for each, `{"data": …}` or `{"data": …, "meta": …}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import orjson
import pyarrow.parquet as pq

from services.airbyte.cdk.columns import Column, duckdb_type, literal, quote
from services.airbyte.sources.protocol.records import NOTHING, Record
from services.airbyte.sources.protocol.renewing import renewed
from services.airbyte.sources.protocol.schema import CHANGES, CHANGES_TYPE, ROW, typed
from services.airbyte.sources.protocol.wide import COLUMNS, LONG, long_row, whole, wide_rows

Json = dict[str, Any]
# What stands in a line between _BEGIN and _END.
Row = bytes | msgspec.Raw

_BEGIN, _END = b'{"data":', b"}\n"


@dataclass(frozen=True)
class Part:
    """A file with rows, and the records that are not in it with their reasons."""

    path: Path
    rows: int
    bytes: int
    refused: list[Json]


@dataclass(frozen=True)
class Parts:
    """Makes the parts of one stream in `folder`; `keys` are columns that no row may lack."""

    duck: duckdb.DuckDBPyConnection
    folder: Path
    columns: tuple[Column, ...]
    keys: Sequence[str]

    def write(self, number: int, before: int, rows: Sequence[Row], longest: int) -> Part:
        """Write part `number`, its rows numbered from `before` on; `longest`: bytes of a row."""
        source, target = self.folder / f"{number}.jsonl", self.folder / f"{number}.parquet"
        lines, refused = _lines(rows), list[Json]()
        if lines.count(_END + _BEGIN + b"{") + lines.startswith(_BEGIN + b"{") != len(rows):
            rows, refused = _objects(rows)
            lines = _lines(rows)
        try:
            stored = self._stored(source, target, before, lines, longest)
        except duckdb.InvalidInputException:
            lines = b"".join(renewed(line) for line in lines.split(b"\n")[:-1])
            stored = self._stored(source, target, before, lines, longest)
        if stored < len(rows):
            refused += self._keyless(source, lines.split(b"\n")[:-1], longest)
        source.unlink()
        return Part(target, stored, len(lines), refused)

    def _stored(self, source: Path, target: Path, before: int, lines: bytes, longest: int) -> int:
        """Write the rows that lack no key as Parquet; return how many they are."""
        if lines and longest > LONG:
            table = long_row(self.duck, lines, source, self.columns, before)
        else:
            source.write_bytes(lines)
            if len(self.columns) <= COLUMNS:
                return self._copied(typed(str(source), longest, self.columns, before), target)
            table = wide_rows(self.duck, source, longest, self.columns, before)
        table = whole(table, self.keys)
        pq.write_table(table, target, compression="zstd", use_dictionary=False)
        return int(table.num_rows)

    def _copied(self, query: str, target: Path) -> int:
        keys = " AND ".join(f"{quote(name)} IS NOT NULL" for name in self.keys)
        chosen = f"SELECT * FROM ({query}) WHERE {keys}" if keys else query
        return int(
            self.duck.execute(
                f"COPY ({chosen}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
            ).fetchall()[0][0]
        )

    def _keyless(self, source: Path, lines: Sequence[bytes], longest: int) -> list[Json]:
        """Return the records without a primary key, and why they are refused."""
        keys = tuple(c for c in self.columns if c.name in self.keys)
        missing = " OR ".join(f"{quote(name)} IS NULL" for name in self.keys)
        found = self.duck.execute(
            f"SELECT {ROW} FROM ({typed(str(source), longest, keys)}) WHERE {missing} ORDER BY 1"
        ).fetchall()
        reason = f"the primary key ({', '.join(self.keys)}) is missing or unfit"
        return [
            {"reason": reason, "data": orjson.loads(lines[number - 1])["data"]}
            for (number,) in found
        ]


def row_of(record: Record) -> Row:
    """Return a record as it is to be given to `Parts.write`."""
    return record.data if record.meta is NOTHING else b'%b,"meta":%b' % (record.data, record.meta)


def relation(parts: Sequence[Part], columns: tuple[Column, ...]) -> str:
    """Return the SQL to read the rows of `parts` from; none are an empty relation."""
    if parts:
        listing = ", ".join(literal(str(part.path)) for part in parts)
        return f"read_parquet([{listing}], hive_partitioning = false)"
    nulls = "".join(f"NULL::{duckdb_type(c.type)} AS {quote(c.name)}, " for c in columns)
    return f"(SELECT {nulls}NULL::{CHANGES_TYPE} AS {CHANGES}, NULL::BIGINT AS {ROW} WHERE false)"


def _lines(rows: Sequence[Row]) -> bytes:
    if not rows:
        return b""
    return (_END + _BEGIN).join([b"", *rows, b""])[len(_END) : -len(_BEGIN)]


def _objects(rows: Sequence[Row]) -> tuple[list[Row], list[Json]]:
    """Return the rows that are objects, and the others with the reason why they are refused."""
    objects, refused = list[Row](), list[Json]()
    for row in rows:
        if bytes(row).startswith(b"{"):
            objects.append(row)
        else:
            data = orjson.loads(_lines([row]))["data"]
            refused.append({"reason": "data is not an object", "data": data})
    return objects, refused
