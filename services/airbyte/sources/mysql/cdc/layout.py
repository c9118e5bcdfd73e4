"""How a table's rows lie in the log: what a TABLE_MAP event says.

Facts: MySQL's replication protocol (table map event, its optional metadata, binary types) and
MariaDB's, which is the same but for the types from 140 on (compressed columns).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.airbyte.cdk.failures import config_error

TINY, SHORT, LONG, FLOAT, DOUBLE, TIMESTAMP, LONGLONG, INT24 = 1, 2, 3, 4, 5, 7, 8, 9
DATE, TIME, DATETIME, YEAR, VARCHAR, BIT = 10, 11, 12, 13, 15, 16
TIMESTAMP2, DATETIME2, TIME2, JSON, NEWDECIMAL = 17, 18, 19, 245, 246
ENUM, SET, BLOB, VAR_STRING, STRING, GEOMETRY = 247, 248, 252, 253, 254, 255

_FIXED = {
    TINY: 1, SHORT: 2, INT24: 3, LONG: 4, LONGLONG: 8, FLOAT: 4, DOUBLE: 8, YEAR: 1, DATE: 3,
}  # fmt: skip
_NUMERIC = frozenset({TINY, SHORT, INT24, LONG, LONGLONG, FLOAT, DOUBLE, NEWDECIMAL})
_DIGITS_BYTES = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
_METADATA_BYTES = {
    FLOAT: 1, DOUBLE: 1, BLOB: 1, JSON: 1, GEOMETRY: 1, TIMESTAMP2: 1, DATETIME2: 1, TIME2: 1,
    VARCHAR: 2, BIT: 2, NEWDECIMAL: 2, STRING: 2, VAR_STRING: 2, ENUM: 2, SET: 2,
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A column in a row image: `size` bytes, or as many as `prefix` bytes before it say.

    `parameter` is the type's: fractional digits, precision and scale, length of a char.
    """

    type: int
    size: int
    prefix: int
    parameter: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class TableMap:
    """A table as the log has it; `names` is None where the server does not log them."""

    database: str
    table: str
    cells: tuple[Cell, ...]
    names: tuple[str, ...] | None
    unsigned: tuple[bool, ...] | None
    texts: tuple[tuple[bytes, ...], ...] | None = None


def decimal_bytes(digits: int) -> int:
    """Return how many bytes a decimal's integer or fractional digits take."""
    return digits // 9 * 4 + _DIGITS_BYTES[digits % 9]


def _cell(kind: int, first: int, second: int) -> Cell:
    """Return a column's layout from its type and metadata bytes."""
    if kind in _FIXED:
        return Cell(kind, _FIXED[kind], 0)
    little = first | second << 8
    if kind in (VARCHAR, VAR_STRING):
        return Cell(kind, 0, 1 if little < 256 else 2, (little, 0))
    if kind in (BLOB, JSON, GEOMETRY):
        return Cell(kind, 0, first)
    if kind == NEWDECIMAL:
        size = decimal_bytes(first - second) + decimal_bytes(second)
        return Cell(kind, size, 0, (first, second))
    if kind == BIT:
        return Cell(kind, second + (first > 0), 0, (second * 8 + first, 0))
    if kind in (TIMESTAMP2, DATETIME2, TIME2):
        whole = {TIMESTAMP2: 4, DATETIME2: 5, TIME2: 3}[kind]
        return Cell(kind, whole + (first + 1) // 2, 0, (first, 0))
    if kind == STRING:
        return _string(first, second)
    raise config_error(
        f"the binary log holds a column of type {kind}, which cannot be read (a compressed column,"
        " or a time in the format before MySQL 5.6): rebuild the table without, or read it with"
        " replication_method STANDARD"
    )


def _string(first: int, second: int) -> Cell:
    """CHAR, ENUM and SET share a type; lengths above 255 hide in two bits of the first byte."""
    if first in (ENUM, SET):
        return Cell(first, second, 0)
    length = second | ((first & 0x30) ^ 0x30) << 4
    return Cell(STRING, 0, 1 if length < 256 else 2, (length, 0))


def packed(data: bytes, at: int) -> tuple[int, int]:
    """Read a length-encoded integer; return it and where the next thing begins."""
    first = data[at]
    if first < 251:
        return first, at + 1
    size = {252: 2, 253: 3, 254: 8}[first]
    return int.from_bytes(data[at + 1 : at + 1 + size], "little"), at + 1 + size


def parse_table_map(body: bytes) -> TableMap:
    """Read the body of a TABLE_MAP event after table id and flags."""
    size, at = body[0], 1
    database = body[at : at + size].decode()
    at += size + 1
    size, at = body[at], at + 1
    table = body[at : at + size].decode()
    at += size + 1
    count, at = packed(body, at)
    kinds = body[at : at + count]
    at += count
    size, at = packed(body, at)
    block, where = body[at : at + size] + b"\0\0", 0
    cells = []
    for kind in kinds:
        cells.append(_cell(kind, block[where], block[where + 1]))
        where += _METADATA_BYTES.get(kind, 0)
    at += size + (count + 7) // 8
    names: tuple[str, ...] | None = None
    unsigned: tuple[bool, ...] | None = None
    lists: dict[int, list[list[bytes]]] = {}
    while at < len(body):
        kind = body[at]
        size, at = packed(body, at + 1)
        if kind == 1:
            unsigned = _signedness(body[at : at + size], kinds)
        elif kind == 4:
            names = tuple(_strings(body[at : at + size]))
        elif kind in (5, 6):
            lists[SET if kind == 5 else ENUM] = _lists(body[at : at + size])
        at += size
    texts = None
    if lists:
        texts = tuple(tuple(lists[c.type].pop(0)) if lists.get(c.type) else () for c in cells)
    return TableMap(database, table, tuple(cells), names, unsigned, texts)


def _signedness(bits: bytes, kinds: Sequence[int]) -> tuple[bool, ...]:
    """One bit per numeric column, the first in the highest bit: 1 for unsigned."""
    found, number = [], 0
    for kind in kinds:
        numeric = kind in _NUMERIC
        found.append(numeric and bool(bits[number >> 3] & (0x80 >> (number & 7))))
        number += numeric
    return tuple(found)


def _strings(block: bytes) -> list[str]:
    found, at = [], 0
    while at < len(block):
        size, at = packed(block, at)
        found.append(block[at : at + size].decode())
        at += size
    return found


def _lists(block: bytes) -> list[list[bytes]]:
    """The values of each ENUM (or SET) column, in its character set."""
    found, at = [], 0
    while at < len(block):
        count, at = packed(block, at)
        values = []
        for _ in range(count):
            size, at = packed(block, at)
            values.append(block[at : at + size])
            at += size
        found.append(values)
    return found
