"""Rows out of row events, over all events of a batch at once.

Rows have no fixed length, so an event's rows can only be found one after the other; but the first
rows of all events are read together by NumPy, then the second ones, and so on: as many operations
as an event has rows and a row has columns, however many events there are. No value becomes a
Python object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from services.airbyte.cdk.places import Bools, Bytes, Ints, gather
from services.airbyte.sources.mysql.cdc.layout import Cell

# Values at the end are read beyond it.
_PADDING = b"\0" * 16


@dataclass(frozen=True)
class Image:
    """Where the values of rows lie, column by column."""

    blob: bytes
    data: Bytes
    valid: list[Bools]
    starts: list[Ints]
    lengths: list[Ints]

    def take(self, rows: Ints) -> Image:
        """Return some of the rows."""
        return Image(
            self.blob,
            self.data,
            [v[rows] for v in self.valid],
            [s[rows] for s in self.starts],
            [n[rows] for n in self.lengths],
        )

    def bytes_of(self, column: int, kind: pa.DataType) -> pa.Array:
        """Return a column's bytes as `kind` (large_binary or large_string)."""
        return gather(
            self.blob, self.valid[column], self.starts[column], self.lengths[column], kind
        )

    def matrix(self, column: int, size: int) -> Bytes:
        """Return `size` bytes of every row; of nulls, zeros."""
        places = np.where(self.valid[column], self.starts[column], 0)
        found = self.data[places[:, None] + np.arange(size)]
        found[~self.valid[column]] = 0
        return found


@dataclass(frozen=True)
class Found:
    """The rows of a batch: `event` and `number` (within it) of each; `before` only of updates."""

    event: Ints
    number: Ints
    before: Image | None
    after: Image


def find_rows(
    events: Sequence[bytes], begins: Sequence[int], cells: Sequence[Cell], *, updates: bool
) -> Found:
    """Find the rows of events of one kind and one table; `begins`: where the rows begin in each."""
    blob = b"".join([*events, _PADDING])
    data = np.frombuffer(blob, np.uint8)
    sizes = np.fromiter(map(len, events), np.int64, len(events))
    ends = np.cumsum(sizes)
    at = ends - sizes + np.asarray(begins, np.int64)
    active = np.flatnonzero(at < ends)
    images: list[list[tuple[list[Bools], list[Ints], list[Ints]]]] = [[], []]
    which: list[Ints] = []
    numbers: list[Ints] = []
    step = 0
    while len(active):
        where = at[active]
        for side in range(2 if updates else 1):
            columns, where = _read_image(data, where, cells)
            images[side].append(columns)
        which.append(active)
        numbers.append(np.full(len(active), step, np.int64))
        at[active] = where
        active = active[where < ends[active]]
        step += 1
    event = np.concatenate(which) if which else np.zeros(0, np.int64)
    number = np.concatenate(numbers) if numbers else np.zeros(0, np.int64)
    order = np.lexsort((number, event))
    whole = [_together(blob, data, steps, len(cells)).take(order) for steps in images if steps]
    return Found(event[order], number[order], whole[0] if updates else None, whole[-1])


def _read_image(
    data: Bytes, at: Ints, cells: Sequence[Cell]
) -> tuple[tuple[list[Bools], list[Ints], list[Ints]], Ints]:
    where = at + (len(cells) + 7) // 8
    valid, starts, lengths = [], [], []
    for number, cell in enumerate(cells):
        there = (data[at + (number >> 3)] & (1 << (number & 7))) == 0
        if cell.prefix:
            length = little(data, where, cell.prefix)
            start = where + cell.prefix
            length = np.where(there, length, 0)
            where = where + np.where(there, cell.prefix + length, 0)
        else:
            start, length = where, np.where(there, cell.size, 0)
            where = where + length
        valid.append(there)
        starts.append(start)
        lengths.append(length)
    return (valid, starts, lengths), where


def _together(
    blob: bytes,
    data: Bytes,
    steps: list[tuple[list[Bools], list[Ints], list[Ints]]],
    width: int,
) -> Image:
    return Image(
        blob,
        data,
        [np.concatenate([step[0][n] for step in steps]) for n in range(width)],
        [np.concatenate([step[1][n] for step in steps]) for n in range(width)],
        [np.concatenate([step[2][n] for step in steps]) for n in range(width)],
    )


def little(data: Bytes, at: Ints, size: int) -> Ints:
    """Read little-endian numbers."""
    value = data[at].astype(np.int64)
    for offset in range(1, size):
        value |= data[at + offset].astype(np.int64) << (8 * offset)
    return value
