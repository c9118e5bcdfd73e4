"""The jobs' records: one row per statement, in PostgreSQL and, for the newest, in memory."""

from __future__ import annotations

import datetime
import re
import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from services.dremio.state.behind import Behind
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.postgres import connected
from services.dremio.state.session import Session

_IN_MEMORY = 2000
# A password is told to the engine, not to its history.
_PASSWORD = re.compile(r"(SET\s+PASSWORD\s+)'(?:[^']|'')*'", re.IGNORECASE)
_UPSERT = (
    "INSERT INTO job (id, user_name, sql, context, query_type, state, submitted_at, started_at, "
    "statement, finished_at, row_count, error_kind, error, profile) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
    "ON CONFLICT (id) DO UPDATE SET statement = excluded.statement, state = excluded.state, "
    "finished_at = excluded.finished_at, row_count = excluded.row_count, "
    "error_kind = excluded.error_kind, error = excluded.error, "
    "started_at = excluded.started_at, profile = excluded.profile"
)
FINAL = ("COMPLETED", "CANCELED", "FAILED")


@dataclass
class Job:
    """One statement that was sent, and what became of it."""

    id: str
    user: str
    sql: str
    context: tuple[str, ...]
    query_type: str
    submitted_at: datetime.datetime
    statement: str = ""
    state: str = "RUNNING"
    started_at: datetime.datetime | None = None
    finished_at: datetime.datetime | None = None
    rows: int | None = None
    error_kind: str | None = None
    error: str | None = None
    profile: dict[str, Any] | None = None
    done: threading.Event = field(default_factory=threading.Event, repr=False)


class History:
    """Starts and finishes jobs. Safe to use from many threads.

    Records are written behind the statements, in batches some 20 ms apart; `flush` waits for
    them, and whoever changes something or hands out a job's id calls it first. A crash may lose
    the records of the queries of the last moment, never that of a change.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._recent: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._writer = Behind("jobs' records", self._record)
        with connected(pool) as connection:
            connection.execute(
                "UPDATE job SET state = 'FAILED', finished_at = now(), error_kind = 'SYSTEM', "
                "error = 'The engine was restarted while this job ran' WHERE state <> ALL(%s)",
                (list(FINAL),),
            )

    def start(
        self,
        session: Session,
        sql: str,
        query_type: str,
        job_id: str | None = None,
        *,
        queued: bool = False,
    ) -> Job:
        """Record a new job, which runs already unless it is `queued`."""
        now = datetime.datetime.now(datetime.UTC)
        sql = _PASSWORD.sub(r"\1'***'", sql)
        job = Job(
            job_id or str(uuid.uuid4()), session.user.name, sql, session.context, query_type, now
        )
        if queued:
            job.state = "QUEUED"
        else:
            job.started_at = now
        with self._lock:
            self._recent[job.id] = job
            while len(self._recent) > _IN_MEMORY:
                oldest = next(iter(self._recent))
                if not self._recent[oldest].done.is_set():
                    break
                del self._recent[oldest]
        self._writer.put(job.id, job)
        return job

    def running(self, job: Job) -> None:
        """Note that a job was let in; the database learns of it when the job ends."""
        with self._lock:
            if job.state == "QUEUED":
                job.state = "RUNNING"
                job.started_at = datetime.datetime.now(datetime.UTC)

    def queued(self, job: Job) -> None:
        """Note that a job waits for a place."""
        with self._lock:
            if job.state not in FINAL:
                job.state, job.started_at = "QUEUED", None

    def finish(self, job: Job, error: BaseException | None, rows: int | None) -> None:
        """Record how the job ended; a second call does nothing."""
        with self._lock:
            if job.state in FINAL:
                return
            job.finished_at = datetime.datetime.now(datetime.UTC)
            if error is None:
                job.rows = rows
                job.state = "COMPLETED"
            else:
                kind = error.kind if isinstance(error, DremioError) else ErrorKind.SYSTEM
                job.error_kind, job.error = kind.value, str(error)
                job.state = "CANCELED" if kind is ErrorKind.CANCELED else "FAILED"
        self._writer.put(job.id, job)
        job.done.set()

    def flush(self) -> None:
        """Wait until every job is on record. Raises DremioError (RESOURCE)."""
        self._writer.flush()

    def close(self) -> None:
        """Write what is not yet on record; nothing is recorded after that."""
        self._writer.close()

    def get(self, job_id: str) -> Job | None:
        """Return a job, from memory or the database. Raises DremioError (RESOURCE)."""
        job = self._recent.get(job_id)
        if job is not None:
            return job
        try:
            uuid.UUID(job_id)
        except ValueError:
            return None
        self.flush()
        found = self._read("SELECT * FROM job WHERE id = %s", (job_id,))
        return _job(found[0]) if found else None

    def sweep(self, days: int) -> int:
        """Remove the jobs that ended more than `days` ago; return how many."""
        return self.swept(self._pool, days)

    @staticmethod
    def swept(pool: ConnectionPool, days: int) -> int:
        """Remove the old jobs of a database; return how many."""
        before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
        with connected(pool) as connection, connection.transaction():
            gone = connection.execute("DELETE FROM job WHERE finished_at < %s", (before,))
            connection.execute(  # what the jobs made of reflections
                "DELETE FROM job_reflection r WHERE at < %s "
                "AND NOT EXISTS (SELECT FROM job j WHERE j.id = r.job_id)",
                (before,),
            )
            return gone.rowcount

    def newest(self, limit: int = 1000) -> list[Job]:
        """Return the newest jobs, newest first. Raises DremioError (RESOURCE)."""
        self.flush()
        found = self._read("SELECT * FROM job ORDER BY submitted_at DESC LIMIT %s", (limit,))
        # What is not over is known here.
        return [self._recent.get(str(row["id"])) or _job(row) for row in found]

    def _record(self, jobs: list[Job]) -> None:
        rows = [
            (
                job.id,
                job.user,
                job.sql,
                list(job.context),
                job.query_type,
                job.state,
                job.submitted_at,
                job.started_at,
                job.statement,
                job.finished_at,
                job.rows,
                job.error_kind,
                job.error,
                Jsonb(job.profile) if job.profile else None,
            )
            for job in jobs
        ]
        with connected(self._pool) as connection, connection.transaction():
            connection.cursor().executemany(_UPSERT, rows)

    def _read(self, sql: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
        with connected(self._pool) as connection:
            return connection.cursor(row_factory=dict_row).execute(sql, values).fetchall()


def _job(row: dict[str, Any]) -> Job:
    job = Job(
        id=str(row["id"]),
        user=row["user_name"],
        sql=row["sql"],
        context=tuple(row["context"]),
        query_type=row["query_type"],
        submitted_at=row["submitted_at"],
        statement=row["statement"],
        state=row["state"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        rows=row["row_count"],
        error_kind=row["error_kind"],
        error=row["error"],
        profile=row["profile"],
    )
    job.done.set()
    return job
