"""A log line as a record of the log index: timestamp, level, service, message, and what it has."""

from __future__ import annotations

import datetime
import re
from typing import Any

import orjson

from services.shipper.levels import meant

Record = dict[str, Any]

_LEVELS = {
    "D": "DEBUG", "I": "INFO", "W": "WARNING", "E": "ERROR", "F": "CRITICAL",
    "LOG": "INFO", "NOTICE": "INFO", "STATEMENT": "INFO", "DETAIL": "INFO", "HINT": "INFO",
    "CONTEXT": "INFO", "WARN": "WARNING", "FATAL": "CRITICAL", "PANIC": "CRITICAL",
    "CRIT": "CRITICAL", "TRACE": "DEBUG", "BLAT": "DEBUG",
}  # fmt: skip

# Who writes it → how its lines begin: time, level, message.
_FORMATS = (
    # PostgreSQL, log_line_prefix '%m [%p] '
    re.compile(
        r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) (?P<zone>[A-Z]{3,4}) \[\d+\] "
        r"(?:\S+ )?(?P<level>[A-Z]+\d?):\s+(?P<message>.*)"
    ),
    # SeaweedFS (glog): I1121 09:46:42.060157 master.go:123] message
    re.compile(
        r"(?P<level>[DIWEF])(?P<monthday>\d{4}) (?P<clock>\d\d:\d\d:\d\d\.\d+)\s+(?:\d+ )?"
        r"(?P<logger>[\w./-]+:\d+)\]? ?(?P<message>.*)"
    ),
    # gunicorn: [2026-11-21 09:46:42 +0000] [123] [INFO] message
    re.compile(
        r"\[(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \+0000\] \[\d+\] \[(?P<level>[A-Z]+)\] "
        r"(?P<message>.*)"
    ),
    # supervisord and Python's logging: 2026-11-21 09:46:42,123 INFO message, or with colons
    re.compile(
        r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+)[ :](?P<level>[A-Z]{4,8})[ :](?P<message>.*)"
    ),
)
_NAME = re.compile(r"[^a-z0-9_-]+")


class Parser:
    """Parses the lines of one log file in order.

    A line that says neither (a traceback, a statement over several lines) gets the time and
    level of the line before it.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._time: str | None = None
        self._level = "INFO"

    def parse(self, line: str, now: datetime.datetime) -> Record:
        """Return the record; `now` stands in for a time that no line has told yet."""
        if line.startswith("{"):
            try:
                found = orjson.loads(line)
            except orjson.JSONDecodeError:
                found = None
            if isinstance(found, dict):
                if isinstance(found.get("info"), dict) and "msg" in found["info"]:
                    found = _of_dbt(found["info"])
                return self._normal(found, now)
        for pattern in _FORMATS:
            match = pattern.match(line)
            if match:
                return self._normal(_fields(match, now), now)
        return {
            "timestamp": self._time or _text(now),
            "level": self._level,
            "service": self._service,
            "message": line,
        }

    def parse_group(self, text: str, now: datetime.datetime, *, traceback: bool) -> Record:
        """Return the record of lines that belong together (see `grouping`).

        A traceback's message is its last line, the error itself; all of it is `stack_trace`.
        """
        first, _, rest = text.partition("\n")
        record = self.parse(first, now)
        if traceback:
            error = text.rpartition("\n")[2]
            return {**record, "level": "ERROR", "message": error, "stack_trace": text}
        if rest:
            record["message"] += f"\n{rest}"
        return record

    def _normal(self, found: Record, now: datetime.datetime) -> Record:
        time = _moment(found.pop("timestamp", None)) or self._time or _text(now)
        level = str(found.pop("level", "INFO")).upper()
        self._time, self._level = time, _LEVELS.get(level, level)
        service = _NAME.sub("-", str(found.pop("service", "") or self._service).lower()).strip("-_")
        message = found.pop("message", "")
        said = self._level
        self._level = meant(said, str(found.get("logger", "")), str(message))
        if self._level != said:
            found["level_said"] = said
        return {
            "timestamp": time,
            "level": self._level,
            "service": service or self._service,
            "message": message if isinstance(message, str) else orjson.dumps(message).decode(),
            **found,
        }


def _of_dbt(info: Record) -> Record:
    """dbt's JSON logs hold what every line has under `info`."""
    return {
        "timestamp": info.get("ts"),
        "level": info.get("level", "info"),
        "message": info["msg"],
        "logger": info.get("name"),
        "correlation_id": info.get("invocation_id"),
    }


def _fields(match: re.Match[str], now: datetime.datetime) -> Record:
    groups = match.groupdict()
    made: Record = {"level": groups["level"], "message": groups["message"]}
    if groups.get("monthday"):
        # glog leaves out the year: the latest one in which the day is not ahead of us.
        month, day = int(groups["monthday"][:2]), int(groups["monthday"][2:])
        year = now.year if (month, day) <= (now.month, now.day) else now.year - 1
        made["timestamp"] = f"{year:04d}-{month:02d}-{day:02d}T{groups['clock']}"
        made["logger"] = groups["logger"]
    else:
        made["timestamp"] = groups["time"].replace(",", ".")
    return made


def _moment(value: Any) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _text(datetime.datetime.fromtimestamp(value, datetime.UTC))
    try:
        moment = datetime.datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return _text(moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC))


def _text(moment: datetime.datetime) -> str:
    text = moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
