"""Field types: Elasticsearch's name → the column's type and what a JSON value becomes.

A converter raises ValueError for a value that Elasticsearch would refuse.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Callable
from typing import Any, NamedTuple

from services.elasticsearch.state.analysis import searchable
from services.elasticsearch.state.dates import DateFormat

Converter = Callable[[Any], Any]


class FieldType(NamedTuple):
    """`family` groups the types that queries and aggregations treat alike."""

    column: str
    family: str  # text | keyword | integer | decimal | boolean | date | ip | binary
    converter: Callable[[dict[str, Any]], Converter]


def _text(parameters: dict[str, Any]) -> Converter:
    analyzer = parameters.get("analyzer", "standard")
    return lambda value: searchable(_string(value), analyzer)


def _keyword(parameters: dict[str, Any]) -> Converter:
    longest = parameters.get("ignore_above")
    lowercase = parameters.get("normalizer") == "lowercase"

    def convert(value: Any) -> str | None:
        text = value if type(value) is str else _string(value)
        if longest is not None and len(text) > longest:
            return None
        return text.lower() if lowercase else text

    return convert


def _string(value: Any) -> str:
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError("not a text")


def _integer(lowest: int, highest: int) -> Callable[[dict[str, Any]], Converter]:
    def build(parameters: dict[str, Any]) -> Converter:
        coerce = parameters.get("coerce", True) is not False

        def convert(value: Any) -> int:
            if type(value) is not int:
                if isinstance(value, bool) or not isinstance(value, str | float):
                    raise ValueError("not a number")
                if not coerce:
                    raise ValueError("passed as another type and coerce is off")
                text = str(value)
                value = int(text) if text.lstrip("+-").isdigit() else int(float(text))
            if not lowest <= value <= highest:
                raise ValueError("out of range")
            return int(value)

        return convert

    return build


def _decimal(_parameters: dict[str, Any]) -> Converter:
    def convert(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError("not a number")
        number = float(value)
        if number != number or number in (float("inf"), float("-inf")):
            raise ValueError("not a finite number")
        return number

    return convert


_BOOLEANS = {True: True, False: False, "true": True, "false": False, "": False}


def _boolean(_parameters: dict[str, Any]) -> Converter:
    def convert(value: Any) -> bool:
        if not isinstance(value, bool | str) or value not in _BOOLEANS:
            raise ValueError("only [true] or [false] are allowed")
        return _BOOLEANS[value]

    return convert


def _date(parameters: dict[str, Any]) -> Converter:
    return DateFormat(parameters.get("format")).parse


def _ip(_parameters: dict[str, Any]) -> Converter:
    return lambda value: str(ipaddress.ip_address(value))


def _binary(_parameters: dict[str, Any]) -> Converter:
    def convert(value: Any) -> str:
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError) as error:
            raise ValueError("not base64") from error
        return str(value)

    return convert


TYPES: dict[str, FieldType] = {
    "text": FieldType("VARCHAR", "text", _text),
    "match_only_text": FieldType("VARCHAR", "text", _text),
    "keyword": FieldType("VARCHAR", "keyword", _keyword),
    "constant_keyword": FieldType("VARCHAR", "keyword", _keyword),
    "wildcard": FieldType("VARCHAR", "keyword", _keyword),
    "long": FieldType("BIGINT", "integer", _integer(-(2**63), 2**63 - 1)),
    "integer": FieldType("BIGINT", "integer", _integer(-(2**31), 2**31 - 1)),
    "short": FieldType("BIGINT", "integer", _integer(-(2**15), 2**15 - 1)),
    "byte": FieldType("BIGINT", "integer", _integer(-128, 127)),
    "double": FieldType("DOUBLE", "decimal", _decimal),
    "float": FieldType("DOUBLE", "decimal", _decimal),
    "half_float": FieldType("DOUBLE", "decimal", _decimal),
    "scaled_float": FieldType("DOUBLE", "decimal", _decimal),
    "boolean": FieldType("BOOLEAN", "boolean", _boolean),
    # Milliseconds since 1970, as Elasticsearch itself keeps and sorts them.
    "date": FieldType("BIGINT", "date", _date),
    "ip": FieldType("VARCHAR", "ip", _ip),
    "binary": FieldType("VARCHAR", "binary", _binary),
}
