"""The replication protocol: a connection that streams the log, and the messages in it.

Facts: PostgreSQL's "Streaming Replication Protocol" and "Logical Replication Message Formats"
(protocol version 1: whole transactions, in the order of their commits). psycopg speaks no
replication, but libpq does, and psycopg gives access to it.
"""

from __future__ import annotations

import contextlib
import select
import struct
import time

import psycopg
from psycopg import errors
from psycopg.conninfo import make_conninfo
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn

from services.airbyte.cdk.failures import transient_error
from services.airbyte.sources.postgres.cdc.config import lsn_text

WAL_DATA, KEEPALIVE = 0x77, 0x6B
# Microseconds from 1970 to 2000, where PostgreSQL's times begin.
EPOCH_2000 = 946_684_800_000_000
_STATUS = struct.Struct("!cQQQqB")
_BUSY_SECONDS = 20.0


def connect(target: str) -> psycopg.Connection[tuple[object, ...]]:
    """Open a connection that takes replication commands."""
    # The default of a minute is short for a destination that writes for longer than that.
    options = psycopg.conninfo.conninfo_to_dict(target).get("options") or ""
    return psycopg.connect(
        make_conninfo(
            target, replication="database", options=f"{options} -c wal_sender_timeout=600000"
        ),
        autocommit=True,
        client_encoding="utf8",
    )


class Replication:
    """A slot being streamed."""

    def __init__(self, target: str, slot: str, publication: str, start: int) -> None:
        self._slot, self.publication = slot, publication
        self._db = connect(target)
        self._pg: PGconn = self._db.pgconn
        names = '"' + publication.replace('"', '""') + '"'
        quoted = slot.replace('"', '""')
        command = (
            f'START_REPLICATION SLOT "{quoted}" LOGICAL {lsn_text(start)}'
            f" (proto_version '1', publication_names '{names.replace(chr(39), chr(39) * 2)}')"
        )
        try:
            self._begin(command)
        except BaseException:
            self._db.close()
            raise
        self.receive = self._pg.get_copy_data

    def _begin(self, command: str) -> None:
        until = time.monotonic() + _BUSY_SECONDS
        while True:
            result = self._pg.exec_(command.encode())
            if result.status == ExecStatus.COPY_BOTH:
                return
            message = result.error_message.decode(errors="replace").strip()
            state = result.error_field(67)  # PG_DIAG_SQLSTATE, 'C'
            if state == b"55006" and time.monotonic() < until:
                time.sleep(0.1)  # a reader that was killed: the server is about to notice
                continue
            if state == b"55006":
                raise transient_error(
                    f"replication slot {self._slot!r} is in use by another reader: {message}; every"
                    " source needs a slot of its own",
                    message,
                )
            raise errors.lookup((state or b"XX000").decode())(message)

    def wait(self, seconds: float) -> None:
        """Wait until something arrives, at most `seconds`; take it in."""
        ready, _, _ = select.select([self._pg.socket], [], [], max(0.0, seconds))
        if ready:
            self._pg.consume_input()

    def report(self, position: int, *, ask: bool = False) -> None:
        """Confirm the log up to `position`; `ask` for the server's position in return."""
        now = int(time.time() * 1e6) - EPOCH_2000
        self._pg.put_copy_data(_STATUS.pack(b"r", position, position, position, now, int(ask)))
        while self._pg.flush():
            select.select([], [self._pg.socket], [], 5)

    def failure(self) -> Exception:
        """Return why the stream ended."""
        message = self._pg.error_message.decode(errors="replace").strip()
        with contextlib.suppress(psycopg.Error):
            result = self._pg.get_result()
            if result is not None and result.error_message:
                message = result.error_message.decode(errors="replace").strip()
                state = result.error_field(67)
                if state:
                    return errors.lookup(state.decode())(message)
        return psycopg.OperationalError(message or "server closed the connection")

    def close(self) -> None:
        """End the stream; what was confirmed is told first."""
        with contextlib.suppress(psycopg.Error, OSError):
            self._pg.put_copy_end()
            until = time.monotonic() + 1.0
            while self._pg.flush() and time.monotonic() < until:
                select.select([], [self._pg.socket], [], 0.1)
            while time.monotonic() < until:
                size, _ = self.receive(1)
                if size < 0:
                    break
                if size == 0:
                    self.wait(until - time.monotonic())
        self._db.close()
