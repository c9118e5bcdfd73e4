"""Binary strings: hexadecimal, base 64, escapes, and the character sets of ENCODE."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

from services.dremio.sql.functions.columns import binary, each
from services.dremio.sql.functions.registry import Family, Udf

_ESCAPE = re.compile(rb"\\x([0-9A-Fa-f]{2})")


def _binary_string(column: Any) -> pa.Array:
    """Text as UTF-8 bytes, `\\xNN` standing for a byte."""
    return each(
        lambda data: _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), data),
        pa.binary(),
        binary(column),
    )


def _string_binary(column: Any) -> pa.Array:
    """Bytes as text: printable ASCII stays, anything else is `\\xNN`."""
    return each(
        lambda data: "".join(chr(b) if 32 <= b < 127 else f"\\x{b:02X}" for b in data),
        pa.string(),
        binary(column),
    )


def _replace_utf8(column: Any, replacements: Any) -> pa.Array:
    def replaced(data: bytes, replacement: str) -> str:
        out, rest = "", data
        while rest:
            try:
                return out + rest.decode()
            except UnicodeDecodeError as error:
                # Each byte that is no UTF-8 gives one replacement.
                out += rest[: error.start].decode() + replacement
                rest = rest[error.start + 1 :]
        return out

    return each(replaced, pa.string(), binary(column), replacements)


def _is_utf8(column: Any) -> pa.Array:
    def valid(data: bytes) -> bool:
        try:
            data.decode()
        except UnicodeDecodeError:
            return False
        return True

    return each(valid, pa.bool_(), binary(column))


_CHARSETS = {
    "us-ascii": "ascii",
    "iso-8859-1": "latin-1",
    "utf-8": "utf-8",
    "utf-16be": "utf-16-be",
    "utf-16le": "utf-16-le",
    "utf-16": "utf-16",
}


def _encode(values: Any, charsets: Any) -> pa.Array:
    def encoded(value: str, charset: str) -> bytes:
        codec = _CHARSETS.get(charset.lower())
        if codec is None:
            raise ValueError(f"ENCODE: unknown character set '{charset}'")
        if codec == "utf-16":  # Java writes big-endian with a byte-order mark.
            return b"\xfe\xff" + value.encode("utf-16-be")
        return value.encode(codec, "replace")

    return each(encoded, pa.binary(), values, charsets)


_UNHEX = ("(a) AS CASE WHEN regexp_full_match(a, '([0-9A-Fa-f]{2})*') THEN unhex(a) END",)
_HEX = (
    "(a INTEGER) AS CASE WHEN a < 0 THEN hex(CAST(a AS BIGINT) & 4294967295) ELSE hex(a) END",
    "(a BIGINT) AS hex(a)",
    "(a BLOB) AS hex(a)",
    "(a VARCHAR) AS hex(encode(a))",
)

FAMILY = Family(
    title="Binary",
    macros={
        "_BYTES": ("(a BLOB) AS a", "(a) AS encode(CAST(a AS VARCHAR))"),
        "BASE64": ("(a) AS to_base64(@_BYTES(a))",),
        "UNBASE64": ("(a) AS from_base64(CAST(a AS VARCHAR))",),
        "BIN": (
            "(a INTEGER) AS CASE WHEN a < 0 THEN bin(CAST(a AS BIGINT) & 4294967295) "
            "ELSE bin(a) END",
            "(a BIGINT) AS bin(a)",
        ),
        "HEX": _HEX,
        "TO_HEX": _HEX,
        "UNHEX": _UNHEX,
        "FROM_HEX": _UNHEX,
        "BINARY_STRING": ("(a) AS _dremio_binary_string(encode(CAST(a AS VARCHAR)))",),
        "STRING_BINARY": ("(a) AS _dremio_string_binary(@_BYTES(a))",),
        "CONVERT_REPLACEUTF8": ("(a, b) AS _dremio_replace_utf8(@_BYTES(a), b)",),
        "ENCODE": ("(a, b) AS _dremio_encode(CAST(a AS VARCHAR), b)",),
        "IS_UTF8": ("(a) AS _dremio_is_utf8(@_BYTES(a))",),
    },
    udfs=(
        Udf("_dremio_binary_string", ["BLOB"], "BLOB", _binary_string),
        Udf("_dremio_string_binary", ["BLOB"], "VARCHAR", _string_binary),
        Udf("_dremio_replace_utf8", ["BLOB", "VARCHAR"], "VARCHAR", _replace_utf8),
        Udf("_dremio_encode", ["VARCHAR", "VARCHAR"], "BLOB", _encode),
        Udf("_dremio_is_utf8", ["BLOB"], "BOOLEAN", _is_utf8),
    ),
)
