"""SQL Server's types as they lie in bronze.

A column is read with `select`, an expression for the server. Most are read as they are: the driver
makes Arrow of what the protocol sends in binary, without rounding and without a text in between.

Fact (Airbyte's source-mssql, its documentation and its type mapper): bit is a boolean; the CLR
types geometry, geography and hierarchyid, xml, sql_variant and uniqueidentifier are text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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

_PLAIN = "{}"
_TEXT = "CAST({} AS nvarchar(max))"


@dataclass(frozen=True)
class Mapping:
    """How a column is read; `{}` stands for the column.

    `cursor` is an expression that gives a value as text, exactly, where the type can say what is
    new; `quoted`: that text is quoted in a condition. `large`: a value has no length to count on.
    """

    type: IcebergType
    select: str = _PLAIN
    cursor: str | None = None
    quoted: bool = False
    large: bool = False


_AS_NUMBER = "CAST({} AS nvarchar(40))"
_AS_FLOAT = "CONVERT(nvarchar(40), {}, 3)"  # style 3: 17 digits, nothing is lost
_AS_TIME = "CONVERT(nvarchar(40), {}, 126)"  # style 126: ISO 8601 with all digits
_AS_HEX = "CONVERT(nvarchar(40), CAST({} AS binary(8)), 1)"  # style 1: 0x…

_INTEGER = Mapping(IntegerType(), cursor=_AS_NUMBER)
_LARGE_TEXT = Mapping(StringType(), _TEXT, large=True)
_TIMESTAMP = Mapping(TimestampType(), cursor=_AS_TIME, quoted=True)
_STRING = Mapping(StringType(), cursor=_PLAIN, quoted=True)
_BINARY = Mapping(BinaryType())

# The table of types: the server's name → how it is read.
FIXED: dict[str, Mapping] = {
    "bit": Mapping(BooleanType()),
    "tinyint": _INTEGER,
    "smallint": _INTEGER,
    "int": _INTEGER,
    "bigint": Mapping(LongType(), cursor=_AS_NUMBER),
    "real": Mapping(FloatType(), cursor=_AS_FLOAT),
    "float": Mapping(DoubleType(), cursor=_AS_FLOAT),
    "smallmoney": Mapping(DecimalType(10, 4), "CAST({} AS decimal(10,4))", _AS_NUMBER),
    "money": Mapping(DecimalType(19, 4), "CAST({} AS decimal(19,4))", _AS_NUMBER),
    "date": Mapping(DateType(), cursor=_AS_TIME, quoted=True),
    "time": Mapping(TimeType(), cursor=_AS_NUMBER, quoted=True),
    "smalldatetime": _TIMESTAMP,
    "datetime": _TIMESTAMP,
    "datetime2": _TIMESTAMP,
    "datetimeoffset": Mapping(TimestamptzType(), cursor=_AS_TIME, quoted=True),
    "char": _STRING,
    "varchar": _STRING,
    "nchar": _STRING,
    "nvarchar": _STRING,
    "uniqueidentifier": Mapping(StringType()),
    "text": _LARGE_TEXT,
    "ntext": _LARGE_TEXT,
    "xml": _LARGE_TEXT,
    "json": _LARGE_TEXT,
    "vector": _LARGE_TEXT,
    "sql_variant": Mapping(StringType(), "CAST({} AS nvarchar(4000))"),
    "hierarchyid": Mapping(StringType(), "CAST({}.ToString() AS nvarchar(4000))"),
    "geometry": Mapping(StringType(), "CAST({}.ToString() AS nvarchar(max))", large=True),
    "geography": Mapping(StringType(), "CAST({}.ToString() AS nvarchar(max))", large=True),
    "binary": _BINARY,
    "varbinary": _BINARY,
    "image": Mapping(BinaryType(), "CAST({} AS varbinary(max))", large=True),
    "timestamp": Mapping(BinaryType(), "CAST({} AS binary(8))", _AS_HEX),
}

# What a CLR type of the database's own is: its bytes.
_OTHER = Mapping(BinaryType(), "CAST({} AS varbinary(max))", large=True)


@dataclass(frozen=True)
class Declared:
    """A column's type as sys.columns tells: `length` in bytes, -1 for (max)."""

    name: str
    length: int = 0
    precision: int = 0
    scale: int = 0


def _decimal(column: Declared) -> Mapping:
    return Mapping(DecimalType(column.precision, column.scale), cursor=_AS_NUMBER)


def _maximal(column: Declared) -> Mapping:
    fixed = FIXED[column.name]
    return Mapping(fixed.type, large=True)


# What depends on more than the name, tried in this order: (rule, how it is read).
_RULES: tuple[tuple[Callable[[Declared], bool], Callable[[Declared], Mapping]], ...] = (
    (lambda c: c.name in ("decimal", "numeric"), _decimal),
    (lambda c: c.name in ("varchar", "nvarchar", "varbinary") and c.length == -1, _maximal),
)


def map_type(column: Declared) -> Mapping:
    """Return how to read a column."""
    for applies, mapping in _RULES:
        if applies(column):
            return mapping(column)
    return FIXED.get(column.name, _OTHER)


def width(column: Declared) -> int:
    """Return how many bytes the driver keeps ready for a value."""
    if column.name in ("char", "varchar"):
        return 2 * column.length + 2  # it asks for UTF-16
    return max(column.length, 16) + 2


_DIGITS = "without the seventh digit of a second"
# What the documentation says of a type besides.
REMARKS = {
    **dict.fromkeys(("time", "datetime2", "datetimeoffset"), _DIGITS),
    "uniqueidentifier": "in capitals, as the server prints it",
    "hierarchyid": "as the server prints it: `/1/2/`",
    **dict.fromkeys(("geometry", "geography"), "well-known text"),
    **dict.fromkeys(("xml", "sql_variant"), "as the server casts it to text"),
}


def type_table() -> list[tuple[str, IcebergType]]:
    """Return (the server's type, the table's) for the documentation."""
    found: list[tuple[str, IcebergType]] = [("decimal(p,s), numeric(p,s)", DecimalType(10, 2))]
    names = {"timestamp": "rowversion (timestamp)"}
    found += [(names.get(name, name), mapping.type) for name, mapping in FIXED.items()]
    return [*found, ("a CLR type of one's own", _OTHER.type)]
