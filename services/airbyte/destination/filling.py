"""Values that the log left out because they did not change.

They are those of the same row before: of its last change in the window that held them, else of
the table. A row whose key changes takes its values along from the old key.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.columns import quote
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.log import KEPT, OP, SEQ
from services.airbyte.destination.spool import Spooled

# Where values are: in change `place` of the window, or in the table's row with that change's key.
_FILLS, _FILLED = "lakelet_fills", "lakelet_filled"
_SPANS, _ROOTS, _FURTHER = "lakelet_spans", "lakelet_roots", "lakelet_further"


def fill(
    duck: duckdb.DuckDBPyConnection, view: str, chosen: str, spooled: Spooled, table: str
) -> None:
    """Complete the rows of `chosen`, which were taken from `view`; `table` is the table's SQL."""
    key = spooled.stream.primary_key
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
    """Note where the values are that the chosen rows lack.

    The changes of one key from its row's coming to its going are a span, named by the first one's
    number. A span that begins with a changed key goes on with the row of another span; `_ROOTS`
    has the first span of such a row.
    """
    key = ", ".join(quote(name) for name in spooled.stream.primary_key)
    of_key = f"(PARTITION BY {key} ORDER BY {SEQ})"
    duck.execute(
        f"CREATE OR REPLACE TEMP TABLE {_SPANS} AS"
        f" WITH steps AS (SELECT *, lag({OP}) OVER {of_key} AS before FROM {view}"
        f" WHERE {SEQ} > {spooled.truncated} AND {OP} <> 'T')"
        f" SELECT {SEQ} AS seq, {OP} AS op, {KEPT} AS kept, before,"
        f" max(CASE WHEN coalesce(before, 'D') = 'D' OR {OP} LIKE 'M%' THEN {SEQ} END)"
        f" OVER {of_key} AS span FROM steps"
    )
    _find_roots(duck)
    duck.execute(
        f"CREATE OR REPLACE TEMP TABLE {_FILLS} AS"
        f" WITH rows AS (SELECT s.*, coalesce(r.root, s.span) AS root FROM {_SPANS} AS s"
        f" LEFT JOIN {_ROOTS} AS r ON r.span = s.span),"
        f" wanted AS (SELECT r.seq, unnest(c.{KEPT}) AS name, r.root FROM {chosen} AS c"
        f" JOIN rows AS r ON r.seq = c.{SEQ} WHERE c.{KEPT} IS NOT NULL),"
        " held AS (SELECT w.seq, w.name, max(r.seq) AS place FROM wanted AS w"
        " JOIN rows AS r ON r.root = w.root AND r.seq < w.seq AND r.op <> 'D'"
        " AND NOT coalesce(list_contains(r.kept, w.name), false) GROUP BY w.seq, w.name)"
        " SELECT w.seq, w.name, h.place IS NOT NULL AS in_window,"
        " coalesce(h.place, w.root) AS place FROM wanted AS w"
        f" JOIN {_SPANS} AS first ON first.seq = w.root"
        " LEFT JOIN held AS h ON h.seq = w.seq AND h.name = w.name"
        " WHERE h.place IS NOT NULL OR first.before IS NULL"  # else it came after a deleted row
    )
    duck.execute(f"DROP TABLE {_SPANS}")
    duck.execute(f"DROP TABLE {_ROOTS}")


def _find_roots(duck: duckdb.DuckDBPyConnection) -> None:
    """Follow changed keys back, with every round twice as far: a key may change many times."""
    duck.execute(
        f"CREATE OR REPLACE TEMP TABLE {_ROOTS} AS SELECT m.span, d.span AS root"
        f" FROM {_SPANS} AS m JOIN {_SPANS} AS d ON d.seq = m.seq - 1"
        " WHERE m.op LIKE 'M%' AND d.op = 'D'"
    )
    further = f"FROM {_ROOTS} AS r JOIN {_ROOTS} AS b ON b.span = r.root"
    while duck.execute(f"SELECT 1 {further} LIMIT 1").fetchone():
        duck.execute(
            f"CREATE OR REPLACE TEMP TABLE {_FURTHER} AS SELECT r.span,"
            f" coalesce(b.root, r.root) AS root {further.replace(' JOIN', ' LEFT JOIN')}"
        )
        duck.execute(f"DROP TABLE {_ROOTS}")
        duck.execute(f"ALTER TABLE {_FURTHER} RENAME TO {_ROOTS}")


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
