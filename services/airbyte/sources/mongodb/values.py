"""Decoded documents as Arrow columns.

A column whose values are all of its own kind is made by Arrow at once; where others are among
them, value by value. A value that has no place in its column is null there and marked.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
from bson.binary import Binary
from bson.code import Code
from bson.datetime_ms import DatetimeMS
from bson.dbref import DBRef
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.max_key import MaxKey
from bson.min_key import MinKey
from bson.objectid import ObjectId
from bson.regex import Regex
from bson.timestamp import Timestamp

from services.airbyte.sources.mongodb.types import (
    ARRAY,
    BINARY,
    BOOLEAN,
    DOUBLE,
    LONG,
    OBJECT,
    TEXT,
    TIMESTAMP,
)

_LONGEST = 1 << 63
_EXACT = 1 << 53
_REGEX_FLAGS = ((2, "i"), (4, "l"), (8, "m"), (16, "s"), (32, "u"), (64, "x"))


def iso(moment: datetime.datetime) -> str:
    """Return a time as Airbyte's connector writes it: UTC, with milliseconds."""
    return f"{moment.isoformat(timespec='milliseconds')}Z"


def _of_timestamp(stamp: Timestamp) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(stamp.time, datetime.UTC).replace(tzinfo=None)


def _pattern(regex: Regex[Any]) -> str:
    pattern = regex.pattern.decode() if isinstance(regex.pattern, bytes) else str(regex.pattern)
    options = "".join(letter for flag, letter in _REGEX_FLAGS if regex.flags & flag)
    return f"({options}){pattern}" if options else pattern


def _in_json(value: Any) -> Any:
    """Return what JSON has no form for as something that has one."""
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, datetime.datetime):
        return iso(value)
    if isinstance(value, DatetimeMS):  # beyond the calendar: its milliseconds
        return int(value)
    if isinstance(value, Decimal128):
        number = value.to_decimal()
        return orjson.Fragment(str(value)) if number.is_finite() else None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Timestamp):
        return iso(_of_timestamp(value))
    if isinstance(value, Regex):
        return _pattern(value)
    if isinstance(value, DBRef):
        return dict(value.as_doc())
    if isinstance(value, MinKey | MaxKey):
        return None
    raise TypeError(f"no JSON for {type(value).__name__}")


def json_text(value: Any) -> str:
    """Return a value as JSON text."""
    return orjson.dumps(value, _in_json, orjson.OPT_PASSTHROUGH_DATETIME).decode()


def text(value: Any) -> str:
    """Return a value as the text of a column that holds texts."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Decimal128 | ObjectId):
        return str(value)
    if isinstance(value, MinKey | MaxKey):
        return type(value).__name__
    found = json_text(value)
    return str(orjson.loads(found)) if found.startswith('"') else found


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError


def _long(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal128):
        raise ValueError
    number = value.to_decimal() if isinstance(value, Decimal128) else value
    try:
        whole = int(number)
    except (OverflowError, ArithmeticError) as error:  # infinity
        raise ValueError from error
    if whole != number or not -_LONGEST <= whole < _LONGEST:
        raise ValueError
    return whole


def _double(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal128):
        raise ValueError
    if isinstance(value, Decimal128):
        return float(value.to_decimal())
    if isinstance(value, int) and abs(value) > _EXACT and int(float(value)) != value:
        raise ValueError
    return float(value)


def _moment(value: Any) -> datetime.datetime:
    if isinstance(value, Timestamp):
        return _of_timestamp(value)
    if isinstance(value, datetime.datetime):
        return value
    raise ValueError


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return bytes(value)
    raise ValueError


def _object(value: Any) -> str:
    if isinstance(value, Code) and value.scope is not None:
        return json_text({"code": str(value), "scope": dict(value.scope)})
    return json_text(value)


def _array(value: Any) -> str:
    return json_text([value] if isinstance(value, dict) else value)


@dataclass(frozen=True)
class Place:
    """What a column takes: values of the classes `own` as they are, others by `convert`.

    `convert` raises ValueError for a value that has no place.
    """

    arrow: pa.DataType
    own: frozenset[type]
    convert: Callable[[Any], Any]
    total: bool = False


PLACES: dict[str, Place] = {
    BOOLEAN: Place(pa.bool_(), frozenset({bool}), _boolean),
    LONG: Place(pa.int64(), frozenset({int, Int64}), _long),
    DOUBLE: Place(pa.float64(), frozenset({float}), _double),
    TIMESTAMP: Place(pa.timestamp("us", "UTC"), frozenset({datetime.datetime}), _moment),
    BINARY: Place(pa.binary(), frozenset({bytes, Binary}), _bytes),
    TEXT: Place(pa.string(), frozenset({str}), text, total=True),
    OBJECT: Place(pa.string(), frozenset(), _object, total=True),
    ARRAY: Place(pa.string(), frozenset(), _array, total=True),
}


def arrow(values: Sequence[Any], kind: str) -> tuple[pa.Array, pa.Array | None]:
    """Return the values as an array, and which of them had no place (None: all had)."""
    place = PLACES[kind]
    if set(map(type, values)) <= place.own | {type(None)}:
        return pa.array(values, place.arrow), None
    convert = place.convert
    if place.total:
        made = [None if value is None else convert(value) for value in values]
        return pa.array(made, place.arrow), None
    found: list[Any] = []
    bad: list[bool] = []
    for value in values:
        try:
            found.append(None if value is None else convert(value))
            bad.append(False)
        except ValueError:
            found.append(None)
            bad.append(True)
    return pa.array(found, place.arrow), pa.array(bad) if any(bad) else None
