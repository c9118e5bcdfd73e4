"""A connection's option `continuous`: its sync goes on all the time, in small windows.

An extension of Airbyte's connection, whose schedules end at one run a minute. The connection's
`scheduleType` stays `manual`, so that every client understands it; a job is kept running (see
`schedule`), and a new one takes over every hour.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.state.jobs import Ending

# How long one job runs before the next one takes over (with a new log file and new counters).
_JOB_SECONDS = 3600.0
# The shortest time between the beginnings of two jobs, where one ended by itself.
_BETWEEN = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 600.0
# Field: least and largest value.
_FIELDS = {"every": (0.1, 3600.0), "rows": (1, 10_000_000), "history": (60.0, 31_536_000.0)}


@dataclass(frozen=True)
class Continuous:
    """How small the windows are: `every` seconds, or `rows`, whatever comes first.

    Snapshots of the tables that are older than `history` seconds are removed.
    """

    every: float = 0.5
    rows: int = 100_000
    history: float = 600.0
    job_seconds: float = _JOB_SECONDS

    @classmethod
    def of(cls, options: dict[str, Any]) -> Continuous | None:
        """Read the option, which was checked when it was set."""
        value = options.get("continuous")
        if not value:
            return None
        if not isinstance(value, dict):
            return cls()
        return cls(
            every=float(value.get("every") or cls.every),
            rows=int(value.get("rows") or cls.rows),
            history=float(value.get("history") or cls.history),
        )


def check(options: dict[str, Any], source: dict[str, Any], schedule_type: str) -> None:
    """Raise InvalidInputError when the option is not understood, or the source has no log."""
    value = options.get("continuous")
    if not value:
        return
    if schedule_type != "manual":
        raise InvalidInputError(
            f"a continuous connection runs all the time: scheduleType {schedule_type} does not go"
            " together with continuous; set it to manual",
            [("scheduleType", "must be manual")],
        )
    method = (source.get("replication_method") or {}).get("method")
    # MongoDB has no other method, and no field that says so.
    if method != "CDC" and "database_config" not in source:
        raise InvalidInputError(
            "continuous needs a source that is read through its log: set the source's"
            f" replication_method to CDC (it is {method or 'not set'}), or use a schedule",
            [("continuous", "needs a source with replication_method CDC")],
        )
    if value is True:
        return
    if not isinstance(value, dict):
        raise InvalidInputError("continuous is true, or an object", [("continuous", "is neither")])
    for name, given in value.items():
        if name not in _FIELDS:
            raise InvalidInputError(
                f"continuous has no {name!r}; it has {', '.join(_FIELDS)}",
                [(f"continuous.{name}", "is not known")],
            )
        least, most = _FIELDS[name]
        number = isinstance(given, int | float) and not isinstance(given, bool)
        if not number or not least <= given <= most:
            raise InvalidInputError(
                f"continuous.{name} is {given!r}, it has to be a number from {least:g} to {most:g}",
                [(f"continuous.{name}", f"must be from {least:g} to {most:g}")],
            )


def is_due(ended: Sequence[Ending], changed: datetime.datetime, now: datetime.datetime) -> bool:
    """Whether a continuous connection's next job is to begin now.

    `ended` are its last jobs, newest first; `changed` is when the connection or its source was last
    changed. A job that was cancelled stays so until then, or until a sync is asked for; one that
    failed is followed by another after a pause that grows from 5 s to 10 minutes.
    """
    if not ended:
        return True
    last = ended[0]
    if last.active:
        return False
    if changed > last.updated_at:
        return True
    if last.status == "cancelled":
        return False
    pause = 0.0
    if last.status == "failed":
        failed = 0
        for job in ended:
            if job.status != "failed":
                break
            failed += 1
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 3.0 ** (failed - 1))
        return _passed(last.updated_at, now, pause)
    return _passed(last.created_at, now, _BETWEEN)


def _passed(moment: datetime.datetime, now: datetime.datetime, seconds: float) -> bool:
    """Whether it is so long ago; a moment to come is of a clock that was set back since."""
    return moment > now or (now - moment).total_seconds() >= seconds
