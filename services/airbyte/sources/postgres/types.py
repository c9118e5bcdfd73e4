"""PostgreSQL's types as they lie in bronze.

native    the scanner reads the type itself
text      PostgreSQL renders it as text (`::text`): exact, whatever the type
Arrays are lists of their element; a numeric without precision is exact as text.
"""

from __future__ import annotations

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
    ListType,
    LongType,
    StringType,
    TimestampType,
    TimestamptzType,
    TimeType,
)

_NATIVE: dict[str, IcebergType] = {
    "bool": BooleanType(),
    "int2": IntegerType(),
    "int4": IntegerType(),
    "int8": LongType(),
    "float4": FloatType(),
    "float8": DoubleType(),
    "text": StringType(),
    "varchar": StringType(),
    "bpchar": StringType(),
    "name": StringType(),
    "json": StringType(),
    "jsonb": StringType(),
    "uuid": StringType(),
    "bytea": BinaryType(),
    "date": DateType(),
    "time": TimeType(),
    "timestamp": TimestampType(),
    "timestamptz": TimestamptzType(),
}

MAX_PRECISION = 38


@dataclass(frozen=True)
class Mapping:
    """How a column is read: `as_text` has PostgreSQL render it, `cast` is what a query needs.

    `numeric` may hold NaN, `infinite` infinity, a year outside 1-9999 or 24:00, a list lists: these
    have no place in the table.
    """

    type: IcebergType
    as_text: bool = False
    numeric: bool = False
    infinite: bool = False
    cast: str | None = None

    @property
    def odd(self) -> str | None:
        """PostgreSQL's condition (on `{}`) for values that the scanner cannot read or nobody can.

        PostgreSQL does not keep to the number of dimensions that an array is declared with.
        """
        if self.numeric:
            return "{} = 'NaN'"
        return "array_ndims({}) > 1" if isinstance(self.type, ListType) else None


def map_type(name: str, typmod: int, dimensions: int, *, is_enum: bool) -> Mapping:
    """Return how to read a column of the (base) type `name`; arrays have a leading underscore."""
    if name.startswith("_"):
        element = map_type(name[1:], typmod, 0, is_enum=is_enum)
        # The scanner reads one dimension; text in an array has no cast of its own.
        if dimensions > 1 or element.as_text or element.numeric:
            return Mapping(StringType(), as_text=True)
        listed = ListType(1, element.type, element_required=False)
        # In a query's answer an array of these is not known as an array.
        unknown = is_enum or name in ("_bytea", "_name")
        cast = "text[]" if unknown else None
        return Mapping(listed, infinite=element.infinite, cast=cast)
    if is_enum:
        return Mapping(StringType())
    if name == "numeric":
        precision, scale = numeric_precision(typmod)
        if precision is None or precision > MAX_PRECISION or not 0 <= scale <= precision:
            return Mapping(StringType(), as_text=True)
        return Mapping(DecimalType(precision, scale), numeric=True)
    if name in _NATIVE:
        infinite = name in ("date", "time", "timestamp", "timestamptz")
        return Mapping(_NATIVE[name], infinite=infinite)
    return Mapping(StringType(), as_text=True)


def numeric_precision(typmod: int) -> tuple[int | None, int]:
    """Return (precision, scale) of a numeric's type modifier; precision None when unconstrained."""
    if typmod < 4:
        return None, 0
    packed = typmod - 4
    scale = packed & 0x7FF
    return (packed >> 16) & 0xFFFF, scale - 0x800 if scale & 0x400 else scale


def type_table() -> list[tuple[str, IcebergType, str]]:
    """Return (PostgreSQL's type, the table's, what to know) for the documentation."""
    found: list[tuple[str, Mapping]] = [
        (name, map_type(name, -1, 0, is_enum=False)) for name in _NATIVE
    ]
    found += [
        ("numeric(p,s), p ≤ 38", map_type("numeric", _typmod(10, 2), 0, is_enum=False)),
        ("numeric(p,s), p > 38", map_type("numeric", _typmod(60, 2), 0, is_enum=False)),
        ("numeric", map_type("numeric", -1, 0, is_enum=False)),
        ("an enum", map_type("mood", -1, 0, is_enum=True)),
        ("int4[]", map_type("_int4", -1, 1, is_enum=False)),
        ("text[]", map_type("_text", -1, 1, is_enum=False)),
        ("an enum's array", map_type("_mood", -1, 1, is_enum=True)),
        ("bytea[]", map_type("_bytea", -1, 1, is_enum=False)),
        ("numeric[]", map_type("_numeric", _typmod(10, 2), 1, is_enum=False)),
        ("an array of arrays", map_type("_int4", -1, 2, is_enum=False)),
    ]
    others = ("interval", "timetz", "money", "int4range", "tstzrange", "inet", "point", "bit")
    found += [(name, map_type(name, -1, 0, is_enum=False)) for name in others]
    return [(name, mapping.type, _remark(mapping)) for name, mapping in found]


def _typmod(precision: int, scale: int) -> int:
    return (precision << 16 | scale) + 4


def _remark(mapping: Mapping) -> str:
    if mapping.as_text:
        return "PostgreSQL's own text"
    if mapping.numeric:
        return "NaN and infinity become null"
    if isinstance(mapping.type, TimeType):
        return "24:00 becomes null"
    if isinstance(mapping.type, ListType):
        return "lists in it become null"
    if mapping.infinite:
        return "infinity and years outside 1–9999 become null"
    return ""
