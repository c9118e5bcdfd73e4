"""Jobs and their attempts: the queue, and who may still write."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import errors
from psycopg.types.json import Jsonb

from services.airbyte.state.database import Db
from services.airbyte.state.records import ACTIVE, Attempt, Job, Json
from services.common.errors import NotFoundError, RefusedError

Span = tuple[datetime.datetime | None, datetime.datetime | None]
"""A time from and until; None: open."""
EVER: Span = (None, None)

_ATTEMPT = "job_id, number, status, created_at, updated_at, ended_at, stream_stats, failures"


@dataclass(frozen=True)
class Ending:
    """How a job stands, without its attempts."""

    config_type: str
    status: str
    created_at: datetime.datetime
    updated_at: datetime.datetime

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.status in ACTIVE


class AlreadyRunningError(RefusedError):
    """The connection has a job that has not ended."""


class LostAttemptError(RefusedError):
    """This attempt was given up by the server (cancelled, or the server was restarted)."""


def create(db: Db, connection_id: UUID, config_type: str, config: Json | None = None) -> Job:
    """Queue a job. Raises AlreadyRunningError when the connection has one already."""
    try:
        row = db.execute(
            "INSERT INTO jobs (connection_id, config_type, config) VALUES (%s, %s, %s) RETURNING *",
            (connection_id, config_type, Jsonb(config or {})),
        ).fetchone()
    except errors.UniqueViolation as error:
        raise AlreadyRunningError(f"A sync is already running for: {connection_id}") from error
    assert row is not None  # noqa: S101 - INSERT … RETURNING gives a row
    return Job(**row)


def get(db: Db, identity: int) -> Job:
    """Return a job with its attempts. Raises NotFoundError."""
    row = db.execute("SELECT * FROM jobs WHERE id = %s", (identity,)).fetchone()
    if row is None:
        raise NotFoundError(f"job {identity} does not exist")
    return _with_attempts(db, [row])[0]


def find(
    db: Db,
    *,
    connection_ids: Iterable[UUID] | None = None,
    config_types: Iterable[str] | None = None,
    statuses: Iterable[str] | None = None,
    created: Span = EVER,
    updated: Span = EVER,
    limit: int = 100,
    offset: int = 0,
    order_by: str = "created_at",
    descending: bool = True,
) -> tuple[list[Job], int]:
    """Return the jobs that match, with attempts, and how many match without limit and offset."""
    conditions: list[str] = ["true"]
    values: dict[str, Any] = {}
    for column, span in (("created_at", created), ("updated_at", updated)):
        for sign, name, moment in ((">=", "start", span[0]), ("<=", "end", span[1])):
            if moment is not None:
                conditions.append(f"{column} {sign} %({column}_{name})s")
                values[f"{column}_{name}"] = moment
    for column, wanted in (
        ("connection_id", connection_ids),
        ("config_type", config_types),
        ("status", statuses),
    ):
        if wanted is not None:
            conditions.append(f"{column} = ANY(%({column})s)")
            values[column] = list(wanted)
    where = " AND ".join(conditions)
    column = "updated_at" if order_by == "updated_at" else "created_at"
    way = "DESC" if descending else "ASC"
    rows = db.execute(
        f"SELECT * FROM jobs WHERE {where} ORDER BY {column} {way}, id {way}"
        " LIMIT %(limit)s OFFSET %(offset)s",
        {**values, "limit": limit, "offset": offset},
    ).fetchall()
    total = db.execute(f"SELECT count(*) AS n FROM jobs WHERE {where}", values).fetchone()
    return _with_attempts(db, rows), int(total["n"]) if total else 0


def endings(db: Db, connection_id: UUID, limit: int = 8) -> list[Ending]:
    """Return how a connection's last jobs stand, newest first."""
    rows = db.execute(
        "SELECT config_type, status, created_at, updated_at FROM jobs WHERE connection_id = %s"
        " ORDER BY id DESC LIMIT %s",
        (connection_id, limit),
    )
    return [Ending(**row) for row in rows]


def _with_attempts(db: Db, rows: list[dict[str, Any]]) -> list[Job]:
    ids = [row["id"] for row in rows]
    attempts: dict[int, list[Attempt]] = {}
    for row in db.execute(
        f"SELECT {_ATTEMPT} FROM attempts WHERE job_id = ANY(%s) ORDER BY number",
        (ids,),
    ):
        attempts.setdefault(row["job_id"], []).append(Attempt(**row))
    return [Job(**row, attempts=tuple(attempts.get(row["id"], ()))) for row in rows]


