"""Values of a column out of the log's bytes, as Arrow arrays.

Facts: the types' formats in MySQL's replication protocol. Numbers are little-endian; temporal types
with fractions and decimals are big-endian, with the sign in the first bit turned over.
"""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.types import BinaryType, BooleanType, StringType
from pymysqlreplication.json_binary import parse_json

from services.airbyte.cdk.places import Bools, Bytes, Ints
from services.airbyte.sources.mysql.cdc import layout as kinds
from services.airbyte.sources.mysql.cdc.charsets import UTF8, decoded
from services.airbyte.sources.mysql.cdc.layout import Cell, decimal_bytes
from services.airbyte.sources.mysql.cdc.rows import Image, little
from services.airbyte.sources.mysql.tables import SourceColumn

_DAY = 86_400_000_000


@dataclass(frozen=True)
class Told:
    """A column's values; `bad` marks those that have no place in the table, null in `values`."""

    values: pa.Array
    bad: Bools | None = None


@dataclass(frozen=True)
class Asked:
    """What is to be read: a column of an image, and what it is in the source."""

    image: Image
    number: int
    cell: Cell
    column: SourceColumn
    unsigned: bool
    texts: tuple[str, ...]

    @property
    def valid(self) -> Bools:
        """Where the column is not null."""
        return self.image.valid[self.number]

    def matrix(self) -> Bytes:
        """The column's bytes, of a type with a fixed size."""
        return self.image.matrix(self.number, self.cell.size)

    def array(self, values: npt.NDArray[Any]) -> pa.Array:
        """The values as Arrow's, null where the column is."""
        return pa.array(values, mask=~self.valid)


def read_column(asked: Asked) -> Told:
    """Return a column's values, which DuckDB can cast to the column's type."""
    return _READERS.get(asked.cell.type, _bytes)(asked)


def _integer(asked: Asked) -> Told:
    matrix, size = asked.matrix(), asked.cell.size
    if size == 8:
        kind = "<u8" if asked.unsigned else "<i8"
        return Told(asked.array(np.ascontiguousarray(matrix).view(kind).ravel()))
    value = little(matrix.ravel(), np.arange(len(matrix), dtype=np.int64) * size, size)
    if not asked.unsigned:
        sign = 1 << (8 * size - 1)
        value = (value ^ sign) - sign
    return Told(asked.array(value))


def _float(asked: Asked) -> Told:
    kind = "<f4" if asked.cell.size == 4 else "<f8"
    return Told(asked.array(np.ascontiguousarray(asked.matrix()).view(kind).ravel()))


def _year(asked: Asked) -> Told:
    value = asked.matrix()[:, 0].astype(np.int64)
    return Told(asked.array(np.where(value == 0, 0, value + 1900)))


def _days(year: Ints, month: Ints, day: Ints) -> tuple[Ints, Bools]:
    """Return days since 1970 and which dates there are."""
    good = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    months = (year - 1970) * 12 + np.where(good, month - 1, 0)
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    next_first = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    days = first + day - 1
    return days, good & (days < next_first)


def _date(asked: Asked) -> Told:
    matrix = asked.matrix()
    value = little(matrix.ravel(), np.arange(len(matrix), dtype=np.int64) * 3, 3)
    days, good = _days(value >> 9, (value >> 5) & 15, value & 31)
    bad = asked.valid & ~good
    values = pa.array(days.astype(np.int32), pa.date32(), mask=~(asked.valid & good))
    return Told(values, bad)


def _big(matrix: Bytes) -> Ints:
    value = np.zeros(len(matrix), np.int64)
    for number in range(matrix.shape[1]):
        value = (value << 8) | matrix[:, number]
    return value


def _fraction(matrix: Bytes, whole: int) -> Ints:
    """Return the microseconds that the bytes after the first `whole` say."""
    size = matrix.shape[1] - whole
    return _big(matrix[:, whole:]) * int(100 ** (3 - size))


