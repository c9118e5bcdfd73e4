"""Rows that do not fit the memory for typing as others do: of very many columns, or very long.

What DuckDB keeps for each column while it types it, more than a megabyte, is the same for few
rows as for many: the columns are typed some at a time. Of a record of tens of megabytes it holds
a handful of copies: its texts go past it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.types import StringType

from services.airbyte.cdk.columns import Column
from services.airbyte.sources.protocol.schema import CHANGES, ROW, typed

Json = dict[str, Any]

# How many columns are typed at a time, and from how many bytes on a line is typed by itself.
COLUMNS, LONG = 150, 16 << 20
# A value of another type that is longer than this cannot be of it.
_SHORT = 10_000
_SLICE = "lakelet_slice"


def wide_rows(
    duck: duckdb.DuckDBPyConnection,
    lines: Path,
    longest: int,
    chosen: Sequence[Column],
    before: int,
) -> pa.Table:
    """Return the records in `lines` as rows; see `schema.typed`."""
    slices = [tuple(chosen[n : n + COLUMNS]) for n in range(0, len(chosen), COLUMNS)]
    values: dict[str, pa.ChunkedArray] = {}
    notes: dict[str, pa.ChunkedArray] = {}
    for number, some in enumerate(slices or [()]):
        query = typed(str(lines), longest, some, before, with_earlier=number == 0)
        table = duck.execute(query).to_arrow_table()
        values.update((column.name, table[column.name]) for column in some)
        notes[f"n{number}"], numbers = table[CHANGES], table[ROW]
    duck.register(_SLICE, pa.table(notes))
    try:
        noted = duck.execute(f"SELECT list_concat({', '.join(notes)}) AS n FROM {_SLICE}")
        values[CHANGES] = noted.to_arrow_table()["n"]
    finally:
        duck.unregister(_SLICE)
    return pa.table({**values, ROW: numbers})


def long_row(
    duck: duckdb.DuckDBPyConnection, line: bytes, file: Path, chosen: Sequence[Column], before: int
) -> pa.Table:
    """Return the record in `line` as a row; all but its texts are typed from `file`."""
    record = json.loads(line)
    data, texts = record["data"], dict[str, str]()
    rest: Json = {}
    for column in chosen:
        value = data.get(column.name)
        if isinstance(column.type, StringType):
            if value is not None:
                texts[column.name] = value if isinstance(value, str) else _as_json(value)
        elif column.name in data:
            short = not isinstance(value, str | list | dict) or len(_as_json(value)) < _SHORT
            rest[column.name] = value if short else {}
    small = {"data": rest, "meta": record.get("meta")}
    file.write_bytes(json.dumps(small).encode() + b"\n")
    table = wide_rows(duck, file, file.stat().st_size, chosen, before)
    for name, text in texts.items():
        value = pa.array([text], pa.large_string() if len(text) > _SHORT else pa.string())
        table = table.set_column(table.column_names.index(name), name, value)
    return table


def whole(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Return the rows that have a value in all columns of `keys`."""
    for name in keys:
        table = table.filter(pc.is_valid(table[name]))
    return table


def groups(lines: Sequence[bytes], size: int = LONG) -> list[list[bytes]]:
    """Split lines: those of more than `size` bytes by themselves, the others as they stand."""
    if max(map(len, lines)) <= size:
        return [list(lines)]
    found: list[list[bytes]] = [[]]
    for line in lines:
        if len(line) > size:
            found += [[line], []]
        else:
            found[-1].append(line)
    return [group for group in found if group]


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
