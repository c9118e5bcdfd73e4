"""Dates: the formats a field takes, and date math (`now-1h/d`, `2026-11-21||+1M/d`)."""

from __future__ import annotations

import re
import time
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.elasticsearch.state.date_patterns import strptime_of, written

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ISO = re.compile(
    r"(-?\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:[T ](?:(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})"
    r"(?:[.,](\d{1,9}))?)?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?)?)?$"
)
_STEP = re.compile(r"([+-])(\d*)([yMwdhHms])")
_ROUND = re.compile(r"/([yMwdhHms])")
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?$")
_DETECTED = re.compile(r"\d{4}([-/])\d{2}\1\d{2}(?:[T ]\d{2}:\d{2}|$)")
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3600, "H": 3600, "m": 60, "s": 1}

# Elasticsearch's built-in names → their pattern; None: ISO as above. What is not here is a pattern.
_FORMATS: dict[str, str | None] = {
    "strict_date_optional_time": None,
    "date_optional_time": None,
    "strict_date_optional_time_nanos": None,
    "iso8601": None,
    "strict_date_time": None,
    "date_time": None,
    "strict_date_time_no_millis": None,
    "date_time_no_millis": None,
    "strict_date": None,
    "date": None,
    "basic_date": "yyyyMMdd",
    "basic_date_time": "yyyyMMdd'T'HHmmss.SSSXX",
    "basic_date_time_no_millis": "yyyyMMdd'T'HHmmssXX",
    "date_hour_minute": "yyyy-MM-dd'T'HH:mm",
    "date_hour_minute_second": "yyyy-MM-dd'T'HH:mm:ss",
    "hour_minute": "HH:mm",
    "hour_minute_second": "HH:mm:ss",
    "year": "yyyy",
    "year_month": "yyyy-MM",
    "year_month_day": "yyyy-MM-dd",
}


