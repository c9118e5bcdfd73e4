from __future__ import annotations

import datetime

import pytest

from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.jobs.schedule import first_run, quartz, trigger

MONDAY = datetime.datetime(2024, 1, 1, 12, 30, tzinfo=datetime.UTC)


def next_run(expression: str, zone: str = "UTC") -> datetime.datetime:
    found = quartz(expression, zone).get_next_fire_time(None, MONDAY)
    assert found is not None
    return found.astimezone(datetime.UTC)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 4 * * ?", "2024-01-02T04:00"),
        ("0 */15 * * * ?", "2024-01-01T12:30"),
        ("0 0 4 ? * 1", "2024-01-07T04:00"),  # Quartz counts from Sunday
        ("0 0 4 ? * 2-6", "2024-01-02T04:00"),
        ("0 0 4 ? * 1-7", "2024-01-02T04:00"),
        ("0 0 4 ? * MON,WED", "2024-01-03T04:00"),
        ("0 0 4 1 * ? 2025", "2025-01-01T04:00"),
    ],
)
def test_quartz_expressions(expression: str, expected: str) -> None:
    assert next_run(expression).isoformat()[:16] == expected


def test_the_time_zone_counts() -> None:
    assert next_run("0 0 4 * * ?", "Europe/Berlin").isoformat()[:16] == "2024-01-02T03:00"


@pytest.mark.parametrize("expression", ["", "0 4 * * *", "0 61 * * * ?", "a b c d e f"])
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    with pytest.raises(InvalidInputError):
        quartz(expression, "UTC")


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="time zone"):
        quartz("0 0 4 * * ?", "Mars/Base")


def test_basic_schedules_need_units() -> None:
    half_hour = {"basicSchedule": {"units": 30, "timeUnit": "minutes"}}
    assert trigger("basic", half_hour).interval == datetime.timedelta(minutes=30)
    assert trigger("manual", None) is None
    for bad in ({}, {"basicSchedule": {"units": 0, "timeUnit": "hours"}}, None):
        with pytest.raises(InvalidInputError):
            trigger("basic", bad)


HOUR = datetime.timedelta(hours=1)


def test_runs_that_were_missed_are_made_up_for_once() -> None:
    hourly = trigger("basic", {"basicSchedule": {"units": 1, "timeUnit": "hours"}})
    daily = quartz("0 0 4 * * ?", "UTC")
    for when in (hourly, daily):
        # Down for five days: due now; after that run, at the next regular time.
        made = MONDAY - 200 * HOUR
        assert first_run(when, MONDAY - 120 * HOUR, made, MONDAY) == MONDAY
        assert first_run(when, MONDAY, made, MONDAY + HOUR / 2) > MONDAY + HOUR / 2
    assert first_run(hourly, MONDAY - HOUR / 2, MONDAY, MONDAY) == MONDAY + HOUR / 2


def test_a_connection_that_never_ran() -> None:
    hourly = trigger("basic", {"basicSchedule": {"units": 1, "timeUnit": "hours"}})
    assert first_run(hourly, None, MONDAY, MONDAY) == MONDAY
    at_four = first_run(quartz("0 0 4 * * ?", "UTC"), None, MONDAY, MONDAY)
    assert at_four.isoformat()[:16] == "2024-01-02T04:00"


def test_a_clock_that_goes_back_does_not_stop_the_schedule() -> None:
    hourly = trigger("basic", {"basicSchedule": {"units": 1, "timeUnit": "hours"}})
    assert first_run(hourly, MONDAY + HOUR / 2, MONDAY, MONDAY) == MONDAY + 1.5 * HOUR
