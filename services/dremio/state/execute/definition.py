"""SHOW CREATE TABLE: the statement that makes a table like the one that is there."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

from services.dremio.state import types
from services.dremio.state.database import literal, quoted
from services.dremio.state.execute.modify import sort_columns

_SHORT = {"CHARACTER VARYING": "VARCHAR", "BINARY VARYING": "VARBINARY", "INTEGER": "INT"}
# Kept by the writers themselves.
_OWN = ("schema.name-mapping.default",)


def statement(path: tuple[str, ...], columns: pa.Schema, metadata: dict[str, Any]) -> str:
    """Return CREATE TABLE with its columns and, of an Iceberg table's metadata, its clauses."""
    parts = ",\n".join(f"  {quoted(field.name)} {_type(field.type)}" for field in columns)
    text = f"CREATE TABLE {'.'.join(map(quoted, path))} (\n{parts}\n)"
    fields = [_partition(field, metadata) for field in _spec(metadata)]
    if fields:
        text += f"\nPARTITION BY ({', '.join(fields)})"
    order = sort_columns(metadata)
    if order:
        text += f"\nLOCALSORT BY ({', '.join(map(quoted, order))})"
    properties = [
        f"{literal(name)} = {literal(value)}"
        for name, value in sorted((metadata.get("properties") or {}).items())
        if name not in _OWN
    ]
    if properties:
        text += f"\nTBLPROPERTIES ({', '.join(properties)})"
    return text


def _type(kind: pa.DataType) -> str:
    if pa.types.is_map(kind):
        return f"MAP<{_type(kind.key_type)}, {_type(kind.item_type)}>"
    if pa.types.is_list(kind):
        return f"ARRAY({_type(kind.value_type)})"
    if pa.types.is_struct(kind):
        return f"ROW({', '.join(f'{quoted(f.name)} {_type(f.type)}' for f in kind)})"
    name = types.information_name(kind)
    size = f"({kind.precision}, {kind.scale})" if name == "DECIMAL" else ""
    return _SHORT.get(name, name) + size


def _spec(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    now = metadata.get("default-spec-id", 0)
    specs = metadata.get("partition-specs") or []
    return next((list(spec["fields"]) for spec in specs if spec["spec-id"] == now), [])


def _partition(field: dict[str, Any], metadata: dict[str, Any]) -> str:
    names = {
        column["id"]: str(column["name"])
        for schema in metadata.get("schemas") or []
        for column in schema["fields"]
    }
    column = quoted(names.get(field["source-id"], field["name"]))
    match = re.fullmatch(r"(\w+)(?:\[(\d+)\])?", field["transform"])
    if match is None or match[1] == "identity":
        return column
    return f"{match[1].upper()}({f'{match[2]}, ' if match[2] else ''}{column})"