def due(db: Db) -> list[Job]:
    """Return the jobs whose next attempt may start now, oldest first.

    None waits for an hour: what is said to has its time from a clock that was set back since.
    """
    rows = db.execute(
        "SELECT * FROM jobs WHERE status IN ('pending', 'incomplete')"
        " AND (next_attempt_at <= now() OR next_attempt_at > now() + interval '1 hour')"
        " ORDER BY next_attempt_at, id"
    ).fetchall()
    return [Job(**row) for row in rows]


def seconds_to_next(db: Db, *, without_due: bool = False) -> float | None:
    """Return how long until the next waiting job may start; None when none waits."""
    row = db.execute(
        "SELECT extract(epoch FROM min(next_attempt_at) - now())::float8 AS s FROM jobs"
        " WHERE status IN ('pending', 'incomplete') AND (next_attempt_at > now() OR NOT %s)",
        (without_due,),
    ).fetchone()
    return None if row is None or row["s"] is None else max(0.0, float(row["s"]))


def start_attempt(db: Db, job_id: int) -> int | None:
    """Mark the job as running and return the new attempt's number; None if it was cancelled."""
    with db.transaction():
        row = db.execute(
            "UPDATE jobs SET status = 'running', started_at = coalesce(started_at, now()),"
            " updated_at = now() WHERE id = %s AND status IN ('pending', 'incomplete')"
            " RETURNING id",
            (job_id,),
        ).fetchone()
        if row is None:
            return None
        new = db.execute(
            "INSERT INTO attempts (job_id, number)"
            " SELECT %(id)s, count(*) FROM attempts WHERE job_id = %(id)s RETURNING number",
            {"id": job_id},
        ).fetchone()
    return int(new["number"]) if new else None


def lock_attempt(db: Db, job_id: int, number: int) -> None:
    """Within a transaction: make sure this attempt still counts, and keep it so until the end.

    Whoever wants to give the attempt up waits for the row. Raises LostAttemptError.
    """
    row = db.execute(
        "SELECT status FROM attempts WHERE job_id = %s AND number = %s FOR UPDATE", (job_id, number)
    ).fetchone()
    if row is None or row["status"] != "running":
        raise LostAttemptError(
            f"attempt {number} of job {job_id} was given up by the server; nothing is committed"
        )


def save_stats(db: Db, job_id: int, number: int, stream: str, stats: Json) -> None:
    """Store one stream's counters."""
    db.execute(
        "UPDATE attempts SET stream_stats = stream_stats || %s, updated_at = now()"
        " WHERE job_id = %s AND number = %s AND status = 'running'",
        (Jsonb({stream: stats}), job_id, number),
    )


def end_attempt(db: Db, job_id: int, number: int, failures: list[Json]) -> bool:
    """Mark a running attempt as ended; False when it was not running any more."""
    row = db.execute(
        "UPDATE attempts SET status = %s, failures = %s, ended_at = now(), updated_at = now()"
        " WHERE job_id = %s AND number = %s AND status = 'running' RETURNING number",
        ("failed" if failures else "succeeded", Jsonb(failures), job_id, number),
    ).fetchone()
    return row is not None


def end_job(db: Db, job_id: int, status: str, retry_in: float | None = None) -> bool:
    """Set the status of a job that has not ended; its next attempt waits `retry_in` seconds."""
    wait = datetime.timedelta(seconds=retry_in or 0)
    row = db.execute(
        "UPDATE jobs SET status = %s, updated_at = now(), next_attempt_at = now() + %s"
        " WHERE id = %s AND status = ANY(%s) RETURNING id",
        (status, wait, job_id, list(ACTIVE)),
    ).fetchone()
    return row is not None


def running_attempts(db: Db) -> list[tuple[int, int]]:
    """Return (job, attempt number) of every attempt that is marked as running."""
    rows = db.execute("SELECT job_id, number FROM attempts WHERE status = 'running'").fetchall()
    return [(row["job_id"], row["number"]) for row in rows]


def has_begun_anew(db: Db, job_id: int) -> bool:
    """Whether a refresh has forgotten its streams' states already."""
    row = db.execute("SELECT config ? 'begunAnew' AS done FROM jobs WHERE id = %s", (job_id,))
    found = row.fetchone()
    return bool(found and found["done"])


def note_begun_anew(db: Db, job_id: int) -> None:
    """Note that it has."""
    db.execute(
        "UPDATE jobs SET config = config || jsonb_build_object('begunAnew', true) WHERE id = %s",
        (job_id,),
    )


def note_backfilled(db: Db, job_id: int, keys: list[str]) -> None:
    """Note which streams a job reads from the start as they have new columns."""
    db.execute(
        "UPDATE jobs SET config = config || jsonb_build_object('backfilled', %s::jsonb)"
        " WHERE id = %s",
        (Jsonb(keys), job_id),
    )
