"""Records written behind: in order, newest of each key, none lost while the database is away."""

from __future__ import annotations

import threading

import pytest

from services.common.waiting import wait_until
from services.dremio.state.behind import Behind
from services.dremio.state.errors import DremioError, ErrorKind


def test_the_newest_of_each_key_is_written_once_in_order() -> None:
    written: list[str] = []
    behind = Behind("things", written.extend)
    for number in range(100):
        behind.put(number % 2, f"{number}")
    behind.flush()
    assert written[-2:] == ["98", "99"]
    behind.put("last", "end")
    behind.close()
    assert written[-1] == "end"


def test_what_cannot_be_written_yet_waits() -> None:
    written: list[str] = []
    away = threading.Event()
    away.set()

    def write(records: list[str]) -> None:
        if away.is_set():
            raise DremioError(ErrorKind.RESOURCE, "away")
        written.extend(records)

    behind = Behind("things", write)
    behind.put(1, "one")
    with pytest.raises(DremioError, match="away"):
        behind.flush()
    behind.put(2, "two")
    away.clear()
    behind.close()
    assert written == ["one", "two"]


def test_what_fails_while_the_end_is_asked_for_is_tried_once_more() -> None:
    written: list[str] = []
    writing, fail = threading.Event(), threading.Event()

    def write(records: list[str]) -> None:
        if not writing.is_set():
            writing.set()
            assert fail.wait(30)
            raise DremioError(ErrorKind.RESOURCE, "away, for the last time")
        written.extend(records)

    behind = Behind("things", write)
    behind.put(1, "one")
    assert writing.wait(30)
    ending = threading.Thread(target=behind.close)
    ending.start()
    wait_until(behind._stop.is_set, seconds=30, what="the end to be asked for")
    fail.set()
    ending.join(30)
    assert written == ["one"]


def test_a_record_that_is_refused_keeps_no_other_from_it() -> None:
    written: list[str] = []

    def write(records: list[str]) -> None:
        if "bad" in records:
            raise ValueError("no such text")
        written.extend(records)

    behind = Behind("things", write)
    for number, text in enumerate(("one", "bad", "two")):
        behind.put(number, text)
    behind.flush()
    behind.close()
    assert sorted(written) == ["one", "two"]
