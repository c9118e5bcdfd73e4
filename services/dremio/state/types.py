"""Types: DuckDB's and Iceberg's → the Arrow types Dremio answers with → Dremio's names.

Dremio has no small or unsigned integers, no time zones and no precision beyond milliseconds.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa

_SIMPLE: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "tinyint": pa.int32(),
    "smallint": pa.int32(),
    "integer": pa.int32(),
    "utinyint": pa.int32(),
    "usmallint": pa.int32(),
    "bigint": pa.int64(),
    "uinteger": pa.int64(),
    "ubigint": pa.int64(),
    "hugeint": pa.int64(),  # what DuckDB's SUM of integers gives; Dremio's gives BIGINT
    "uhugeint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "time": pa.time32("ms"),
    "time with time zone": pa.time32("ms"),
    "timestamp": pa.timestamp("ms"),
    "timestamp_s": pa.timestamp("ms"),
    "timestamp_ms": pa.timestamp("ms"),
    "timestamp_ns": pa.timestamp("ms"),
    "timestamp with time zone": pa.timestamp("ms"),
    "blob": pa.binary(),
    "interval": pa.string(),  # printed as Dremio prints it: few clients read Arrow's intervals
    "NULL": pa.int32(),
    "sqlnull": pa.int32(),
}


def from_duckdb(kind: Any) -> pa.DataType:
    """Return the Arrow type Dremio would answer for a DuckDB type (DuckDBPyType)."""
    name = kind.id
    if name in _SIMPLE:
        return _SIMPLE[name]
    if name == "decimal":
        sizes = dict(kind.children)
        return pa.decimal128(sizes["precision"], sizes["scale"])
    if name in ("list", "array"):
        return pa.list_(from_duckdb(dict(kind.children)["child"]))
    if name == "struct":
        return pa.struct([(field, from_duckdb(child)) for field, child in kind.children])
    if name == "map":
        parts = dict(kind.children)
        return pa.map_(from_duckdb(parts["key"]), from_duckdb(parts["value"]))
    return pa.string()


def to_duckdb(kind: pa.DataType) -> str:
    """Return the DuckDB type that stores an Arrow type `from_duckdb` gave."""
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pa.types.is_list(kind):
        return f"{to_duckdb(kind.value_type)}[]"
    if pa.types.is_map(kind):
        return f"MAP({to_duckdb(kind.key_type)}, {to_duckdb(kind.item_type)})"
    if pa.types.is_struct(kind):
        fields = ", ".join(
            '"' + f.name.replace('"', '""') + '" ' + to_duckdb(f.type)
            for f in (kind.field(i) for i in range(kind.num_fields))
        )
        return f"STRUCT({fields})"
    return _DUCKDB[str(kind)]


_DUCKDB = {
    "bool": "BOOLEAN",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date32[day]": "DATE",
    "time32[ms]": "TIME",
    "timestamp[ms]": "TIMESTAMP",
    "binary": "BLOB",
    "string": "VARCHAR",
    "month_day_nano_interval": "INTERVAL",
}

_ICEBERG = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "time": pa.time32("ms"),
    "timestamp": pa.timestamp("ms"),
    "timestamptz": pa.timestamp("ms"),
    "timestamp_ns": pa.timestamp("ms"),
    "timestamptz_ns": pa.timestamp("ms"),
    "string": pa.string(),
    "uuid": pa.string(),
    "binary": pa.binary(),
}
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")


def from_iceberg(kind: Any) -> pa.DataType:
    """Return the Arrow type for a type of an Iceberg schema document."""
    if isinstance(kind, str):
        match = _DECIMAL.fullmatch(kind)
        if match:
            return pa.decimal128(int(match[1]), int(match[2]))
        return pa.binary() if kind.startswith("fixed") else _ICEBERG.get(kind, pa.string())
    if kind["type"] == "list":
        return pa.list_(from_iceberg(kind["element"]))
    if kind["type"] == "map":
        return pa.map_(from_iceberg(kind["key"]), from_iceberg(kind["value"]))
    return pa.struct([(f["name"], from_iceberg(f["type"])) for f in kind["fields"]])


def iceberg_schema(metadata: dict[str, Any]) -> pa.Schema:
    """Return the current schema of an Iceberg metadata document."""
    wanted = metadata.get("current-schema-id", 0)
    for schema in metadata.get("schemas", []):
        if schema.get("schema-id", 0) == wanted:
            return pa.schema([(f["name"], from_iceberg(f["type"])) for f in schema["fields"]])
    return pa.schema([])


def information_name(kind: pa.DataType) -> str:
    """Return DATA_TYPE as INFORMATION_SCHEMA.COLUMNS and DESCRIBE spell it."""
    return _NAMES.get(_family(kind), ("ANY", "ANY"))[0]


def rest_name(kind: pa.DataType) -> str:
    """Return the type's name as REST spells it in a dataset's fields and a result's schema."""
    return _NAMES.get(_family(kind), ("ANY", "OTHER"))[1]


