"""MySQL's and MariaDB's types as they lie in bronze.

A column is read with `select`, an expression for the server that gives what DuckDB's scanner
takes exactly as it is, and `arrive`, DuckDB's expression that makes the value of it:

- integers and floats as they are: prepared statements transfer them in binary, without rounding;
- decimals, dates and times as text: the scanner measures decimals wrongly and fails at dates
  that are none (0000-00-00, 2024-02-31), which become null and are noted (`fallible`);
- text converted to UTF-8 with a collation that is not binary: the scanner takes others for bytes.

Fact (Airbyte's source-mysql, its documentation and its type mapper): tinyint(1) and bit(1) are
booleans, bit(n) and geometries binary, year a number, time a time of day, json, enum and set text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

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

MAX_PRECISION = 38


@dataclass(frozen=True)
class Mapping:
    """How a column is read; `{}` in the two expressions stands for the column.

    `fallible`: a value may have no place in the table; `arrive` is null then. `quoted`: the
    server compares the column with a text, not with a number.
    """

    type: IcebergType
    select: str = "{}"
    arrive: str = "{}"
    fallible: bool = False
    quoted: bool = True


_TEXT = "CONVERT({} USING utf8mb4)"
_AS_CHAR = "CAST({} AS CHAR)"

_STRING = Mapping(StringType(), _TEXT)
_BINARY = Mapping(BinaryType())
_INTEGER = Mapping(IntegerType(), quoted=False)
_LONG = Mapping(LongType(), quoted=False)
_BOOLEAN = Mapping(BooleanType(), "({} <> 0)", "CAST({} AS BOOLEAN)", quoted=False)


def _since_year_1(value: str) -> str:
    """Leave out year 0, which is in no calendar that readers of tables know."""
    return f"CASE WHEN {{}} NOT LIKE '0000%' THEN {value} END"


# The table of types: the server's name → how it is read. What is not here is read as text.
FIXED: dict[str, Mapping] = {
    "tinyint": _INTEGER,
    "smallint": _INTEGER,
    "mediumint": _INTEGER,
    "int": _INTEGER,
    "bigint": _LONG,
    "year": _INTEGER,
    "float": Mapping(FloatType(), quoted=False),
    "double": Mapping(DoubleType(), quoted=False),
    "date": Mapping(DateType(), _AS_CHAR, _since_year_1("TRY_CAST({} AS DATE)"), fallible=True),
    "time": Mapping(
        TimeType(),
        _AS_CHAR,
        "CASE WHEN {} NOT LIKE '24:%' THEN TRY_CAST({} AS TIME) END",
        fallible=True,
    ),
    "datetime": Mapping(
        TimestampType(), _AS_CHAR, _since_year_1("TRY_CAST({} AS TIMESTAMP)"), fallible=True
    ),
    "timestamp": Mapping(
        TimestamptzType(), _AS_CHAR, "TRY_CAST({} AS TIMESTAMP)::TIMESTAMPTZ", fallible=True
    ),
    "char": _STRING,
    "varchar": _STRING,
    "tinytext": _STRING,
    "text": _STRING,
    "mediumtext": _STRING,
    "longtext": _STRING,
    "json": _STRING,
    "enum": _STRING,
    "set": _STRING,
    "uuid": Mapping(StringType(), f"CONVERT({_AS_CHAR} USING utf8mb4)"),
    "inet4": Mapping(StringType(), f"CONVERT({_AS_CHAR} USING utf8mb4)"),
    "inet6": Mapping(StringType(), f"CONVERT({_AS_CHAR} USING utf8mb4)"),
    "binary": _BINARY,
    "varbinary": _BINARY,
    "tinyblob": _BINARY,
    "blob": _BINARY,
    "mediumblob": _BINARY,
    "longblob": _BINARY,
    "geometry": _BINARY,
    "point": _BINARY,
    "linestring": _BINARY,
    "polygon": _BINARY,
    "multipoint": _BINARY,
    "multilinestring": _BINARY,
    "multipolygon": _BINARY,
    "geometrycollection": _BINARY,
    "geomcollection": _BINARY,
}


def _decimal(precision: int, scale: int) -> Mapping:
    if precision > MAX_PRECISION:
        return Mapping(StringType(), _AS_CHAR, quoted=False)
    kind = DecimalType(precision, scale)
    return Mapping(kind, _AS_CHAR, f"CAST({{}} AS DECIMAL({precision},{scale}))", quoted=False)


@dataclass(frozen=True)
class Declared:
    """A column's type as information_schema tells: `full` is COLUMN_TYPE in lower case."""

    name: str
    full: str
    precision: int = 0
    scale: int = 0


# What depends on more than the name, tried in this order: (rule, how it is read, the name in docs).
_RULES: tuple[tuple[str, Callable[[Declared, bool], bool], Callable[[Declared], Mapping]], ...] = (
    (
        "tinyint(1)",
        lambda c, as_bool: as_bool and c.full.startswith("tinyint(1)") and "unsigned" not in c.full,
        lambda c: _BOOLEAN,
    ),
    (
        "bit(1)",
        lambda c, as_bool: c.name == "bit" and c.precision == 1,
        lambda c: _BOOLEAN,
    ),
    ("bit(n)", lambda c, as_bool: c.name == "bit", lambda c: _BINARY),
    (
        "int unsigned",
        lambda c, as_bool: c.name == "int" and "unsigned" in c.full,
        lambda c: _LONG,
    ),
    (
        "bigint unsigned",
        lambda c, as_bool: c.name == "bigint" and "unsigned" in c.full,
        lambda c: Mapping(DecimalType(20, 0), quoted=False),
    ),
    (
        "decimal(p,s)",
        lambda c, as_bool: c.name == "decimal",
        lambda c: _decimal(c.precision, c.scale),
    ),
)


def map_type(column: Declared, *, tinyint1_is_bit: bool = True) -> Mapping:
    """Return how to read a column; `tinyint1_is_bit` is Connector/J's parameter tinyInt1isBit."""
    for _, applies, mapping in _RULES:
        if applies(column, tinyint1_is_bit):
            return mapping(column)
    return FIXED.get(column.name, _STRING)


def type_table() -> list[tuple[str, IcebergType]]:
    """Return (the server's type, the table's) for the documentation."""
    found = [
        ("tinyint(1), boolean, bit(1)", BooleanType()),
        ("int unsigned", LongType()),
        ("bigint unsigned", DecimalType(20, 0)),
        ("decimal(p,s), p ≤ 38", _decimal(10, 2).type),
        ("decimal(p,s), p > 38", _decimal(60, 2).type),
        ("bit(n)", BinaryType()),
    ]
    return found + [(name, mapping.type) for name, mapping in FIXED.items()]


def exactly_as_text(mapping: Mapping) -> Mapping:
    """Return the mapping for a server that sends text: a float's own text is rounded."""
    if isinstance(mapping.type, FloatType):
        return replace(mapping, select="({} + 0e0)")
    return mapping
