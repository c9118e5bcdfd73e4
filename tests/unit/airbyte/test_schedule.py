from __future__ import annotations

import datetime
import threading
from typing import Any
from uuid import UUID

import psycopg
import pytest

from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.jobs import schedule
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
        ("0 0 4 ? * SUN-THU", "2024-01-02T04:00"),
        ("0 0 4 ? * 5/2", "2024-01-04T04:00"),  # Thursday and Saturday
        ("0 0 4 ? * FRI-SUN", "2024-01-05T04:00"),
        ("0 0 4 ? * L", "2024-01-06T04:00"),  # Saturday
        ("0 0 4 ? * FRIL", "2024-01-26T04:00"),
        ("0 0 4 ? * 6#3", "2024-01-19T04:00"),
        ("0 0 4 ? * MON#1", "2024-02-05T04:00"),
        ("0 0 4 L * ?", "2024-01-31T04:00"),
        ("0 0 22-2 * * ?", "2024-01-01T22:00"),
        ("0 30/10 12 * * ?", "2024-01-01T12:30"),
        ("0 0 4 1 NOV-FEB ?", "2024-02-01T04:00"),
    ],
)
def test_quartz_expressions(expression: str, expected: str) -> None:
    assert next_run(expression).isoformat()[:16] == expected


def test_the_time_zone_counts() -> None:
    assert next_run("0 0 4 * * ?", "Europe/Berlin").isoformat()[:16] == "2024-01-02T03:00"


REFUSED = (
    "0 0 4 ? * 0",
    "0 0 4 ? * 8",
    "0 0 4 ? * MON#6",
    "0 0 4 ? * MON/x",
    "0 0 4 LW * ?",
    "0 0 4 15W * ?",
    "0 0 4 1 * MON",  # Quartz knows no "and" of the two, cron's "or" would be another
)


@pytest.mark.parametrize("expression", ["", "0 4 * * *", "0 61 * * * ?", "a b c d e f", *REFUSED])
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
    for ahead in (HOUR / 2, 50_000 * HOUR):
        assert first_run(hourly, MONDAY + ahead, MONDAY + ahead, MONDAY) == MONDAY + HOUR
        at_four = first_run(quartz("0 0 4 * * ?", "UTC"), None, MONDAY + ahead, MONDAY)
        assert at_four.isoformat()[:16] == "2024-01-02T04:00"


def test_what_a_cron_named_before_it_was_set_was_not_missed() -> None:
    daily, two_days = quartz("0 0 4 * * ?", "UTC"), 48 * HOUR
    at = first_run(daily, MONDAY - two_days, MONDAY - HOUR, MONDAY)
    assert at.isoformat()[:16] == "2024-01-02T04:00"
    assert first_run(daily, MONDAY - two_days, MONDAY - two_days, MONDAY) == MONDAY


def test_a_run_waits_for_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "_AGAIN", datetime.timedelta(0))
    asked, begun = list[UUID](), threading.Event()

    def run(identity: UUID) -> None:
        asked.append(identity)
        if len(asked) < 3:
            raise psycopg.OperationalError("the server is away")
        begun.set()

    no_database: Any = None
    plan = schedule.Schedule(no_database, run)
    plan._scheduler.start()
    try:
        plan._fire(UUID(int=7))
        assert begun.wait(30)
    finally:
        plan.stop()
    assert asked == [UUID(int=7)] * 3