_NAMES = {
    "bool": ("BOOLEAN", "BOOLEAN"),
    "int32": ("INTEGER", "INTEGER"),
    "int64": ("BIGINT", "BIGINT"),
    "float": ("FLOAT", "FLOAT"),
    "double": ("DOUBLE", "DOUBLE"),
    "decimal": ("DECIMAL", "DECIMAL"),
    "string": ("CHARACTER VARYING", "VARCHAR"),
    "binary": ("BINARY VARYING", "VARBINARY"),
    "date": ("DATE", "DATE"),
    "time": ("TIME", "TIME"),
    "timestamp": ("TIMESTAMP", "TIMESTAMP"),
    "interval": ("INTERVAL", "INTERVALDAY"),
    "list": ("ARRAY", "LIST"),
    "struct": ("ROW", "STRUCT"),
    "map": ("MAP", "MAP"),
}


def _family(kind: pa.DataType) -> str:
    for name, test in (
        ("decimal", pa.types.is_decimal),
        ("date", pa.types.is_date),
        ("timestamp", pa.types.is_timestamp),
        ("time", pa.types.is_time),
        ("interval", pa.types.is_interval),
        ("map", pa.types.is_map),
        ("list", pa.types.is_list),
        ("struct", pa.types.is_struct),
    ):
        if test(kind):
            return name
    return str(kind)


def numeric(kind: pa.DataType) -> tuple[int | None, int | None, int | None]:
    """Return (NUMERIC_PRECISION, its radix, NUMERIC_SCALE), None where the type has none."""
    family = _family(kind)
    if family == "decimal":
        return kind.precision, 10, kind.scale
    sizes = {"int32": (32, 2, 0), "int64": (64, 2, 0), "float": (24, 2, None)}
    return {**sizes, "double": (53, 2, None)}.get(family, (None, None, None))


_MICROS, _MILLIS = pa.timestamp("us"), pa.timestamp("ms")


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return the batch with its columns cast to `schema`'s types."""
    if batch.schema.equals(schema):
        return batch
    columns = [
        _cast(column, field.type) for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if column.type == kind:
        return column
    if column.type == _MICROS and kind == _MILLIS:
        return _millis(column)
    if pa.types.is_interval(column.type):
        return pa.array([_interval(value) for value in column.to_pylist()], pa.string())
    return column.cast(kind, safe=_safe(kind))


def _millis(column: pa.Array) -> pa.Array:
    """Cut to milliseconds, downwards; four times as fast as a cast, and most casts are this."""
    valid, values = column.buffers()
    micros = np.frombuffer(values, np.int64, column.offset + len(column))
    buffers = [valid, pa.py_buffer(micros // 1000)]
    return pa.Array.from_buffers(_MILLIS, len(column), buffers, column.null_count, column.offset)


def _interval(value: Any) -> str | None:
    """`+YYY-MM` for months, `+DDD HH:MI:SS.FFF` for anything shorter."""
    if value is None:
        return None
    if value.months:
        years, months = divmod(abs(value.months), 12)
        return f"{'-' if value.months < 0 else '+'}{years:03d}-{months:02d}"
    total = value.days * 86_400_000 + int(value.nanoseconds / 1_000_000)
    days, rest = divmod(abs(total), 86_400_000)
    seconds, millis = divmod(rest, 1000)
    minutes, seconds = divmod(seconds, 60)
    sign = "-" if total < 0 else "+"
    return f"{sign}{days:03d} {minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}.{millis:03d}"


def _safe(kind: pa.DataType) -> bool:
    return not (pa.types.is_temporal(kind) or pa.types.is_nested(kind))
