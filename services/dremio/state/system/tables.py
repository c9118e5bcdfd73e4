"""INFORMATION_SCHEMA and sys: the rows of each table, made when a statement asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.resolve import Inline
from services.dremio.sql.statements import Path
from services.dremio.state import types
from services.dremio.state.catalog.catalog import fields_of
from services.dremio.state.catalog.entities import Entity
from services.dremio.state.errors import DremioError
from services.dremio.state.system import columns, option_rows, sys_tables
from services.dremio.state.system.listing import Schema, schemas, tables_of
from services.dremio.state.system.pushdown import keep

if TYPE_CHECKING:
    from services.dremio.state.execute.run import Run

CATALOG = "DREMIO"  # TABLE_CATALOG of everything
Rows = list[dict[str, Any]]


def provide(run: Run, path: Path, table: exp.Table) -> Inline | None:
    """Return the system table at a full path, its rows registered; None when it is none."""
    schema = columns.of(path)
    if schema is None:
        return None
    if path[0].upper() == "SYS" and path[1].lower() == "options":
        found = option_rows.rows(run.core, run.session)
    elif path[0].upper() == "SYS":
        found = sys_tables.rows(run.core, run.session.user, path[1].lower())
    else:
        found = _MAKERS[path[1].upper()](run, table)
    return Inline(path, run.register(pa.Table.from_pylist(found, schema=schema)))


def _catalogs(run: Run, table: exp.Table) -> Rows:
    return [
        {"CATALOG_NAME": CATALOG, "CATALOG_DESCRIPTION": "The internal metadata used by Dremio"}
    ]


def _schemata(run: Run, table: exp.Table) -> Rows:
    return [
        {
            "CATALOG_NAME": CATALOG,
            "SCHEMA_NAME": schema.name,
            "SCHEMA_OWNER": "<owner>",
            "TYPE": "SIMPLE",
            "IS_MUTABLE": "YES" if schema.mutable else "NO",
        }
        for schema in schemas(run.core, run.actor)
    ]


def _names(run: Run, table: exp.Table) -> list[tuple[Schema, str, str]]:
    """Return (schema, name, type) of the tables and views the query's conditions let through."""
    every = {schema.name: schema for schema in schemas(run.core, run.actor)}
    listed = pa.table({"TABLE_SCHEMA": pa.array(list(every), pa.string())})
    wanted = keep(run, table, listed)["TABLE_SCHEMA"].to_pylist()
    found = [
        (every[name], *entry)
        for name in wanted
        for entry in tables_of(run.core, every[name], run.actor)
    ]
    names = pa.table(
        {
            "TABLE_SCHEMA": pa.array([schema.name for schema, _, _ in found], pa.string()),
            "TABLE_NAME": pa.array([name for _, name, _ in found], pa.string()),
            "TABLE_TYPE": pa.array([kind for _, _, kind in found], pa.string()),
            "AT": pa.array(range(len(found)), pa.int64()),
        }
    )
    kept = keep(run, table, names)["AT"].to_pylist()
    return [found[at] for at in kept]


def _tables(run: Run, table: exp.Table) -> Rows:
    return [
        {
            "TABLE_CATALOG": CATALOG,
            "TABLE_SCHEMA": schema.name,
            "TABLE_NAME": name,
            "TABLE_TYPE": kind,
        }
        for schema, name, kind in _names(run, table)
    ]


def _views(run: Run, table: exp.Table) -> Rows:
    found: Rows = []
    for schema, name, kind in _names(run, table):
        entity = run.core.entities.get((*schema.path, name))
        if kind == "VIEW" and entity is not None:
            found.append(
                {
                    "TABLE_CATALOG": CATALOG,
                    "TABLE_SCHEMA": schema.name,
                    "TABLE_NAME": name,
                    "VIEW_DEFINITION": entity.body["sql"],
                }
            )
    return found


def _columns(run: Run, table: exp.Table) -> Rows:
    found: Rows = []
    for schema, name, kind in _names(run, table):
        for position, field in enumerate(_fields(run, schema, name, kind), 1):
            found.append(
                {
                    "TABLE_CATALOG": CATALOG,
                    "TABLE_SCHEMA": schema.name,
                    "TABLE_NAME": name,
                    "COLUMN_NAME": field.name,
                    "ORDINAL_POSITION": position,
                    "IS_NULLABLE": "YES",
                    **_type(field.type),
                }
            )
    return found


def _fields(run: Run, schema: Schema, name: str, kind: str) -> pa.Schema:
    path = (*schema.path, name)
    if kind == "SYSTEM_TABLE":
        return columns.of(path)
    entity = run.core.entities.get(path)
    if kind == "VIEW":
        return _view_fields(run, entity) if entity is not None else pa.schema([])
    try:
        return run.core.catalog.columns(path) or pa.schema([])
    except DremioError:
        return pa.schema([])  # dropped since it was listed


def _view_fields(run: Run, entity: Entity) -> pa.Schema:
    """Return a view's columns: as saved, or as they are now where `*` may mean others."""
    if "*" in entity.body["sql"]:
        view = run.core.catalog.view(entity)
        try:
            return run.plan(exp.select("*").from_(_named(view.path)), ())
        except DremioError:
            pass  # what it stands on is gone: then what was saved
    return fields_of(entity)


def _named(path: Path) -> exp.Table:
    names = [exp.to_identifier(part, quoted=True) for part in path]
    if len(names) <= 3:
        return exp.Table(**dict(zip(("this", "db", "catalog"), reversed(names), strict=False)))
    rest: exp.Expr = names[2]
    for name in names[3:]:
        rest = exp.Dot(this=rest, expression=name)
    return exp.Table(this=rest, db=names[1], catalog=names[0])


def _type(kind: pa.DataType) -> dict[str, Any]:
    name = types.information_name(kind)
    precision, radix, scale = types.numeric(kind)
    text = name in ("CHARACTER VARYING", "BINARY VARYING")
    return {
        "DATA_TYPE": name,
        "CHARACTER_MAXIMUM_LENGTH": 65536 if text else None,
        "CHARACTER_OCTET_LENGTH": 65536 * 4 if text else None,
        "COLUMN_SIZE": 65536 if text else precision,
        "NUMERIC_PRECISION": precision,
        "NUMERIC_PRECISION_RADIX": radix,
        "NUMERIC_SCALE": scale,
        "DATETIME_PRECISION": {"DATE": 10, "TIMESTAMP": 23, "TIME": 12}.get(name),
    }


_MAKERS: dict[str, Callable[[Run, exp.Table], Rows]] = {
    "CATALOGS": _catalogs,
    "SCHEMATA": _schemata,
    "TABLES": _tables,
    "VIEWS": _views,
    "COLUMNS": _columns,
}
