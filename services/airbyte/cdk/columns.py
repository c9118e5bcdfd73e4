"""Columns and their types: Iceberg's, with DuckDB's and JSON schema's names for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
)

_DUCKDB: dict[type[IcebergType], str] = {
    BinaryType: "BLOB",
    BooleanType: "BOOLEAN",
    DateType: "DATE",
    DoubleType: "DOUBLE",
    FloatType: "FLOAT",
    IntegerType: "INTEGER",
    LongType: "BIGINT",
    StringType: "VARCHAR",
    TimeType: "TIME",
    TimestampType: "TIMESTAMP",
    TimestamptzType: "TIMESTAMP WITH TIME ZONE",
}

_JSON: dict[type[IcebergType], dict[str, Any]] = {
    BinaryType: {"type": "string", "contentEncoding": "base64"},
    BooleanType: {"type": "boolean"},
    DateType: {"type": "string", "format": "date"},
    DoubleType: {"type": "number"},
    FloatType: {"type": "number"},
    IntegerType: {"type": "number", "airbyte_type": "integer"},
    LongType: {"type": "number", "airbyte_type": "integer"},
    DecimalType: {"type": "number"},
    StringType: {"type": "string"},
    TimeType: {"type": "string", "format": "time", "airbyte_type": "time_without_timezone"},
    TimestampType: {
        "type": "string",
        "format": "date-time",
        "airbyte_type": "timestamp_without_timezone",
    },
    TimestamptzType: {
        "type": "string",
        "format": "date-time",
        "airbyte_type": "timestamp_with_timezone",
    },
}


@dataclass(frozen=True)
class Column:
    """A column of a stream as it will lie in the table.

    `untyped`: no value of it was seen, so that any type the table has for it will do.
    """

    name: str
    type: IcebergType
    untyped: bool = field(default=False, kw_only=True)

    @property
    def json_schema(self) -> dict[str, Any]:
        """The column as a property of the stream's JSON schema, with Airbyte's type names."""
        return json_type(self.type)


def json_type(kind: IcebergType) -> dict[str, Any]:
    """Return the JSON schema of a type."""
    if isinstance(kind, ListType):
        return {"type": "array", "items": json_type(kind.element_type)}
    if isinstance(kind, StructType):
        return {
            "type": "object",
            "properties": {f.name: json_type(f.field_type) for f in kind.fields},
        }
    return dict(_JSON[type(kind)])


def duckdb_type(kind: IcebergType) -> str:
    """Return DuckDB's name of a type."""
    if isinstance(kind, DecimalType):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if isinstance(kind, ListType):
        return f"{duckdb_type(kind.element_type)}[]"
    if isinstance(kind, StructType):
        inner = ", ".join(f"{quote(f.name)} {duckdb_type(f.field_type)}" for f in kind.fields)
        return f"STRUCT({inner})"
    return _DUCKDB[type(kind)]


def in_calendar(value: str, kind: IcebergType) -> str:
    """Return the SQL (DuckDB's) of: finite, and of a year that most readers have dates for.

    A time is one of a day (24:00 is not); of a list every element is. It is null where `value`
    is. Bounds of the value's own type: a cast of each value to another one takes longer than all
    the rest of reading it.
    """
    if isinstance(kind, ListType):
        fits = in_calendar("x", kind.element_type)
        return f"len(list_filter({value}, lambda x: NOT coalesce({fits}, true))) = 0"
    name = duckdb_type(kind)
    zone = "+00" if isinstance(kind, TimestamptzType) else ""
    first, last = "0001-01-01", "9999-12-31"
    if isinstance(kind, TimeType):
        first, last = "00:00:00", "23:59:59.999999"
    elif not isinstance(kind, DateType):
        first, last = f"{first} 00:00:00{zone}", f"{last} 23:59:59.999999{zone}"
    return f"({value}) BETWEEN CAST('{first}' AS {name}) AND CAST('{last}' AS {name})"


def quote(name: str) -> str:
    """Return `name` as an SQL identifier (DuckDB's and PostgreSQL's rule)."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return `text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
