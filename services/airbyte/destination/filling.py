"""Values that the log left out because they did not change.

They are those of the same row before: of its last change in the window that held them, else of
the table. A row whose key changes takes its values along from the old key.
"""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from services.airbyte.cdk.columns import quote
from services.airbyte.cdk.log import KEPT, OP, SEQ
from services.airbyte.destination.spool import Spooled

_FILLS = "lakelet_fills"
# Where a value is: (True, n) in change n, (False, n) in the table, in the row with change n's key.
Place = tuple[bool, int]
Key = tuple[Any, ...]


def fill(
    duck: duckdb.DuckDBPyConnection, view: str, chosen: str, spooled: Spooled, table: str
) -> None:
    """Complete the rows of `chosen`, which were taken from `view`; `table` is the table's SQL."""
    key = spooled.stream.primary_key
    names = ", ".join(quote(name) for name in key)
    history = duck.execute(
        f"SELECT {SEQ}, {OP}, {KEPT}, {names} FROM {view}"
        f" WHERE {SEQ} > {spooled.truncated} AND {OP} <> 'T' ORDER BY {SEQ}"
    ).fetchall()
    wanted = {
        row[0]: row[1]
        for row in duck.execute(
            f"SELECT {SEQ}, {KEPT} FROM {chosen} WHERE {KEPT} IS NOT NULL"
        ).fetchall()
    }
    places = trace(history)
    found = [
        (seq, column, *place)
        for seq, columns in wanted.items()
        for column in columns
        if (place := places.get((seq, column))) is not None
    ]
    if not found:
        return
    lists = list(zip(*found, strict=True))
    duck.register(
        _FILLS,
        pa.table(
            {
                "seq": pa.array(lists[0], pa.int64()),
                "name": pa.array(lists[1], pa.string()),
                "in_window": pa.array(lists[2], pa.bool_()),
                "place": pa.array(lists[3], pa.int64()),
            }
        ),
    )
    on = " AND ".join(f"t.{quote(name)} = v.{quote(name)}" for name in key)
    for column in sorted(set(lists[1])):
        name = quote(column)
        duck.execute(
            f"UPDATE {chosen} SET {name} = v.{name} FROM {_FILLS} AS f JOIN {view} AS v"
            f" ON v.{SEQ} = f.place WHERE f.in_window AND f.name = ? AND {chosen}.{SEQ} = f.seq",
            [column],
        )
        duck.execute(
            f"UPDATE {chosen} SET {name} = t.{name} FROM {_FILLS} AS f JOIN {view} AS v"
            f" ON v.{SEQ} = f.place JOIN {table} AS t ON {on}"
            f" WHERE NOT f.in_window AND f.name = ? AND {chosen}.{SEQ} = f.seq",
            [column],
        )
    duck.unregister(_FILLS)


def trace(history: list[tuple[Any, ...]]) -> dict[tuple[int, str], Place]:
    """Return where the values left out of each change are, from (seq, op, kept, *key) in order."""
    columns = {name for row in history for name in row[2] or ()}
    rows: dict[Key, dict[str, Place]] = {}
    deleted: tuple[int, dict[str, Place]] = (-1, {})
    places: dict[tuple[int, str], Place] = {}
    for seq, operation, kept, *values in history:
        key = tuple(values)
        unknown = dict.fromkeys(columns, (False, seq))
        if operation == "D":
            deleted = (seq, rows.get(key, unknown))
            rows[key] = {}
            continue
        moved = operation == "M" and deleted[0] == seq - 1
        before = deleted[1] if moved else rows.get(key, unknown)
        now: dict[str, Place] = dict.fromkeys(columns, (True, seq))
        for name in kept or ():
            if name in before:
                now[name] = places[(seq, name)] = before[name]
        rows[key] = now
    return places
