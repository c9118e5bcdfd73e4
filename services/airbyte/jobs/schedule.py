"""When connections run: Airbyte's schedules as APScheduler's triggers.

A run that was missed while the server was down is made up for once, at the next start, however
many were missed; a run that falls due while the connection still has a job is left out. A run that
falls due while the database is away begins when it is back. Of a connection that is continuous a
job is kept running.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from psycopg_pool import PoolTimeout

from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.jobs.continuous import Continuous, is_due
from services.airbyte.state import connections, jobs
from services.airbyte.state.database import Pool
from services.airbyte.state.records import Connection, Json
from services.common import quartz as common_quartz
from services.common.errors import LakeletError

log = logging.getLogger(__name__)

_UNITS = {"minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800, "months": 2592000}
# How often it is looked whether a continuous connection's job has ended.
_LOOK_SECONDS = 1
# How long a run waits for a database that is away.
_AGAIN = datetime.timedelta(seconds=5)


def check_schedule(kind: str, data: Json | None) -> None:
    """Raise InvalidInputError when a schedule is not complete or not understood."""
    trigger(kind, data)


def trigger(kind: str, data: Json | None) -> Any:
    """Return APScheduler's trigger, None for `manual`."""
    if kind == "manual":
        return None
    if kind == "basic":
        basic = (data or {}).get("basicSchedule") or {}
        units, unit = basic.get("units"), basic.get("timeUnit")
        if not isinstance(units, int) or units < 1 or unit not in _UNITS:
            raise InvalidInputError(
                "scheduleData.basicSchedule needs units (1 or more) and timeUnit"
                f" ({', '.join(_UNITS)})",
                [("scheduleData.basicSchedule", "is not complete")],
            )
        return IntervalTrigger(seconds=units * _UNITS[unit], timezone=datetime.UTC)
    if kind == "cron":
        cron = (data or {}).get("cron") or {}
        return quartz(cron.get("cronExpression") or "", cron.get("cronTimeZone") or "UTC")
    raise InvalidInputError(f"scheduleType {kind} is not manual, basic or cron")


def quartz(expression: str, zone: str) -> CronTrigger:
    """Return the trigger of a Quartz expression. Raises InvalidInputError."""
    try:
        return common_quartz.trigger(expression, zone)
    except ValueError as error:
        raise InvalidInputError(
            f"cron {error}", [("scheduleData.cron", "is not a Quartz expression and its zone")]
        ) from error


def first_run(
    when: Any,
    last: datetime.datetime | None,
    changed: datetime.datetime,
    now: datetime.datetime,
) -> datetime.datetime:
    """Return when a connection runs next, as seen at `now`; not before that.

    `last` is when its last run began, `changed` when the connection was last set: what its cron
    named before that was not missed (nor what a clock did that has been set back since: what is
    later than `now` counts as now). A connection that never ran starts with an interval at once,
    with a cron at its time. What was due since then, once or many times, is due now, once.
    """
    last, changed = min(last, now) if last else None, min(changed, now)
    if isinstance(when, IntervalTrigger):
        due = last + when.interval if last else now
    else:
        since = max(last, changed) if last else changed
        due = when.get_next_fire_time(since, since + datetime.timedelta(microseconds=1))
    return max(now, due) if due else now


class Schedule:
    """Triggers the scheduled connections."""

    def __init__(self, db: Pool, run: Callable[[UUID], Any]) -> None:
        self._db, self._run = db, run
        self._scheduler = BackgroundScheduler(timezone=datetime.UTC)

    def start(self) -> None:
        """Schedule every connection and make up for missed runs."""
        with self._db.connection() as db:
            known = connections.listing(db)
        self._scheduler.start()
        for connection in known:
            self._put(connection)

    def stop(self) -> None:
        """Stop triggering."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def refresh(self, identity: UUID) -> None:
        """Take over a changed connection."""
        with self._db.connection() as db:
            self._put(connections.get(db, identity))

    def _put(self, connection: Connection) -> None:
        if self._scheduler.get_job(str(connection.id)):
            self._scheduler.remove_job(str(connection.id))
        if connection.status != "active":
            return
        if Continuous.of(connection.options):
            self._keep_running(connection)
            return
        try:
            when = trigger(connection.schedule_type, connection.schedule_data)
        except InvalidInputError as error:
            log.warning("connection %s is not scheduled: %s", connection.id, error)
            return
        if when is None or not self._scheduler.running:
            return
        self._scheduler.add_job(
            self._fire,
            when,
            args=[connection.id],
            id=str(connection.id),
            next_run_time=self._first(connection, when),
            coalesce=True,
            misfire_grace_time=None,
            max_instances=1,
        )

    def _keep_running(self, connection: Connection) -> None:
        if self._scheduler.running:
            self._scheduler.add_job(
                self._keep,
                IntervalTrigger(seconds=_LOOK_SECONDS, timezone=datetime.UTC),
                args=[connection.id],
                id=str(connection.id),
                next_run_time=datetime.datetime.now(datetime.UTC),
                coalesce=True,
                misfire_grace_time=None,
                max_instances=1,
            )

    def _keep(self, identity: UUID) -> None:
        """Start a continuous connection's next job when the last one has ended."""
        try:
            with self._db.connection() as db:
                ended = jobs.endings(db, identity)
                changed = connections.changed(db, identity)
        except (psycopg.Error, PoolTimeout) as error:
            log.info("connection %s waits for the database: %s", identity, error)
            return
        if is_due(ended, changed, datetime.datetime.now(datetime.UTC)):
            self._fire(identity)

    def _first(self, connection: Connection, when: Any) -> datetime.datetime:
        with self._db.connection() as db:
            last, _ = jobs.find(db, connection_ids=[connection.id], config_types=["sync"], limit=1)
        now = datetime.datetime.now(datetime.UTC)
        return first_run(when, last[0].created_at if last else None, connection.updated_at, now)

    def _fire(self, identity: UUID) -> None:
        about = {"connection_id": str(identity)}
        try:
            self._run(identity)
        except LakeletError as error:
            log.info("scheduled run left out: %s", error, extra=about)
        except (psycopg.Error, PoolTimeout) as error:
            log.warning("scheduled run waits for the database: %s", error, extra=about)
            # Another job than the connection's own, whose next time stands.
            self._scheduler.add_job(
                self._fire,
                DateTrigger(datetime.datetime.now(datetime.UTC) + _AGAIN),
                args=[identity],
                id=f"{identity} again",
                replace_existing=True,
                misfire_grace_time=None,
            )
