"""ANALYZE TABLE: counts of a table's columns, kept for `sys.table_statistics`.

DuckDB plans by the Parquet files' own statistics; these are for people.
"""

from __future__ import annotations

from typing import Any

from services.dremio.sql.statements import Analyze
from services.dremio.state.catalog.entities import key
from services.dremio.state.core import Core
from services.dremio.state.database import quoted
from services.dremio.state.errors import validation
from services.dremio.state.execute.modify import name_of, writable
from services.dremio.state.execute.run import Result, Run, ok
from services.dremio.state.postgres import connected


def analyze(run: Run, statement: Analyze) -> Result:
    """Compute or delete the statistics of some columns. Raises DremioError."""
    table = writable(run, statement.path)
    dotted = ".".join(table.path)
    existing = {field.name.lower(): field.name for field in run.core.catalog.schema_of(table)}
    for name in statement.columns:
        if name.lower() not in existing:
            raise validation(f"Column [{name}] is not present in table.")
    columns = [existing[name.lower()] for name in statement.columns] or list(existing.values())
    if statement.delete:
        with connected(run.core.pool) as connection:
            connection.execute(
                "DELETE FROM table_statistics WHERE table_key = %s AND column_name = ANY(%s)",
                (key(table.path), columns),
            )
        return ok(f"Statistics of table '{dotted}' deleted.")
    parts = ", ".join(
        f"approx_count_distinct({quoted(name)}), count({quoted(name)})" for name in columns
    )
    found = run.execute(f"SELECT count(*), {parts} FROM {name_of(run, table)}").fetchone()  # noqa: S608 - quoted
    assert found is not None  # noqa: S101 - an aggregate has one row
    total, counts = found[0], found[1:]
    with connected(run.core.pool) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO table_statistics (table_key, table_name, column_name, distinct_values, "
            "row_count, null_count) VALUES (%s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (table_key, column_name) DO UPDATE SET created_at = now(), "
            "distinct_values = excluded.distinct_values, row_count = excluded.row_count, "
            "null_count = excluded.null_count",
            [
                (key(table.path), dotted, name, counts[2 * n], total, total - counts[2 * n + 1])
                for n, name in enumerate(columns)
            ],
        )
    return ok(f"Statistics of table '{dotted}' computed for {len(columns)} columns.")


def statistics_rows(core: Core) -> list[dict[str, Any]]:
    """Return the rows of sys.table_statistics."""
    with connected(core.pool) as connection:
        found = connection.execute(
            "SELECT table_name, column_name, created_at AT TIME ZONE 'UTC', distinct_values, "
            "row_count, null_count FROM table_statistics ORDER BY 1, 2"
        ).fetchall()
    names = (
        "table",
        "column",
        "created_at",
        "number_of_distinct_values",
        "row_count",
        "null_count",
    )
    return [dict(zip(names, row, strict=True)) for row in found]
