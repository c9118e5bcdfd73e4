"""What a server answers: tokens, and rows of DuckDB's values in the types of TDS.

Facts: [MS-TDS] 2.2.7 (tokens), 2.2.5.4 (types), 2.2.5.5 (values).
"""

from __future__ import annotations

import datetime
import decimal
import struct
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_COLLATION = bytes.fromhex("0904d00034")  # SQL_Latin1_General_CP1_CI_AS
_YEAR_1 = datetime.date(1, 1, 1)
_DONE, _MORE, _ERROR, _COUNT, _ATTENTION = 0, 1, 2, 0x10, 0x20


def _text(value: str) -> bytes:
    return bytes([len(value)]) + value.encode("utf-16-le")


def _long_text(value: str) -> bytes:
    return struct.pack("<H", len(value)) + value.encode("utf-16-le")


def logged_in(database: str) -> bytes:
    """Return the answer to a log-in."""
    program = struct.pack(">BI", 1, 0x74000004) + _text("Microsoft SQL Server")
    ack = program + bytes([16, 0, 1000 >> 8, 1000 & 0xFF])
    return (
        _changed(1, _text(database) + _text("master"))
        + _changed(7, bytes([5]) + _COLLATION + b"\0")
        + _changed(2, _text("us_english") + _text(""))
        + b"\xad"
        + struct.pack("<H", len(ack))
        + ack
        + _changed(4, _text("4096") + _text("4096"))
        + done()
    )


def _changed(what: int, values: bytes) -> bytes:
    return b"\xe3" + struct.pack("<HB", len(values) + 1, what) + values


def began(transaction: int) -> bytes:
    """Say that a transaction has begun."""
    return _changed(8, b"\x08" + struct.pack("<Q", transaction) + b"\0")


def ended(transaction: int, *, committed: bool) -> bytes:
    """Say that a transaction has ended."""
    return _changed(9 if committed else 10, b"\0\x08" + struct.pack("<Q", transaction))


def done(count: int | None = None, *, failed: bool = False) -> bytes:
    """Say that a batch has ended."""
    status = (_ERROR if failed else _DONE) | (_COUNT if count is not None else 0)
    return b"\xfd" + struct.pack("<HHQ", status, 0xC1, count or 0)


def stopped() -> bytes:
    """Say that a batch was stopped as asked."""
    return b"\xfd" + struct.pack("<HHQ", _ATTENTION, 0, 0)


def error(number: int, message: str, *, severity: int = 16) -> bytes:
    """Return an error as the server reports it."""
    body = struct.pack("<IBB", number, 1, severity) + _long_text(message)
    body += _text("test") + _text("") + struct.pack("<I", 1)
    return b"\xaa" + struct.pack("<H", len(body)) + body


@dataclass(frozen=True)
class _Type:
    info: bytes
    value: Callable[[Any], bytes]


def _sized(pack: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def write(value: Any) -> bytes:
        if value is None:
            return b"\0"
        data = pack(value)
        return bytes([len(data)]) + data

    return write


def _chunks(data: bytes | None) -> bytes:
    """A value of a type that is MAX: its length, a chunk, no more chunks."""
    if data is None:
        return b"\xff" * 8
    chunk = struct.pack("<I", len(data)) + data if data else b""
    return struct.pack("<Q", len(data)) + chunk + b"\0\0\0\0"


def _short(data: bytes | None) -> bytes:
    return b"\xff\xff" if data is None else struct.pack("<H", len(data)) + data


def _integer(size: int) -> _Type:
    signed = size > 1
    pack = _sized(lambda v: int(v).to_bytes(size, "little", signed=signed))
    return _Type(bytes([0x26, size]), pack)


def _number(precision: int, scale: int) -> _Type:
    size = next(s for p, s in ((9, 4), (19, 8), (28, 12), (38, 16)) if precision <= p)
    exactly = decimal.Context(prec=60)

    def pack(value: decimal.Decimal) -> bytes:
        whole = int(value.copy_abs().scaleb(scale, exactly))
        return bytes([value >= 0]) + whole.to_bytes(size, "little")

    return _Type(bytes([0x6A, size + 1, precision, scale]), _sized(pack))


def _days(value: datetime.date) -> bytes:
    return (value - _YEAR_1).days.to_bytes(3, "little")


def _ticks(value: datetime.time | datetime.datetime) -> bytes:
    seconds = value.hour * 3600 + value.minute * 60 + value.second
    return (seconds * 10_000_000 + value.microsecond * 10).to_bytes(5, "little")


def _with_offset(value: datetime.datetime) -> bytes:
    utc = value.astimezone(datetime.UTC)
    return _ticks(utc) + _days(utc.date()) + struct.pack("<h", 0)


def _guid(value: uuid.UUID | str) -> bytes:
    return (value if isinstance(value, uuid.UUID) else uuid.UUID(value)).bytes_le


_NVARCHAR = _Type(
    b"\xe7" + struct.pack("<H", 8000) + _COLLATION,
    lambda v: _short(None if v is None else str(v).encode("utf-16-le")),
)
_NVARCHAR_MAX = _Type(
    b"\xe7\xff\xff" + _COLLATION,
    lambda v: _chunks(None if v is None else str(v).encode("utf-16-le")),
)
_TYPES: dict[str, _Type] = {
    "BOOLEAN": _Type(bytes([0x68, 1]), _sized(lambda v: bytes([bool(v)]))),
    "UTINYINT": _integer(1),
    "SMALLINT": _integer(2),
    "INTEGER": _integer(4),
    "BIGINT": _integer(8),
    "HUGEINT": _integer(8),  # a SUM of bigint is bigint here
    "FLOAT": _Type(bytes([0x6D, 4]), _sized(lambda v: struct.pack("<f", v))),
    "DOUBLE": _Type(bytes([0x6D, 8]), _sized(lambda v: struct.pack("<d", v))),
    "DATE": _Type(b"\x28", _sized(_days)),
    "TIME": _Type(bytes([0x29, 7]), _sized(_ticks)),
    "TIMESTAMP": _Type(bytes([0x2A, 7]), _sized(lambda v: _ticks(v) + _days(v.date()))),
    "TIMESTAMP WITH TIME ZONE": _Type(bytes([0x2B, 7]), _sized(_with_offset)),
    "UUID": _Type(bytes([0x24, 16]), _sized(_guid)),
    "BLOB": _Type(b"\xa5\xff\xff", _chunks),
    "VARCHAR": _NVARCHAR,
}


def _type(name: str, longest: int) -> _Type:
    if name.startswith("DECIMAL"):
        precision, scale = name[8:-1].split(",")
        return _number(int(precision), int(scale))
    found = _TYPES.get(name, _NVARCHAR)
    return _NVARCHAR_MAX if found is _NVARCHAR and longest > 4000 else found


def rows(
    columns: Sequence[tuple[str, str]], values: Sequence[Sequence[Any]], *, long: frozenset[str]
) -> bytes:
    """Return a result: (name, DuckDB's type) per column; `long` are columns of type (max)."""
    types = [
        _type(kind, 1 << 20 if name in long else max((len(str(v[n])) for v in values), default=0))
        if kind == "VARCHAR"
        else _type(kind, 0)
        for n, (name, kind) in enumerate(columns)
    ]
    out = bytearray(b"\x81" + struct.pack("<H", len(columns)))
    for (name, _), found in zip(columns, types, strict=True):
        out += struct.pack("<IH", 0, 0x0009) + found.info + _text(name)
    for row in values:
        out.append(0xD1)
        for value, found in zip(row, types, strict=True):
            out += found.value(value)
    return bytes(out)
