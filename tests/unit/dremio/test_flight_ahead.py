"""Batches that are made ahead: in order, not too far, and no longer than they are wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pyarrow as pa
import pytest

from services.common.waiting import wait_until
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.execute.select import batch_rows
from services.dremio.wire.flight.ahead import Ahead, pieces

_ROWS = 2**17  # a megabyte of 64-bit numbers


def _batch(first: int, rows: int = _ROWS) -> pa.RecordBatch:
    return pa.record_batch({"n": pa.array(range(first, first + rows), pa.int64())})


class _Made:
    """Gives batches and counts them; `fail` ends them with an error."""

    def __init__(self, count: int, rows: int = _ROWS, *, fail: bool = False) -> None:
        self.made = 0
        self._batch = _batch(0, rows)
        self._count, self._fail = count, fail

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for _ in range(self._count):
            self.made += 1
            yield self._batch
        if self._fail:
            raise DremioError(ErrorKind.CANCELED, "enough")


def _threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "fetch-ahead"]


def test_everything_comes_in_order_and_the_thread_ends() -> None:
    numbers = (_batch(first, 10_000) for first in range(0, 200_000, 10_000))
    ahead = Ahead(numbers)
    found = [n for batch in ahead for n in batch.column(0).to_pylist()]
    assert found == list(range(200_000))
    ahead.close()
    assert not _threads()


def test_a_reader_that_does_not_read_stops_the_maker() -> None:
    made = _Made(1000)
    ahead = Ahead(iter(made))
    next(ahead), next(ahead)
    # 8 MB wait, a batch has been read, and one is in hand.
    wait_until(lambda: made.made >= 8, seconds=10, what="making batches ahead")
    assert not wait_for_more(made, 12)
    before = made.made
    for _ in range(10):
        next(ahead)
    wait_until(lambda: made.made >= before + 9, seconds=10, what="making more")
    ahead.close()
    assert made.made < 40
    assert not _threads()


def wait_for_more(made: _Made, count: int) -> bool:
    """Whether more than `count` batches are made in a moment; a slow machine makes no difference:
    a maker that does not stop only takes longer to be found out."""
    for _ in range(20):
        if made.made > count:
            return True
        threading.Event().wait(0.01)
    return False


def test_an_error_comes_after_the_batches_before_it() -> None:
    ahead = Ahead(iter(_Made(3, fail=True)))
    assert sum(next(ahead).num_rows for _ in range(3)) == 3 * _ROWS
    with pytest.raises(DremioError, match="enough"):
        next(ahead)
    ahead.close()


def test_small_results_need_no_thread() -> None:
    ahead = Ahead(iter(_Made(2, rows=10)))
    assert next(ahead).num_rows == next(ahead).num_rows == 10
    assert not _threads()
    with pytest.raises(StopIteration):
        next(ahead)


def test_what_is_too_large_for_a_message_is_cut() -> None:
    text = pa.record_batch({"t": pa.array(["x" * 1000] * 30_000)})
    parts = pieces(text)
    assert len(parts) > 3
    assert pa.Table.from_batches(parts).equals(pa.Table.from_batches([text]))
    assert all(part.get_total_buffer_size() and part.nbytes <= 9 * 2**20 for part in parts)


def test_wide_rows_come_in_fewer() -> None:
    narrow = pa.schema([("a", pa.int64()), ("b", pa.float64())])
    wide = pa.schema([(f"c{n}", pa.string()) for n in range(10)])
    wider = pa.schema([(f"c{n}", pa.list_(pa.int32())) for n in range(100)])
    assert batch_rows(narrow) == 65_536
    assert batch_rows(wide) == 4 * 2**20 // 320
    assert batch_rows(wider) == 8_192
    assert batch_rows(pa.schema([])) == 65_536
