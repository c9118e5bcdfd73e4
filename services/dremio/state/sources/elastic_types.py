"""Elasticsearch's mappings → columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

META = ("_index", "_type", "_uid", "_id")
_TEXTS = ("keyword", "constant_keyword", "wildcard", "version", "ip")
_SIMPLE: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "byte": pa.int32(),
    "short": pa.int32(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "unsigned_long": pa.int64(),
    "half_float": pa.float32(),
    "float": pa.float32(),
    "double": pa.float64(),
    "scaled_float": pa.float64(),
}


@dataclass(frozen=True)
class Column:
    """A field: its type, and under which name the index finds its exact value ('': nowhere)."""

    type: pa.DataType
    exact: str
    date: bool = False


Columns = dict[str, Column]


def columns(indices: list[dict[str, Any]], *, show_id: bool = False) -> Columns:
    """Return the columns of all the indices that a name stands for, in the mappings' order.

    A field that two indices type differently becomes text.
    """
    found: Columns = {}
    for index in indices:
        for name, field in (index.get("mappings", {}).get("properties") or {}).items():
            column = _column(name, field)
            former = found.get(name)
            found[name] = column if former in (None, column) else _joined(former, column)
    text = Column(pa.string(), "")
    for name in META if show_id else META[:3]:
        found[name] = text if name != "_index" else Column(pa.string(), "_index")
    return found


def schema(found: Columns, unit: str) -> pa.Schema:
    """Return the columns as Arrow's, timestamps in `unit`."""
    return pa.schema([(name, _in_unit(column.type, unit)) for name, column in found.items()])


def _column(path: str, field: dict[str, Any]) -> Column:
    kind = field.get("type", "object")
    if kind in ("object", "nested") and field.get("properties"):
        inner = pa.struct(
            [(n, _column(f"{path}.{n}", f).type) for n, f in field["properties"].items()]
        )
        return Column(pa.list_(inner) if kind == "nested" else inner, "")
    if kind in ("date", "date_nanos"):
        return Column(pa.timestamp("us"), path, date=True)
    if kind in _SIMPLE:
        return Column(_SIMPLE[kind], path)
    if kind in _TEXTS and not field.get("normalizer") and field.get("index", True):
        return Column(pa.string(), path if not field.get("ignore_above") else "")
    if kind == "alias":
        return Column(pa.string(), "")
    return Column(pa.string(), "")


def _joined(one: Column | None, other: Column) -> Column:
    if one is not None and pa.types.is_struct(one.type) and pa.types.is_struct(other.type):
        fields = {f.name: f.type for f in one.type}
        for f in other.type:
            same = f.name not in fields or fields[f.name] == f.type
            fields[f.name] = f.type if same else pa.string()
        return Column(pa.struct(list(fields.items())), "")
    return Column(pa.string(), "")


def _in_unit(kind: pa.DataType, unit: str) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.timestamp(unit)
    if pa.types.is_struct(kind):
        return pa.struct([(f.name, _in_unit(f.type, unit)) for f in kind])
    return pa.list_(_in_unit(kind.value_type, unit)) if pa.types.is_list(kind) else kind
