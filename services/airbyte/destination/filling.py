"""Values that the log left out because they did not change.

They are those of the same row before: of its last change in the window that held them, else of
the table. A row whose key changes takes its values along from the old key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.columns import quote
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.log import KEPT, OP, SEQ
from services.airbyte.destination.spool import Spooled

_FILLS, _FILLED, _TRACED = "lakelet_fills", "lakelet_filled", "lakelet_traced"
# Where a value is: (True, n) in change n, (False, n) in the table, in the row with change n's key.
Place = tuple[bool, int]
Key = tuple[Any, ...]


def fill(
    duck: duckdb.DuckDBPyConnection, view: str, chosen: str, spooled: Spooled, table: str
) -> None:
    """Complete the rows of `chosen`, which were taken from `view`; `table` is the table's SQL."""
    key = spooled.stream.primary_key
    moved = duck.execute(f"SELECT count(*) FROM {view} WHERE {OP} LIKE 'M%'").fetchone()
    if moved and moved[0]:
        _trace_places(duck, view, chosen, spooled)
    else:
        _find_places(duck, view, chosen, spooled)
    if spooled.stream.filters_rows:
        _check_entered(duck, view, chosen, spooled, table)
    columns = duck.execute(f"SELECT DISTINCT name FROM {_FILLS} ORDER BY name").fetchall()
    for (column,) in columns:
        # Made anew: what DuckDB updates in place stays in memory, these joins can spill.
        duck.execute(
            f"CREATE OR REPLACE TEMP TABLE {_FILLED} AS"
            f" WITH places AS (SELECT * FROM {_FILLS} WHERE name = $name),"
            f" held AS (SELECT f.seq, v.{quote(column)} AS value FROM places AS f"
            f" JOIN {view} AS v ON v.{SEQ} = f.place WHERE f.in_window UNION ALL"
            f" SELECT f.seq, t.{quote(column)} FROM places AS f JOIN {view} AS v"
            f" ON v.{SEQ} = f.place JOIN {table} AS t ON ({_of('v', key)}) = ({_of('t', key)})"
            " WHERE NOT f.in_window)"
            f" SELECT c.* REPLACE (CASE WHEN held.seq IS NULL THEN c.{quote(column)}"
            f" ELSE held.value END AS {quote(column)})"
            f" FROM {chosen} AS c LEFT JOIN held ON held.seq = c.{SEQ}",
            {"name": column},
        )
        duck.execute(f"DROP TABLE {chosen}")
        duck.execute(f"ALTER TABLE {_FILLED} RENAME TO {chosen}")
    duck.execute(f"DROP TABLE {_FILLS}")


def _find_places(duck: duckdb.DuckDBPyConnection, view: str, chosen: str, spooled: Spooled) -> None:
    """Note where the values are in a window in which no row's key changed."""
    key = spooled.stream.primary_key
    names = ", ".join(quote(name) for name in key)
    duck.execute(
        f"CREATE OR REPLACE TEMP TABLE {_FILLS} AS"
        f" WITH wanted AS (SELECT {SEQ} AS seq, unnest({KEPT}) AS name, {names} FROM {chosen}"
        f" WHERE {KEPT} IS NOT NULL),"
        f" held AS (SELECT w.seq, w.name, max(v.{SEQ}) AS place FROM wanted AS w JOIN {view} AS v"
        f" ON ({_of('v', key)}) = ({_of('w', key)}) AND v.{SEQ} < w.seq"
        f" AND v.{SEQ} > {spooled.truncated} AND v.{OP} LIKE 'U%'"
        f" AND NOT coalesce(list_contains(v.{KEPT}, w.name), false) GROUP BY w.seq, w.name)"
        " SELECT w.seq, w.name, h.place IS NOT NULL AS in_window,"
        " coalesce(h.place, w.seq) AS place"
        " FROM wanted AS w LEFT JOIN held AS h ON h.seq = w.seq AND h.name = w.name"
    )


def _trace_places(
    duck: duckdb.DuckDBPyConnection, view: str, chosen: str, spooled: Spooled
) -> None:
    """Note where the values are, going through the window's changes one by one."""
    names = ", ".join(quote(name) for name in spooled.stream.primary_key)
    history = duck.execute(
        f"SELECT {SEQ}, {OP}, {KEPT}, {names} FROM {view}"
        f" WHERE {SEQ} > {spooled.truncated} AND {OP} <> 'T' ORDER BY {SEQ}"
    ).fetchall()
    places = trace(history)
    wanted = duck.execute(
        f"SELECT {SEQ}, unnest({KEPT}) FROM {chosen} WHERE {KEPT} IS NOT NULL"
    ).fetchall()
    found = [(*each, *places[each]) for each in wanted if each in places]
    seqs, columns, within, numbers = zip(*found, strict=True) if found else ((), (), (), ())
    duck.register(
        _TRACED,
        pa.table(
            {
                "seq": pa.array(seqs, pa.int64()),
                "name": pa.array(columns, pa.string()),
                "in_window": pa.array(within, pa.bool_()),
                "place": pa.array(numbers, pa.int64()),
            }
        ),
    )
    duck.execute(f"CREATE OR REPLACE TEMP TABLE {_FILLS} AS SELECT * FROM {_TRACED}")
    duck.unregister(_TRACED)


def _of(table: str, key: Sequence[str]) -> str:
    return ", ".join(f"{table}.{quote(name)}" for name in key)


def _check_entered(
    duck: duckdb.DuckDBPyConnection, view: str, chosen: str, spooled: Spooled, table: str
) -> None:
    """Refuse a row that a filter lets in when neither the log nor the table holds all of it."""
    key = spooled.stream.primary_key
    entered = duck.execute(
        f"SELECT f.name FROM {_FILLS} AS f JOIN {view} AS v ON v.{SEQ} = f.place"
        f" JOIN {chosen} AS c ON c.{SEQ} = f.seq WHERE NOT f.in_window AND c.{OP} IN ('U', 'M')"
        f" AND NOT EXISTS (SELECT 1 FROM {table} AS t WHERE ({_of('v', key)}) = ({_of('t', key)}))"
        " LIMIT 1"
    ).fetchone()
    if entered:
        raise not_held(spooled.stream, str(entered[0]))


def not_held(stream: ConfiguredStream, column: str) -> Exception:
    """Return the error for a row that a filter lets in, or looks at, where the log lacks values."""
    return config_error(
        f"stream {stream.name!r} has a row filter, and of a changed row the log does not hold"
        f" column {column!r}, as it did not change: have the source write whole rows (PostgreSQL:"
        " ALTER TABLE … REPLICA IDENTITY FULL), then refresh the stream"
    )


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
        moved = operation.startswith("M") and deleted[0] == seq - 1
        before = deleted[1] if moved else rows.get(key, unknown)
        now: dict[str, Place] = dict.fromkeys(columns, (True, seq))
        for name in kept or ():
            if name in before:
                now[name] = places[(seq, name)] = before[name]
        rows[key] = now
    return places
