"""Quartz' cron expressions as APScheduler's triggers: how every schedule here is written."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = ("second", "minute", "hour", "day", "month", "day_of_week", "year")


def trigger(expression: str, zone: str = "UTC") -> CronTrigger:
    """Return the trigger of a Quartz expression: seconds first, `?` for any, Sunday is 1.

    Raises ValueError naming what is wrong.
    """
    fields = expression.split()
    if len(fields) not in (6, 7):
        raise ValueError(
            f"expression {expression!r} does not have 6 or 7 fields (seconds, minutes, hours,"
            " day of month, month, day of week, year), e.g. '0 0 4 * * ?'"
        )
    fields = ["*" if field == "?" else field.lower() for field in fields]
    fields[5] = _days(fields[5])
    try:
        return CronTrigger(timezone=ZoneInfo(zone), **dict(zip(_FIELDS, fields, strict=False)))
    except ZoneInfoNotFoundError as error:
        raise ValueError(f"time zone {zone!r} is not known") from error
    except ValueError as error:
        raise ValueError(f"expression {expression!r}: {error}") from error


def _days(text: str) -> str:
    """Return a Quartz day-of-week field in day names; the number after a slash is a step."""
    days, slash, step = text.partition("/")
    if days == "1-7":
        return "*" + slash + step
    named = re.sub(r"\b[1-7]\b", lambda found: _DAYS[int(found[0]) - 1], days)
    return named + slash + step