def _datetime(asked: Asked) -> Told:
    matrix = asked.matrix()
    value = _big(matrix[:, :5]) - 0x8000000000
    date, clock = value >> 17, value & 0x1FFFF
    days, good = _days((date >> 5) // 13, (date >> 5) % 13, date & 31)
    seconds = (clock >> 12) * 3600 + ((clock >> 6) & 63) * 60 + (clock & 63)
    micros = days * _DAY + seconds * 1_000_000 + _fraction(matrix, 5)
    values = pa.array(micros, pa.timestamp("us"), mask=~(asked.valid & good))
    return Told(values, asked.valid & ~good)


def _timestamp(asked: Asked) -> Told:
    matrix = asked.matrix()
    seconds = _big(matrix[:, :4])
    micros = seconds * 1_000_000 + _fraction(matrix, 4)
    good = micros != 0  # 0000-00-00: the first moment of 1970 is not in the type's range
    values = pa.array(micros, pa.timestamp("us"), mask=~(asked.valid & good))
    return Told(values, asked.valid & ~good)


def _time(asked: Asked) -> Told:
    matrix = asked.matrix()
    extra = matrix.shape[1] - 3
    value = _big(matrix) - (0x800000 << (8 * extra))
    clock = value >> (8 * extra)
    hours = (clock >> 12) & 0x3FF
    seconds = hours * 3600 + ((clock >> 6) & 63) * 60 + (clock & 63)
    fraction = (value & ((1 << (8 * extra)) - 1)) * int(100 ** (3 - extra))
    good = (value >= 0) & (hours < 24)
    micros = np.where(good, seconds * 1_000_000 + fraction, 0)
    values = pa.array(micros, pa.time64("us"), mask=~(asked.valid & good))
    return Told(values, asked.valid & ~good)


def _decimal(asked: Asked) -> Told:
    """As text: sign, a zero, the digits."""
    precision, scale = asked.cell.parameter
    matrix = asked.matrix()
    negative = (matrix[:, 0] & 0x80) == 0
    matrix[:, 0] ^= 0x80
    matrix[negative] ^= 0xFF
    sign = np.where(negative, ord("-"), ord("0")).astype(np.uint8)
    parts: list[Bytes] = [sign[:, None], np.full((len(matrix), 1), ord("0"), np.uint8)]
    at, whole = 0, precision - scale
    sizes = [whole % 9, *[9] * (whole // 9)]
    for digits in sizes:
        at = _digits(matrix, at, digits, parts)
    if scale:
        parts.append(np.full((len(matrix), 1), ord("."), np.uint8))
        for digits in [*[9] * (scale // 9), scale % 9]:
            at = _digits(matrix, at, digits, parts)
    texts = _fixed_text(np.concatenate(parts, axis=1), asked.valid)
    if isinstance(asked.column.mapping.type, StringType):
        texts = pc.replace_substring_regex(texts, r"^(-?)0+([0-9])", r"\1\2")
    return Told(texts)


def _digits(matrix: Bytes, at: int, digits: int, parts: list[Bytes]) -> int:
    size = decimal_bytes(digits)
    if size:
        value = _big(matrix[:, at : at + size])
        powers = 10 ** np.arange(digits - 1, -1, -1, dtype=np.int64)
        parts.append((value[:, None] // powers % 10 + ord("0")).astype(np.uint8))
    return at + size


def _fixed_text(matrix: Bytes, valid: Bools) -> pa.Array:
    count, width = matrix.shape
    offsets = np.arange(count + 1, dtype=np.int64) * width
    bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
    data = pa.py_buffer(np.ascontiguousarray(matrix))
    return pa.Array.from_buffers(pa.large_string(), count, [bitmap, pa.py_buffer(offsets), data])


def _choice(asked: Asked) -> Told:
    """ENUM: the number of the value, 0 for the empty text that stands for a wrong one."""
    matrix = asked.matrix()
    index = little(matrix.ravel(), np.arange(len(matrix), dtype=np.int64) * matrix.shape[1],
                   matrix.shape[1])  # fmt: skip
    texts = pa.array(["", *asked.texts])
    return Told(texts.take(pa.array(index, mask=~asked.valid)))


def _choices(asked: Asked) -> Told:
    """SET: a bit per value."""
    matrix = asked.matrix()
    size = matrix.shape[1]
    if size < 8:
        matrix = np.pad(matrix, ((0, 0), (0, 8 - size)))
    masks, index = np.unique(np.ascontiguousarray(matrix).view("<u8").ravel(), return_inverse=True)
    texts = [
        ",".join(text for bit, text in enumerate(asked.texts) if mask >> bit & 1)
        for mask in masks.tolist()
    ]
    return Told(pa.array(texts, pa.string()).take(pa.array(index, mask=~asked.valid)))


def _bits(asked: Asked) -> Told:
    if isinstance(asked.column.mapping.type, BooleanType):
        return Told(asked.array(np.any(asked.matrix() != 0, axis=1)))
    return Told(asked.image.bytes_of(asked.number, pa.large_binary()))


def _bytes(asked: Asked) -> Told:
    """Text in the column's character set, or bytes."""
    if isinstance(asked.column.mapping.type, BinaryType):
        found = asked.image.bytes_of(asked.number, pa.large_binary())
        if asked.cell.type == kinds.STRING:  # BINARY(n): the log leaves the zeros at the end out
            size = asked.cell.parameter[0]
            padded = [None if v is None else v.ljust(size, b"\0") for v in found.to_pylist()]
            found = pa.array(padded, pa.large_binary())
        return Told(found)
    if asked.column.type_name in _WRITTEN:
        raw = asked.image.bytes_of(asked.number, pa.large_binary())
        return Told(_decoded(raw, _WRITTEN[asked.column.type_name]))
    charset = asked.column.charset
    if charset in UTF8:
        return Told(asked.image.bytes_of(asked.number, pa.large_string()))
    raw = asked.image.bytes_of(asked.number, pa.large_binary())
    return Told(_decoded(raw, lambda value: decoded(value, charset, asked.column.name)))


def _decoded(raw: pa.Array, decode: Callable[[bytes], str]) -> pa.Array:
    return pa.array([None if v is None else decode(v) for v in raw.to_pylist()], pa.large_string())


def _uuid(data: bytes) -> str:
    """MariaDB stores those of versions 1 to 5 with their parts in the opposite order."""
    data = data.ljust(16, b"\0")
    if data[6] & 0x80:
        data = data[12:16] + data[10:12] + data[8:10] + data[6:8] + data[0:6]
    return str(uuid.UUID(bytes=data))


# MariaDB's types that are bytes in the log.
_WRITTEN: dict[str, Callable[[bytes], str]] = {
    "uuid": _uuid,
    "inet6": lambda data: socket.inet_ntop(socket.AF_INET6, data.ljust(16, b"\0")),
    "inet4": lambda data: socket.inet_ntop(socket.AF_INET, data.ljust(4, b"\0")),
}


def _json(asked: Asked) -> Told:
    """MySQL's binary JSON, as the server writes it as text. (MariaDB's JSON is text.)"""
    raw = asked.image.bytes_of(asked.number, pa.large_binary())
    return Told(_decoded(raw, _json_text))


def _json_text(data: bytes) -> str:
    value = parse_json(data[0], data[1:]) if data else None
    return json.dumps(value, ensure_ascii=False, default=_json_other)


def _json_other(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


_READERS: dict[int, Callable[[Asked], Told]] = {
    **dict.fromkeys((kinds.TINY, kinds.SHORT, kinds.INT24, kinds.LONG, kinds.LONGLONG), _integer),
    **dict.fromkeys((kinds.FLOAT, kinds.DOUBLE), _float),
    kinds.YEAR: _year,
    kinds.DATE: _date,
    kinds.DATETIME2: _datetime,
    kinds.TIMESTAMP2: _timestamp,
    kinds.TIME2: _time,
    kinds.NEWDECIMAL: _decimal,
    kinds.ENUM: _choice,
    kinds.SET: _choices,
    kinds.BIT: _bits,
    kinds.JSON: _json,
}


def differ(before: Image, after: Image, columns: Sequence[int]) -> Bools:
    """Whether the rows differ in some of the columns."""
    result = np.zeros(len(after.valid[0]) if after.valid else 0, np.bool_)
    for number in columns:
        left = before.bytes_of(number, pa.large_binary())
        right = after.bytes_of(number, pa.large_binary())
        result |= pc.not_equal(left, right).fill_null(True).to_numpy(zero_copy_only=False)
    return result