def now_millis() -> int:
    """Return milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def zone(name: str | None) -> tzinfo:
    """Return the zone called `name` or of an offset such as `+01:00`. Raises ValueError."""
    if not name or name in ("Z", "UTC"):
        return UTC
    if offset := _OFFSET.match(name):
        sign = 1 if offset[1] == "+" else -1
        delta = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(sign * delta)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"Unknown time-zone ID: {name}") from error


def to_millis(moment: datetime) -> int:
    """Return `moment` as milliseconds since 1970."""
    return (moment - _EPOCH) // _MILLISECOND


def from_millis(millis: int) -> datetime:
    """Return the moment in UTC."""
    return _EPOCH + timedelta(milliseconds=millis)


def looks_like_date(text: str) -> bool:
    """Say whether dynamic mapping makes a date of this string (date_detection's formats)."""
    if not _DETECTED.match(text):
        return False
    try:
        DateFormat("strict_date_optional_time||yyyy/MM/dd HH:mm:ss||yyyy/MM/dd").parse(text)
    except ValueError:
        return False
    return True


class DateFormat:
    """A mapping's or a query's `format`: alternatives joined by `||`."""

    def __init__(self, names: str | None = None) -> None:
        """Raises ValueError for a format that is not known."""
        self.names = (names or "strict_date_optional_time||epoch_millis").split("||")
        for name in self.names:
            if name not in ("epoch_millis", "epoch_second"):
                strptime_of(_pattern(name) or "")

    def parse(self, value: Any, at: tzinfo = UTC) -> int:
        """Return milliseconds since 1970. Raises ValueError."""
        if type(value) is str:
            # The common case first: a whole ISO moment with its zone.
            if len(value) > 19 and value[-1] == "Z" and _pattern(self.names[0]) is None:
                try:
                    return (datetime.fromisoformat(value) - _EPOCH) // _MILLISECOND
                except ValueError:
                    pass
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"failed to parse date field [{value}]")
        for name in self.names:
            found = _parse(name, value, at)
            if found is not None:
                return found
        names = "||".join(self.names)
        raise ValueError(f"failed to parse date field [{value}] with format [{names}]")

    def parse_all(self, values: list[str]) -> list[int]:
        """Return `parse` of each. Raises ValueError."""
        # The same common case, of all of them.
        if _pattern(self.names[0]) is None and all(len(v) > 19 and v[-1] == "Z" for v in values):
            try:
                moments = map(datetime.fromisoformat, values)
                return [(moment - _EPOCH) // _MILLISECOND for moment in moments]
            except ValueError:
                pass
        return list(map(self.parse, values))

    def print(self, millis: int, at: tzinfo = UTC) -> str:
        """Return the moment as the first of the formats writes it."""
        name = self.names[0]
        if name == "epoch_millis":
            return str(millis)
        if name == "epoch_second":
            return str(millis // 1000)
        moment = from_millis(millis).astimezone(at)
        pattern = _pattern(name)
        if pattern is None:
            if name in ("strict_date", "date"):
                return moment.strftime("%Y-%m-%d")
            text = moment.isoformat(timespec="milliseconds")
            return text.replace("+00:00", "Z")
        return written(pattern, moment)


def _pattern(name: str) -> str | None:
    """Return the pattern of a format; None: ISO."""
    name = name.removeprefix("strict_") if name not in _FORMATS else name
    return _FORMATS.get(name, name)


def _parse(name: str, value: Any, at: tzinfo) -> int | None:
    if name in ("epoch_millis", "epoch_second"):
        text = str(value)
        if not re.fullmatch(r"-?\d+(\.\d+)?", text):
            return None
        return int(float(text) * 1000) if name == "epoch_second" else int(float(text))
    pattern = _pattern(name)
    text = str(value)
    try:
        if pattern is None:
            return _parse_iso(text, at)
        moment = datetime.strptime(text, strptime_of(pattern))
    except ValueError:
        return None
    if not re.search("[yu]", pattern):
        moment = moment.replace(year=1970)
    return to_millis(moment if moment.tzinfo else moment.replace(tzinfo=at))


def _parse_iso(text: str, at: tzinfo) -> int | None:
    found = _ISO.match(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    moment = datetime(
        int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0),
        int(second or 0), int((fraction or "0").ljust(6, "0")[:6]),
        tzinfo=zone(offset) if offset else at,
    )  # fmt: skip
    return to_millis(moment)


def resolve(
    value: Any, format_: DateFormat, *, at: tzinfo = UTC, round_up: bool = False, now: int
) -> int:
    """Return the milliseconds of a date or date-math expression.

    `round_up`: fill what is not given, and what `/unit` cuts off, with the last millisecond
    (as `gt` and `lte` do). Raises ValueError.
    """
    if not isinstance(value, str):
        return format_.parse(value, at)
    if value.startswith("now"):
        moment, math = from_millis(now).astimezone(at), value[3:]
    else:
        anchor, _, math = value.partition("||")
        millis = format_.parse(anchor, at)
        moment = from_millis(millis).astimezone(at)
        if round_up and not math:
            moment = _fill(anchor, moment)
    return to_millis(_math(moment, math, value, round_up=round_up))


def _fill(text: str, moment: datetime) -> datetime:
    found = _ISO.match(text)
    if not found:
        return moment
    _, month, day, hour, minute, second, fraction, _ = found.groups()
    for given, unit in ((month, "y"), (day, "M"), (hour, "d"), (minute, "h"), (second, "m")):
        if given is None:
            return _last(moment, unit)
    return moment if fraction else _last(moment, "s")


def _last(moment: datetime, unit: str) -> datetime:
    return add(floor_to(moment, unit), 1, unit) - _MILLISECOND


def add(moment: datetime, count: int, unit: str) -> datetime:
    """Return `moment` moved by `count` units (y M w d h H m s); months end on a day they have."""
    if unit in _SECONDS:
        return moment + timedelta(seconds=count * _SECONDS[unit])
    months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def floor_to(moment: datetime, unit: str) -> datetime:
    """Return the beginning of the unit (y M w d h m s) that `moment` is in."""
    if unit == "w":
        moment -= timedelta(days=moment.weekday())
        unit = "d"
    zeros: dict[str, int] = {"microsecond": 0}
    for step, field, zero in (
        ("m", "second", 0), ("h", "minute", 0), ("d", "hour", 0),
        ("M", "day", 1), ("y", "month", 1),
    ):  # fmt: skip
        if "smhdMy".index("h" if unit == "H" else unit) >= "smhdMy".index(step):
            zeros[field] = zero
    return moment.replace(**zeros)  # type: ignore[arg-type]


def _math(moment: datetime, math: str, whole: str, *, round_up: bool) -> datetime:
    position = 0
    while position < len(math):
        if step := _STEP.match(math, position):
            count = int(step[2] or 1) * (1 if step[1] == "+" else -1)
            moment = add(moment, count, step[3])
        elif step := _ROUND.match(math, position):
            moment = _last(moment, step[1]) if round_up else floor_to(moment, step[1])
        else:
            raise ValueError(f"operator not supported for date math [{whole}]")
        position = step.end()
    return moment
