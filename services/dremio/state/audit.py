"""The audit log: statements, changes over REST and log-ins, kept apart from the jobs' history."""

from __future__ import annotations

import datetime
import itertools
import logging
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from services.dremio.sql import statements as s
from services.dremio.sql.access import policies as p
from services.dremio.sql.access import statements as a
from services.dremio.state.behind import Behind
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.postgres import connected

_log = logging.getLogger(__name__)
# As many as `sys.audit` shows; the table in the engine's database holds them all.
_SHOWN = 10_000
_ACCESS = (
    a.Grant, a.GrantRole, a.CreateUser, a.AlterUser, a.DropUser, a.CreateRole, a.DropRole,
    p.SetPolicy,
)  # fmt: skip
_ROWS = (s.Modify, s.Truncate, s.CopyInto)
_READING = (s.Query, s.Explain, s.Show, s.Describe, s.DescribeFunction, s.ShowFunctions)
_SESSION = (s.Use, s.SetOption)
_DENIED = (ErrorKind.PERMISSION, ErrorKind.UNAUTHENTICATED)


@dataclass(frozen=True)
class Event:
    """One thing that someone did. `kind` is READ, WRITE, CHANGE, ACCESS, SESSION or LOGIN."""

    user: str
    kind: str
    action: str
    objects: tuple[str, ...] = ()
    outcome: str = "OK"
    error: str | None = None
    job_id: str | None = None
    client: str = ""


class Audit:
    """Writes events in the order they happen. Safe to use from many threads.

    What someone read is written some 20 ms later, all else before the answer goes out: a crash
    may lose the last moment's reads.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._writer = Behind("audit events", self._write)
        self._count = itertools.count()

    def record(self, event: Event) -> None:
        """Write an event; what cannot be written now is told in the log, and tried again."""
        self._writer.put(next(self._count), (datetime.datetime.now(datetime.UTC), event))
        if event.kind == "READ" and event.outcome == "OK":
            return
        try:
            self._writer.flush()
        except DremioError as error:
            _log.error("audit event not recorded", extra={"event": str(event), "why": str(error)})

    def close(self) -> None:
        """Write what is not yet written; nothing is recorded after that."""
        self._writer.close()

    def newest(self) -> list[dict[str, Any]]:
        """Return the newest events, newest first. Raises DremioError (RESOURCE)."""
        self._writer.flush()
        with connected(self._pool) as connection:
            return (
                connection.cursor(row_factory=dict_row)
                .execute("SELECT * FROM audit_event ORDER BY id DESC LIMIT %s", (_SHOWN,))
                .fetchall()
            )

    def _write(self, events: list[tuple[datetime.datetime, Event]]) -> None:
        rows = [
            (
                when,
                event.user,
                event.kind,
                event.action,
                list(event.objects),
                event.outcome,
                event.error,
                event.job_id,
                event.client,
            )
            for when, event in events
        ]
        with connected(self._pool) as connection, connection.transaction():
            connection.cursor().executemany(
                "INSERT INTO audit_event (happened_at, user_name, kind, action, objects, outcome, "
                "error, job_id, client) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                rows,
            )

    def sweep(self, days: int) -> int:
        """Remove the events older than `days`; return how many."""
        before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
        with connected(self._pool) as connection:
            gone = connection.execute("DELETE FROM audit_event WHERE happened_at < %s", (before,))
            return gone.rowcount


def kind_of(statement: s.Statement | None) -> str:
    """Return the kind of event that a statement is."""
    if statement is None or isinstance(statement, _READING):
        return "READ"
    if isinstance(statement, _ACCESS):
        return "ACCESS"
    if isinstance(statement, _ROWS):
        return "WRITE"
    return "SESSION" if isinstance(statement, _SESSION) else "CHANGE"


def outcome_of(error: BaseException | None) -> str:
    """Return how something ended: OK, DENIED, CANCELED or FAILED."""
    if error is None:
        return "OK"
    if isinstance(error, DremioError):
        if error.kind in _DENIED:
            return "DENIED"
        if error.kind is ErrorKind.CANCELED:
            return "CANCELED"
    return "FAILED"
