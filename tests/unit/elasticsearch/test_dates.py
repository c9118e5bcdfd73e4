from __future__ import annotations

import datetime

import pytest

from services.elasticsearch.state.dates import DateFormat, looks_like_date, resolve, zone

NOW = int(datetime.datetime(2026, 11, 21, 10, 30, 15, 250_000, datetime.UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("expression", "round_up", "expected"),
    [
        ("now", False, "2026-11-21T10:30:15.250Z"),
        ("now-1h", False, "2026-11-21T09:30:15.250Z"),
        ("now/d", False, "2026-11-21T00:00:00.000Z"),
        ("now/d", True, "2026-11-21T23:59:59.999Z"),
        ("now-1d/d", False, "2026-11-20T00:00:00.000Z"),
        ("now/w", False, "2026-11-16T00:00:00.000Z"),
        ("now/M", True, "2026-11-30T23:59:59.999Z"),
        ("2026-01-31||+1M", False, "2026-02-28T00:00:00.000Z"),
        ("2026-01-31||+1y-1d/M", False, "2027-01-01T00:00:00.000Z"),
        ("2026-11", True, "2026-11-30T23:59:59.999Z"),
        ("2026", False, "2026-01-01T00:00:00.000Z"),
        ("2026-11-21T10:30", True, "2026-11-21T10:30:59.999Z"),
        ("2026-11-21T10:30:00+02:00", False, "2026-11-21T08:30:00.000Z"),
    ],
)
def test_date_math(expression: str, round_up: bool, expected: str) -> None:
    found = resolve(expression, DateFormat(), round_up=round_up, now=NOW)
    assert DateFormat().print(found) == expected


def test_rounding_happens_in_the_zone_asked_for() -> None:
    found = resolve("now/d", DateFormat(), at=zone("Asia/Tokyo"), now=NOW)
    assert DateFormat().print(found) == "2026-11-20T15:00:00.000Z"


@pytest.mark.parametrize("wrong", ["now-1x", "yesterday", "2026-13-01", "2026-11-21||/q"])
def test_what_is_no_date_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        resolve(wrong, DateFormat(), now=NOW)


@pytest.mark.parametrize(
    ("text", "is_date"),
    [
        ("2026-11-21", True),
        ("2026-11-21T10:00:00Z", True),
        ("2026/11/21", True),
        ("2026-99-21", False),
        ("20261121", False),
        ("1.2.3", False),
    ],
)
def test_dynamic_mapping_knows_dates(text: str, is_date: bool) -> None:
    assert looks_like_date(text) is is_date


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy.MM", "2026.11"),
        ("strict_year_month", "2026-11"),
        ("dd MMM yyyy, HH:mm", "21 Nov 2026, 12:30"),
        ("d/M/yy h:mm a", "21/11/26 12:30 PM"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2026-11-21T12:30:15.250+02:00"),
        ("basic_date_time", "20261121T123015.250+0200"),
        ("EEEE 'at' HH 'o''clock'", "Saturday at 12 o'clock"),
    ],
)
def test_patterns_in_javas_letters(pattern: str, text: str) -> None:
    form = DateFormat(pattern)
    assert form.print(NOW, zone("+02:00")) == text
    if "S" in pattern or pattern == "basic_date_time":
        assert form.parse(text) == NOW


def test_patterns_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="Invalid format"):
        DateFormat("yyyy-qq")
