"""When the next job of a continuous connection begins."""

from __future__ import annotations

import datetime

from services.airbyte.jobs.continuous import is_due
from services.airbyte.state.jobs import Ending

NOW = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
LONG_AGO = NOW - datetime.timedelta(days=9)


def job(status: str, *, began: float = 3600, ended: float = 0) -> Ending:
    return Ending(
        "sync",
        status,
        NOW - datetime.timedelta(seconds=began),
        NOW - datetime.timedelta(seconds=ended),
    )


def test_the_first_and_the_next_begin_at_once() -> None:
    assert is_due([], LONG_AGO, NOW)
    assert is_due([job("succeeded")], LONG_AGO, NOW)
    assert not is_due([job("running")], NOW, NOW)
    assert not is_due([job("incomplete")], LONG_AGO, NOW)


def test_jobs_that_end_by_themselves_do_not_follow_each_other_without_pause() -> None:
    assert not is_due([job("succeeded", began=2)], LONG_AGO, NOW)
    assert is_due([job("succeeded", began=11)], LONG_AGO, NOW)


def test_a_clock_that_goes_back_does_not_stop_it() -> None:
    assert is_due([job("succeeded", began=-9e6, ended=-9e6)], LONG_AGO, NOW)
    assert is_due([job("failed", began=-9e6, ended=-9e6)], LONG_AGO, NOW)


def test_failures_are_followed_by_longer_and_longer_pauses() -> None:
    def pause(failures: int) -> float:
        for seconds in range(0, 2000, 5):
            ended = [job("failed", ended=seconds), *[job("failed")] * (failures - 1)]
            if is_due([*ended, job("succeeded"), job("failed")], LONG_AGO, NOW):
                return seconds
        raise AssertionError("never")

    assert [pause(n) for n in (1, 2, 3, 4, 5, 6, 9)] == [5, 15, 45, 135, 405, 600, 600]


def test_a_cancelled_one_stays_so_until_something_is_changed() -> None:
    assert not is_due([job("cancelled", ended=500)], LONG_AGO, NOW)
    changed = NOW - datetime.timedelta(seconds=400)
    assert is_due([job("cancelled", ended=500)], changed, NOW)
    assert is_due([job("failed", ended=1), job("failed")], NOW, NOW)
