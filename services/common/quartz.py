"""Quartz' cron expressions as APScheduler's triggers: how every schedule here is written.

What differs between the two is written anew: weeks begin on Sunday (1), ranges may pass their end
(`FRI-MON`, `22-2`), `L` and `#` count in a month, and of day of month and day of week one is `?`.
Facts: org.quartz.CronExpression.
"""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIELDS = ("second", "minute", "hour", "day", "month", "day_of_week", "year")
# Field → its least and greatest number, and the names that stand for them.
_SPANS: dict[str, tuple[int, int, tuple[str, ...]]] = {
    "second": (0, 59, ()),
    "minute": (0, 59, ()),
    "hour": (0, 23, ()),
    "day": (1, 31, ()),
    "month": (1, 12, _MONTHS),
    "day_of_week": (1, 7, _DAYS),
}
_RANGE = re.compile(r"(\w+)-(\w+)(?:/(\d+))?")
_ORDINALS = ("1st", "2nd", "3rd", "4th", "5th")


def trigger(expression: str, zone: str = "UTC") -> CronTrigger:
    """Return the trigger of a Quartz expression: seconds first, `?` for any, Sunday is 1.

    Raises ValueError naming what is wrong.
    """
    given = expression.lower().split()
    if len(given) not in (6, 7):
        raise ValueError(
            f"expression {expression!r} does not have 6 or 7 fields (seconds, minutes, hours,"
            " day of month, month, day of week, year), e.g. '0 0 4 * * ?'"
        )
    fields = {
        name: "*" if text == "?" else text for name, text in zip(_FIELDS, given, strict=False)
    }
    try:
        if fields["day"] != "*" and fields["day_of_week"] != "*":
            raise ValueError("day of month and day of week can't both be set, one is '?'")
        fields["day"] = _day(fields["day"])
        if re.search(r"#|\wl", fields["day_of_week"]):
            fields |= {"day": _counted(fields["day_of_week"]), "day_of_week": "*"}
        for name in _SPANS.keys() - {"day_of_week"}:
            fields[name] = ",".join(_onward(part, name) for part in fields[name].split(","))
        fields["day_of_week"] = _weekdays(fields["day_of_week"])
        return CronTrigger(timezone=ZoneInfo(zone), **fields)
    except ZoneInfoNotFoundError as error:
        raise ValueError(f"time zone {zone!r} is not known") from error
    except ValueError as error:
        raise ValueError(f"expression {expression!r}: {error}") from error


def _number(text: str, field: str) -> int:
    """Return a field's number, given as such or as a name. Raises ValueError."""
    first, last, names = _SPANS[field]
    if text in names:
        return names.index(text) + first
    if not (text.isascii() and text.isdigit() and first <= int(text) <= last):
        raise ValueError(f"{text!r} is no {field.replace('_', ' ')} ({first} to {last})")
    return int(text)


def _steps(begin: int, end: int, step: int, field: str) -> list[int]:
    """Return the numbers from `begin` on; past the field's last it goes on with its first."""
    first, last, _ = _SPANS[field]
    if step < 1:
        raise ValueError("a step is 1 or more")
    size = last - first + 1
    return [(begin - first + n) % size + first for n in range(0, (end - begin) % size + 1, step)]


def _onward(part: str, field: str) -> str:
    """Return a range that passes the field's end as a list of numbers, all else as it is."""
    found = _RANGE.fullmatch(part)
    if not found:
        return part
    begin, end = _number(found[1], field), _number(found[2], field)
    if begin <= end:
        return part
    return ",".join(map(str, _steps(begin, end, int(found[3] or 1), field)))


def _weekdays(text: str) -> str:
    """Return a day-of-week field in names: APScheduler's week begins on another day."""
    if text == "*":
        return text
    if text == "l":  # by itself: the week's last day
        return _DAYS[-1]
    days: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        found = _RANGE.fullmatch(span)
        if span == "*" or (step and not found):
            begin, end = (1 if span == "*" else _number(span, "day_of_week")), 7
        elif found:
            begin, end = (_number(found[number], "day_of_week") for number in (1, 2))
        else:
            begin = end = _number(span, "day_of_week")
        if step and not step.isdigit():
            raise ValueError(f"{step!r} is no step")
        days |= set(_steps(begin, end, int(step or 1), "day_of_week"))
    return ",".join(_DAYS[day - 1] for day in sorted(days))


def _counted(text: str) -> str:
    """Return days of a week that are counted in their month (`6#3`, `FRIL`) as days of a month."""
    days = []
    for part in text.split(","):
        found = re.fullmatch(r"(\w{1,3})#([1-5])|(\w{1,3})l", part)
        if not found:
            raise ValueError(f"{part!r} is no day of week that is counted (FRI#3, FRIL)")
        day = _DAYS[_number(found[1] or found[3], "day_of_week") - 1]
        days.append(f"{_ORDINALS[int(found[2]) - 1] if found[2] else 'last'} {day}")
    return ",".join(days)


def _day(text: str) -> str:
    if text == "l":
        return "last"
    if re.search(r"[lw]", text):
        raise ValueError(f"{text.upper()!r} is not understood: name the days, or L for the last")
    return text
