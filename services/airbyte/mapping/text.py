"""SQL of a value's text: what is hashed, and what a row filter compares.

It is the text of the value in the JSON that Airbyte's connectors send: ISO 8601 with six digits of
a second for times, base64 for bytes. Decimals lose their trailing zeros, as they do there.
"""

from __future__ import annotations

from pyiceberg.types import (
    BinaryType,
    DecimalType,
    IcebergType,
    ListType,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
)

_SECOND = "%Y-%m-%dT%H:%M:%S.%f"
# Type → SQL of its text; all others are cast.
_TEXTS: dict[type[IcebergType], str] = {
    BinaryType: "to_base64({})",
    ListType: "CAST(to_json({}) AS VARCHAR)",
    StringType: "{}",
    StructType: "CAST(to_json({}) AS VARCHAR)",
    TimeType: f"strftime(DATE '1970-01-01' + {{}}, '{_SECOND[9:]}')",
    TimestampType: f"strftime({{}}, '{_SECOND}')",
    TimestamptzType: f"strftime({{}}, '{_SECOND}Z')",
}


def text_of(kind: IcebergType, value: str) -> str:
    """Return the SQL of the text of `value`, SQL of a value of this type; null stays null."""
    if isinstance(kind, DecimalType) and kind.scale:
        return f"rtrim(rtrim(CAST({value} AS VARCHAR), '0'), '.')"
    return _TEXTS.get(type(kind), "CAST({} AS VARCHAR)").format(value)
