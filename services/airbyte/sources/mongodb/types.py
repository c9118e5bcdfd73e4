"""BSON's types as they lie in bronze.

A collection has no types: a field's are those of the documents that were sampled. What is found
together decides; the catalog (which the connection keeps) then says what the column is.

Facts (Airbyte's source-mongodb-v2): numbers, booleans, arrays and objects are told apart, all else
is text. Here dates are dates, whole numbers whole, binary binary, and decimals keep their digits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DoubleType,
    IcebergType,
    LongType,
    StringType,
    TimestamptzType,
)

from services.airbyte.cdk.columns import Column

Json = dict[str, Any]

BOOLEAN, LONG, DOUBLE, TIMESTAMP, BINARY = "boolean", "long", "double", "timestamp", "binary"
TEXT, OBJECT, ARRAY = "text", "object", "array"

KINDS: dict[str, IcebergType] = {
    BOOLEAN: BooleanType(),
    LONG: LongType(),
    DOUBLE: DoubleType(),
    TIMESTAMP: TimestamptzType(),
    BINARY: BinaryType(),
    TEXT: StringType(),
    OBJECT: StringType(),
    ARRAY: StringType(),
}

# The names of `$type` → kind of column. What is not here says nothing (null, undefined).
BY_TYPE: dict[str, str] = {
    "bool": BOOLEAN,
    "int": LONG,
    "long": LONG,
    "double": DOUBLE,
    "decimal": TEXT,
    "date": TIMESTAMP,
    "timestamp": TIMESTAMP,
    "binData": BINARY,
    "objectId": TEXT,
    "string": TEXT,
    "symbol": TEXT,
    "regex": TEXT,
    "javascript": TEXT,
    "dbPointer": TEXT,
    "minKey": TEXT,
    "maxKey": TEXT,
    "object": OBJECT,
    "javascriptWithScope": OBJECT,
    "array": ARRAY,
}


@dataclass(frozen=True)
class JsonColumn(Column):
    """A column of JSON text; `shape` is what the text holds: object or array."""

    shape: str = OBJECT

    @property
    def json_schema(self) -> Json:
        """The column as Airbyte's connector offers it."""
        return {"type": self.shape}


def column(name: str, kind: str) -> Column:
    """Return the column of a kind."""
    if kind in (OBJECT, ARRAY):
        return JsonColumn(name, KINDS[kind], kind)
    return Column(name, KINDS[kind])


def together(types: Iterable[str]) -> str:
    """Return the kind that takes values of all these BSON types."""
    kinds = {BY_TYPE[name] for name in types if name in BY_TYPE}
    if len(kinds) == 1:
        return kinds.pop()
    if kinds == {LONG, DOUBLE}:
        return DOUBLE
    # An object among arrays becomes an array of one (so Airbyte's does it).
    return ARRAY if kinds == {OBJECT, ARRAY} else TEXT


def of_schema(schema: Json) -> str:
    """Return the kind of a property of a stream's JSON schema."""
    named = schema.get("type")
    types = set(named) if isinstance(named, list) else {named}
    if "array" in types:
        return ARRAY
    if "object" in types:
        return OBJECT
    if "boolean" in types:
        return BOOLEAN
    if "integer" in types or schema.get("airbyte_type") == "integer":
        return LONG
    if "number" in types:
        return DOUBLE
    if schema.get("format") == "date-time":
        return TIMESTAMP
    return BINARY if schema.get("contentEncoding") == "base64" else TEXT


def type_table() -> list[tuple[str, IcebergType, str]]:
    """Return (BSON's type, the table's, a remark) for the documentation."""
    remarks = {
        "decimal": "all its digits",
        "objectId": "24 hexadecimal digits",
        "timestamp": "its second",
        "date": "years outside 1–9999 become null",
        "object": "JSON text",
        "javascriptWithScope": "JSON text",
        "array": "JSON text",
        "regex": "(options)pattern",
    }
    found = [(name, KINDS[kind], remarks.get(name, "")) for name, kind in BY_TYPE.items()]
    return [
        *found,
        ("int and double in one field", KINDS[DOUBLE], ""),
        ("object and array in one field", KINDS[ARRAY], "JSON text: an object in an array"),
        ("other types in one field", KINDS[TEXT], "each value's text"),
    ]
