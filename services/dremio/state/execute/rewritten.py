"""UPDATE, DELETE, MERGE and TRUNCATE on a table whose partitioning has changed.

DuckDB notes deleted rows under the fields of all partition specs that a table ever had: it fails
where specs share a field, and elsewhere other readers do not find the notes. So the table's rows
are changed in a copy and all of them written anew, under the current spec, in one commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from services.dremio.sql.resolve import resolve
from services.dremio.state.catalog.catalog import Table
from services.dremio.state.execute.run import Run
from services.dremio.state.lake.iceberg import open_table, translated

if TYPE_CHECKING:
    import pyarrow as pa

_COPY = "_rows_changed"


def needed(metadata: dict[str, Any]) -> bool:
    """Whether the specs of a table's past have fields besides those of its current one."""
    specs = metadata.get("partition-specs") or []
    return sum(len(s["fields"]) for s in specs) > sum(
        len(s["fields"]) for s in specs if s["spec-id"] == metadata.get("default-spec-id", 0)
    )


def change(run: Run, tree: exp.Expression, table: Table, name: str) -> int:
    """Change the rows of the table that is called `name` in DuckDB; return how many.

    `tree`: the statement as parsed. Raises DremioError (CONCURRENT_MODIFICATION when another
    program commits meanwhile).
    """
    with translated():
        # Loaded before the rows are read: a later commit of another's is noticed.
        held = open_table(table.lake, table.place)
        wanted = held.schema().as_arrow()
    changed = resolve(tree, run.session.context, run)
    target = changed.this.find(exp.Table)
    alias = target.alias or target.name
    target.replace(exp.alias_(exp.to_table(f"temp.main.{_COPY}"), alias, table=True))
    sql = run.translate(changed)
    run.execute(f"CREATE OR REPLACE TEMP TABLE {_COPY} AS SELECT * FROM {name}")  # noqa: S608
    try:
        found = run.execute(sql).fetchall()
        rows: pa.Table = run.execute(f"FROM temp.main.{_COPY}").to_arrow_table()
    finally:
        run.cursor.execute(f"DROP TABLE IF EXISTS temp.main.{_COPY}")
    count = int(found[0][0]) if found else 0
    if count:
        with translated():
            if rows.num_rows:
                held.overwrite(rows.cast(wanted))
            else:
                held.delete()
        table.lake.changed()
    return count


def empty(table: Table) -> None:
    """Remove every row. Raises DremioError."""
    with translated():
        open_table(table.lake, table.place).delete()
    table.lake.changed()
