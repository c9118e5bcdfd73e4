"""INSERT, UPDATE, DELETE, MERGE and TRUNCATE on one table."""

from __future__ import annotations

from typing import Any, cast

from sqlglot import exp

from services.dremio.sql.resolve import Physical, candidates
from services.dremio.sql.shape import as_query
from services.dremio.sql.statements import Modify, Truncate
from services.dremio.state import types
from services.dremio.state.catalog.catalog import Table
from services.dremio.state.database import quoted
from services.dremio.state.errors import validation
from services.dremio.state.execute import rewritten
from services.dremio.state.execute.run import RECORDS_SCHEMA, Result, Run, ok, rows
from services.dremio.state.execute.transaction import retried, transaction


def modify(run: Run, statement: Modify) -> Result:
    """Change the rows of a table in one commit; answers how many. Raises DremioError."""
    table = writable(run, statement.path)
    with run.core.writing(table.path):
        count = retried(run, lambda: _apply(run, statement.tree.copy(), table))
    return rows(RECORDS_SCHEMA, [{"Records": count}])


def truncate(run: Run, statement: Truncate) -> Result:
    """Remove every row of a table. Raises DremioError."""
    if statement.if_exists and not _is_there(run, statement.path):
        return ok(f"Table [{'.'.join(statement.path)}] not found.")
    table = writable(run, statement.path)
    with run.core.writing(table.path):
        retried(run, lambda: _empty(run, table))
    return ok(f"Table [{'.'.join(table.path)}] truncated")


def writable(run: Run, path: tuple[str, ...]) -> Table:
    """Return the table at a path that a statement means to change. Raises DremioError."""
    full = run.path_of(path)
    table = run.core.catalog.table(full)
    if table is None:
        if run.core.catalog.source(full) is not None:
            run.core.catalog.target(full)  # says why no table can be there
            raise validation(f"Table [{'.'.join(full)}] does not support changes: it is read-only")
        raise validation(f"[{'.'.join(full)}] is a VIEW, not a table")
    return table


def name_of(run: Run, table: Table) -> str:
    """Return the table's name in DuckDB's SQL."""
    database = run.core.lakes.database(table.lake, table.place)
    return f"{quoted(database)}.{quoted(table.place.schema)}.{quoted(table.place.table)}"


def _is_there(run: Run, path: tuple[str, ...]) -> bool:
    return any(
        run.core.catalog.relation(full) is not None
        for full in candidates(path, run.session.context)
    )


def _apply(run: Run, tree: exp.Expression, table: Table) -> int:
    physical = run.core.catalog.relation(table.path)
    if not isinstance(physical, Physical):
        raise validation(f"Table '{'.'.join(table.path)}' not found")
    if isinstance(tree, exp.Insert):
        _sort(tree, table)
    elif rewritten.needed(table.metadata() or {}):
        return rewritten.change(run, tree, table, name_of(run, table))
    return _counted(run, run.sql(tree))


def _empty(run: Run, table: Table) -> None:
    if rewritten.needed(table.metadata() or {}):
        rewritten.empty(table)
    else:
        _counted(run, f"DELETE FROM {name_of(run, table)}")  # noqa: S608 - quoted


def _sort(tree: exp.Insert, table: Table) -> None:
    """Order the rows to insert by the table's sort order (LOCALSORT BY), in place."""
    metadata = table.metadata() or {}
    wanted = sort_columns(metadata)
    source = tree.expression
    if not wanted or not isinstance(source, exp.Query | exp.Values):
        return
    if isinstance(tree.this, exp.Schema):
        given = [column.name.lower() for column in tree.this.expressions]
    else:
        given = [field.name.lower() for field in types.iceberg_schema(metadata)]
    order = [str(given.index(name.lower()) + 1) for name in wanted if name.lower() in given]
    if order:
        query = as_query(cast("exp.Expression", source.copy()))
        rows = exp.Subquery(this=query, alias=exp.TableAlias(this="_rows"))
        tree.set("expression", exp.select("*").from_(rows).order_by(*order))


def sort_columns(metadata: dict[str, Any]) -> list[str]:
    """Return the columns of an Iceberg table's current sort order."""
    current = metadata.get("default-sort-order-id", 0)
    schema_id = metadata.get("current-schema-id", 0)
    names = {
        field["id"]: str(field["name"])
        for schema in metadata.get("schemas") or []
        if schema.get("schema-id", 0) == schema_id
        for field in schema["fields"]
    }
    return [
        names[field["source-id"]]
        for order in metadata.get("sort-orders") or []
        if order.get("order-id") == current
        for field in order.get("fields") or []
        if field["source-id"] in names
    ]


def _counted(run: Run, sql: str) -> int:
    with transaction(run):
        found = run.execute(sql).fetchall()
    return int(found[0][0]) if found else 0
