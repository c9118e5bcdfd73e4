"""SHOW SCHEMAS, TABLES, VIEWS, CREATE …, TBLPROPERTIES; DESCRIBE."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from services.dremio.sql.statements import Describe, Show
from services.dremio.state import types
from services.dremio.state.catalog.catalog import fields_of
from services.dremio.state.errors import validation
from services.dremio.state.execute import definition
from services.dremio.state.execute.modify import sort_columns
from services.dremio.state.execute.run import Result, Run, rows
from services.dremio.state.system import columns as system_columns
from services.dremio.state.system.like import matches
from services.dremio.state.system.listing import schemas, tables_of

DESCRIBE_SCHEMA = pa.schema(
    [
        ("COLUMN_NAME", pa.string()),
        ("DATA_TYPE", pa.string()),
        ("IS_NULLABLE", pa.string()),
        ("NUMERIC_PRECISION", pa.int32()),
        ("NUMERIC_SCALE", pa.int32()),
        ("EXTENDED_PROPERTIES", pa.string()),
        ("MASKING_POLICY", pa.string()),
        ("SORT_ORDER_PRIORITY", pa.int32()),
    ]
)
_CREATE = pa.schema([("path", pa.string()), ("sql_definition", pa.string())])
_PROPERTIES = pa.schema(
    [("table_property_name", pa.string()), ("table_property_value", pa.string())]
)
_SCHEMAS = pa.schema([("SCHEMA_NAME", pa.string())])
_TABLES = pa.schema([("TABLE_SCHEMA", pa.string()), ("TABLE_NAME", pa.string())])


def show_schema(statement: Show) -> pa.Schema:
    """Return the schema of what `show` answers."""
    if statement.kind == "SCHEMAS":
        return _SCHEMAS
    if statement.kind == "TBLPROPERTIES":
        return _PROPERTIES
    return _CREATE if statement.kind.startswith("CREATE") else _TABLES


def show(run: Run, statement: Show) -> Result:
    """List schemas or tables, or tell how a view was made. Raises DremioError."""
    if statement.kind.startswith("CREATE"):
        return _show_create(run, statement)
    if statement.kind == "TBLPROPERTIES":
        return _show_properties(run, statement)
    if statement.kind == "SCHEMAS":
        names = [s.name for s in schemas(run.core, run.actor)]
        return rows(_SCHEMAS, [{"SCHEMA_NAME": n} for n in names if matches(n, statement.like)])
    path = statement.path or run.session.context
    wanted = ".".join(path).lower()
    found = []
    for schema in schemas(run.core, run.actor):
        if wanted and schema.name.lower() != wanted:
            continue
        for name, kind in tables_of(run.core, schema, run.actor):
            if statement.kind == "VIEWS" and kind != "VIEW":
                continue
            if matches(name, statement.like):
                found.append({"TABLE_SCHEMA": schema.name, "TABLE_NAME": name})
    return rows(_TABLES, found)


def describe(run: Run, statement: Describe) -> Result:
    """List the columns of a table or view. Raises DremioError."""
    schema, order = _schema(run, statement.path)
    found = [
        {**_row(field), "SORT_ORDER_PRIORITY": order.get(field.name)}
        for field in schema
        if statement.column is None or field.name.lower() == statement.column.lower()
    ]
    return rows(DESCRIBE_SCHEMA, found)


def _schema(run: Run, path: tuple[str, ...]) -> tuple[pa.Schema, dict[str, int]]:
    """Return the columns, and the places of those that the rows are sorted by."""
    from services.dremio.sql.resolve import candidates

    for candidate in candidates(path, run.session.context):
        system = system_columns.of(candidate)
        if system is not None:
            return system, {}
    full = run.path_of(path)
    entity = run.core.entities.get(full)
    if entity is not None and entity.kind == "VIEW":
        return fields_of(entity), {}
    columns = run.core.catalog.columns(full)
    if columns is None:
        raise validation(f"Unknown table [{'.'.join(path)}]")
    order = sort_columns(_metadata(run, full))
    return columns, {name: place for place, name in enumerate(order, 1)}


def _row(field: pa.Field) -> dict[str, object]:
    precision, _, scale = types.numeric(field.type)
    name = types.information_name(field.type)
    # Clients map the names of scalar types; nested ones they know as ANY only.
    return {
        "COLUMN_NAME": field.name,
        "DATA_TYPE": "ANY" if name in ("ARRAY", "ROW", "MAP") else name,
        "IS_NULLABLE": "YES",
        "NUMERIC_PRECISION": precision,
        "NUMERIC_SCALE": scale,
        "EXTENDED_PROPERTIES": "[]",
    }


def _show_properties(run: Run, statement: Show) -> Result:
    full = run.path_of(statement.path)
    table = run.core.catalog.table(full)
    if table is None:
        raise validation(f"Table [{'.'.join(full)}] is not an Iceberg table")
    found = sorted(((table.metadata() or {}).get("properties") or {}).items())
    return rows(
        _PROPERTIES,
        [{"table_property_name": name, "table_property_value": value} for name, value in found],
    )


def _show_create(run: Run, statement: Show) -> Result:
    full = run.path_of(statement.path)
    dotted = ".".join(f'"{part}"' for part in full)
    entity = run.core.entities.get(full)
    if statement.kind == "CREATE VIEW":
        if entity is None or entity.kind != "VIEW":
            raise validation(f"[{'.'.join(full)}] is not a view")
        text = entity.body["sql"]
        return rows(_CREATE, [{"path": dotted, "sql_definition": text}])
    columns = run.core.catalog.columns(full)
    if columns is None:
        raise validation(f"[{'.'.join(full)}] is not a table")
    text = definition.statement(full, columns, _metadata(run, full))
    return rows(_CREATE, [{"path": dotted, "sql_definition": text}])


def _metadata(run: Run, path: tuple[str, ...]) -> dict[str, Any]:
    """Return an Iceberg table's metadata, nothing of other tables."""
    table = run.core.catalog.table(path)
    if table is None:
        return {}
    return table.metadata() or {}
