from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from bootstrap.follow import Follower


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def job(status: str, rows: int, committed: int = 0, estimate: int = 0) -> dict[str, Any]:
    stats = {"recordsEmitted": rows, "bytesEmitted": rows * 10, "recordsCommitted": committed}
    if estimate:
        stats["estimatedRecords"] = estimate
    attempt = {"streamStats": [{"streamName": "orders", "stats": stats}]}
    return {"job": {"status": status}, "attempts": [{"attempt": attempt}]}


def test_rows_rate_and_time_left_are_shown() -> None:
    console, clock = Console(file=io.StringIO(), width=200), Clock()
    with Follower(console, clock) as follower:
        follower.job("shop", job("running", 0, estimate=1000))
        clock.now += 2
        follower.job("shop", job("running", 250, estimate=1000))
        clock.now += 0.2  # too soon for another line
        follower.job("shop", job("running", 260, estimate=1000))
        clock.now += 3.8
        follower.job("shop", job("succeeded", 1000, committed=1000))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[0] == "shop.orders: 0 rows, 0.0 MB, 0 rows/s, - left"
    assert lines[1] == "shop.orders: 250 rows, 0.0 MB, 125 rows/s, 6 s left"
    assert lines[-1] == "shop.orders: 1,000 rows, 0.0 MB, 167 rows/s, done"
    assert len(lines) == 3


def test_without_an_estimate_no_time_is_promised() -> None:
    console, clock = Console(file=io.StringIO(), width=200), Clock()
    with Follower(console, clock) as follower:
        follower.job("shop", job("pending", 0))
        clock.now += 5
        follower.job("shop", job("running", 500))
        follower.job("shop", {"job": {"status": "running"}, "attempts": []})
    assert "500 rows, 0.0 MB, 100 rows/s, - left" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_stream_began_after_the_look_before() -> None:
    console, clock = Console(file=io.StringIO(), width=200), Clock()
    with Follower(console, clock) as follower:
        follower.job("shop", {"job": {"status": "running"}, "attempts": []})
        clock.now += 2
        follower.job("shop", job("running", 300))
    with Follower(console, clock) as follower:
        follower.job("other", job("running", 300))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "shop.orders: 300 rows, 0.0 MB, 150 rows/s" in text
    assert "other.orders: 300 rows, 0.0 MB, - rows/s" in text


def test_a_stream_that_is_committed_in_parts_is_not_done_yet() -> None:
    console, clock = Console(file=io.StringIO(), width=200), Clock()
    with Follower(console, clock) as follower:
        follower.job("shop", job("running", 0))
        for parts in (1, 2, 3):
            clock.now += 2
            follower.job("shop", job("running", parts * 100, committed=parts * 100))
        follower.job("shop", job("succeeded", 300, committed=300))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[1:-1] == [
        f"shop.orders: {n} rows, 0.0 MB, 50 rows/s, - left" for n in (100, 200, 300)
    ]
    assert lines[-1] == "shop.orders: 300 rows, 0.0 MB, 50 rows/s, done"


def test_streams_of_one_name_are_told_apart() -> None:
    console, two = Console(file=io.StringIO(), width=200), job("succeeded", 7, committed=7)
    streams = two["attempts"][0]["attempt"]["streamStats"]
    streams[0]["streamNamespace"] = "north"
    streams.append({**streams[0], "streamNamespace": "south"})
    with Follower(console, Clock()) as follower:
        follower.job("shop", two)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "shop.north.orders: 7 rows" in text
    assert "shop.south.orders: 7 rows" in text


def test_a_terminal_is_drawn_anew() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    with Follower(console, Clock()) as follower:
        follower.job("shop", job("succeeded", 7, committed=7))
    assert "orders" in console.file.getvalue()  # type: ignore[attr-defined]
