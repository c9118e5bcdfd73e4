"""Streams side by side: never more than the width, none begun after a failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from services.airbyte.jobs.lanes import Lane, Lanes, side_by_side
from services.common.waiting import wait_until


@dataclass
class FakeSync:
    db: Any = None
    duck: Any = None
    catalog: Any = None
    progress: Any = None

    def failing(self) -> Any:
        return nullcontext()


class Lanesmen:
    """Opens lanes, and knows how many are open."""

    def __init__(self) -> None:
        self.open, self.most, self.lock = 0, 0, threading.Lock()

    @contextmanager
    def __call__(self, number: int) -> Iterator[Lane]:
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
        try:
            own: Any = SimpleNamespace(db=number, duck=None, catalog=None, progress=None)
            yield own
        finally:
            with self.lock:
                self.open -= 1


def streams(count: int) -> Any:
    return [SimpleNamespace(name=f"s{number}") for number in range(count)]


def test_two_at_a_time_and_all_of_them() -> None:
    lanes, done, meeting = Lanesmen(), [], threading.Barrier(2, timeout=30)

    def one(sync: Any, stream: Any) -> None:
        meeting.wait()  # passes only when another stream is at work at the same time
        done.append((sync.db, stream.name))

    side_by_side(FakeSync(), 2, lanes, streams(6), one)  # type: ignore[arg-type]
    assert sorted(name for _, name in done) == [f"s{n}" for n in range(6)]
    assert {lane for lane, _ in done} == {0, 1}
    assert (lanes.most, lanes.open) == (2, 0)


def test_after_a_failure_none_is_begun_and_those_at_work_end() -> None:
    lanes, done = Lanesmen(), []

    def one(sync: Any, stream: Any) -> None:
        if stream.name == "s0":
            raise ValueError("s0 is broken")
        wait_until(lambda: lanes.open == 1, seconds=30, what="the end of the lane that failed")
        done.append(stream.name)

    with pytest.raises(ValueError, match="s0 is broken"):
        side_by_side(FakeSync(), 2, lanes, streams(50), one)  # type: ignore[arg-type]
    assert done in ([], ["s1"])
    assert lanes.open == 0


def test_lanes_share_the_memory_of_one_stream() -> None:
    for width in (1, 2, 4):
        lanes = Lanes(width, None, None, None, 1, 0)  # type: ignore[arg-type]
        assert lanes.share() * width <= 512
    assert Lanes(2, None, None, None, 1, 0).share() == 256  # type: ignore[arg-type]
