"""DuckDB's types as they lie in bronze."""

from __future__ import annotations

import re

from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    LongType,
    StringType,
    TimestampType,
    TimestamptzType,
    TimeType,
)

from services.airbyte.cdk.columns import duckdb_type, quote

_TYPES: dict[str, IcebergType] = {
    "BLOB": BinaryType(),
    "BOOLEAN": BooleanType(),
    "TINYINT": IntegerType(),
    "SMALLINT": IntegerType(),
    "INTEGER": IntegerType(),
    "UTINYINT": IntegerType(),
    "USMALLINT": IntegerType(),
    "UINTEGER": LongType(),
    "BIGINT": LongType(),
    "UBIGINT": DecimalType(20, 0),
    "HUGEINT": DecimalType(38, 0),
    "FLOAT": FloatType(),
    "DOUBLE": DoubleType(),
    "DATE": DateType(),
    "TIME": TimeType(),
    "TIME_NS": TimeType(),
    "TIME WITH TIME ZONE": TimeType(),  # Parquet's, which is said to be of UTC
    "TIMESTAMP": TimestampType(),
    "TIMESTAMP_S": TimestampType(),
    "TIMESTAMP_MS": TimestampType(),
    "TIMESTAMP_NS": TimestampType(),
    "TIMESTAMP WITH TIME ZONE": TimestamptzType(),
}


def iceberg_type(name: str) -> IcebergType:
    """Return the type of a column; what is nested or has no like is text."""
    if found := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", name):
        return DecimalType(int(found[1]), int(found[2]))
    return _TYPES.get(name, StringType())


def expression(column: str, name: str) -> str:
    """Return the SQL that reads a column in its type; nested values become JSON text."""
    if name.endswith("]") or name.startswith(("STRUCT", "MAP", "UNION")):
        return f"to_json({quote(column)})::VARCHAR"
    return f"{quote(column)}::{duckdb_type(iceberg_type(name))}"
