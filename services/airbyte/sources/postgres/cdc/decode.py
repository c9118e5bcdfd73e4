"""Rows out of pgoutput's messages, column by column over all messages of a batch at once.

A message is read by NumPy with as many operations as it has columns, however many rows there are;
no value becomes a Python object. Values are text (pgoutput's default); DuckDB casts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from services.airbyte.cdk.places import Bools, Bytes, Ints, gather

# The header of a WAL data message, and the type and relation of the change in it.
HEADER = 25
_BODY = HEADER + 5
_TEXT, _UNCHANGED = ord("t"), ord("u")
_DELETE, _NEW = ord("D"), ord("N")
_PADDING = b"\0" * 16
_KIND = pa.large_string()


@dataclass(frozen=True)
class Tuples:
    """Where the values of rows lie: per column kind (t, n, u), start and length."""

    kinds: list[Bytes]
    starts: list[Ints]
    lengths: list[Ints]

    def take(self, rows: Ints) -> Tuples:
        """Return some of the rows."""
        return Tuples(
            [k[rows] for k in self.kinds],
            [s[rows] for s in self.starts],
            [n[rows] for n in self.lengths],
        )


@dataclass(frozen=True)
class Rows:
    """What a batch of messages says: one entry per row of the result, not in order.

    `message` is the number of the message in the batch, `operation` U, M or D, `late` is True for
    the second row of a message (a changed key gives D and M).
    """

    blob: bytes
    tuples: Tuples
    message: Ints
    operation: npt.NDArray[np.str_]
    late: Bools
    lsn: Ints

    def column(self, number: int) -> pa.Array:
        """Return a column as text; null where it is null or unchanged."""
        return gather(
            self.blob,
            self.tuples.kinds[number] == _TEXT,
            self.tuples.starts[number],
            self.tuples.lengths[number],
            _KIND,
        )

    def kept(self, names: Mapping[int, str]) -> pa.Array:
        """Return, per row, which of some columns did not change and are not known, by name."""
        kind = pa.list_(pa.string())
        flags = {name: self.tuples.kinds[number] == _UNCHANGED for number, name in names.items()}
        if not any(flag.any() for flag in flags.values()):
            return pa.nulls(len(self.message), kind)
        found: list[list[str] | None] = [None] * len(self.message)
        for name, flag in flags.items():
            for row in np.flatnonzero(flag).tolist():
                found[row] = [*(found[row] or ()), name]
        return pa.array(found, kind)


def read_rows(messages: Sequence[bytes], width: int, key: Sequence[int]) -> Rows:
    """Decode Insert, Update and Delete messages of one relation with `width` columns.

    `key` are the numbers of its replica identity's columns.
    """
    blob = b"".join([*messages, _PADDING])
    data = np.frombuffer(blob, np.uint8)
    sizes = np.fromiter(map(len, messages), np.int64, len(messages))
    begins = np.cumsum(sizes) - sizes
    kinds = data[begins + HEADER]
    marks = data[begins + _BODY]
    every = np.arange(len(messages), dtype=np.int64)
    has_old = marks != _NEW
    old_rows = every[has_old]
    old, ends = _tuples(data, begins[has_old] + _BODY + 1, width)
    is_delete = kinds == _DELETE
    new_at = begins + _BODY + 1
    new_at[has_old] = ends + 1
    new_rows = every[~is_delete]
    new, _ = _tuples(data, new_at[new_rows], width)
    # Of an update that tells the old row: what did not change, and whether the key did.
    position = np.full(len(messages), -1, np.int64)
    position[old_rows] = np.arange(len(old_rows))
    with_old = position[new_rows] >= 0
    before = old.take(position[new_rows][with_old])
    for number in range(width):
        unchanged = new.kinds[number][with_old] == _UNCHANGED
        known = unchanged & (before.kinds[number] == _TEXT)
        at = np.flatnonzero(with_old)[known]
        new.kinds[number][at] = _TEXT
        new.starts[number][at] = before.starts[number][known]
        new.lengths[number][at] = before.lengths[number][known]
    moved = np.zeros(len(new_rows), np.bool_)
    if with_old.any():
        moved[with_old] = _differ(data, before, new.take(np.flatnonzero(with_old)), key)
    moved_messages = np.zeros(len(messages), np.bool_)
    moved_messages[new_rows[moved]] = True
    gone = position[is_delete | moved_messages]
    message = np.concatenate([new_rows, every[is_delete | moved_messages]])
    operation = np.concatenate(
        [np.where(moved, "M", "U"), np.full(len(gone), "D")],
    )
    late = np.concatenate([moved, np.zeros(len(gone), np.bool_)])
    dead = old.take(gone)
    tuples = Tuples(
        [np.concatenate(pair) for pair in zip(new.kinds, dead.kinds, strict=True)],
        [np.concatenate(pair) for pair in zip(new.starts, dead.starts, strict=True)],
        [np.concatenate(pair) for pair in zip(new.lengths, dead.lengths, strict=True)],
    )
    return Rows(blob, tuples, message, operation, late, _number(data, begins + 1, 8)[message])


def _tuples(data: Bytes, at: Ints, width: int) -> tuple[Tuples, Ints]:
    """Read TupleData at the given places (after its mark); return it and where it ends."""
    where = at + 2
    kinds, starts, lengths = [], [], []
    for _ in range(width):
        kind = data[where]
        is_text = kind == _TEXT
        length = np.where(is_text, _number(data, where + 1, 4), 0)
        kinds.append(kind.copy())
        starts.append(where + 5)
        lengths.append(length)
        where = where + 1 + np.where(is_text, 4 + length, 0)
    return Tuples(kinds, starts, lengths), where


def _number(data: Bytes, at: Ints, size: int) -> Ints:
    value = np.zeros(len(at), np.int64)
    for offset in range(size):
        value = (value << 8) | data[at + offset]
    return value


def _differ(data: Bytes, old: Tuples, new: Tuples, key: Sequence[int]) -> Bools:
    """Whether the rows' keys differ; a key that is not told has not changed."""
    result = np.zeros(len(old.kinds[0]) if old.kinds else 0, np.bool_)
    blob = data.tobytes() if len(result) else b""
    for number in key:
        told = (old.kinds[number] == _TEXT) & (new.kinds[number] == _TEXT)
        length = old.lengths[number]
        other = new.lengths[number]
        result |= told & (length != other)
        same = np.flatnonzero(told & (length == other) & ~result)
        if not len(same):
            continue
        every = np.ones(len(same), np.bool_)
        left = gather(blob, every, old.starts[number][same], length[same], _KIND)
        right = gather(blob, every, new.starts[number][same], other[same], _KIND)
        result[same] = pc.not_equal(left, right).to_numpy(zero_copy_only=False)
    return result
