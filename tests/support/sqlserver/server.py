"""The server: listens, lets clients in, runs their batches."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.sqlserver import tokens, wire
from tests.support.sqlserver.engine import Database, Result, Session, SqlError

_TRANSACTION = 0x0E
_BEGIN, _COMMIT, _ROLLBACK = 5, 7, 8


class Server:
    """One database behind a port. `users` gives passwords by login."""

    def __init__(self, users: dict[str, str], name: str, tls: ssl.SSLContext | None = None) -> None:
        self.database = Database()
        self._users, self._name, self._tls = users, name, tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._clients: dict[socket.socket, str] = {}
        self._numbers = itertools.count(1)
        threading.Thread(target=self._listen, name="sql server", daemon=True).start()

    def drop_clients(self, login: str | None = None) -> None:
        """Cut the connections (a login's), as a fail-over does."""
        for client, user in list(self._clients.items()):
            with contextlib.suppress(OSError):
                if login in (None, user):
                    client.shutdown(socket.SHUT_RDWR)

    def clean_up(self, up_to: int) -> None:
        """Forget the changes up to a version, as the background task does after the retention."""
        duck = self.database.duck.cursor()
        with self.database.writing:
            for (number,) in duck.execute(
                "SELECT object_id FROM sys.change_tracking_tables"
            ).fetchall():
                duck.execute(f'DELETE FROM tracked."{number}" WHERE version <= ?', [up_to])
            duck.execute(
                "UPDATE sys.change_tracking_tables SET cleanup_version = $1,"
                " min_valid_version = greatest(min_valid_version, $1)",
                [up_to],
            )

    def restore(self, version: int) -> None:
        """Stand at an earlier version, as after a restore."""
        with self.database.writing:
            self.database.duck.cursor().execute("UPDATE tracked.state SET version = ?", [version])

    def close(self) -> None:
        """Stop listening; cut all connections."""
        self._listening.close()
        self.drop_clients()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._clients[client] = ""
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            self._talk(client, wire.Wire(client, self._tls))
        except (OSError, ssl.SSLError):
            pass  # the client has gone, or did not trust the certificate
        finally:
            self._clients.pop(client, None)
            client.close()

    def _talk(self, client: socket.socket, line: wire.Wire) -> None:
        if not line.greet():
            return
        message = line.receive()
        if message is None or message[0] != wire.LOGIN:
            return
        login = wire.login(message[1])
        if self._users.get(login.user) != login.password:
            refusal = tokens.error(18456, f"Login failed for user '{login.user}'.", severity=14)
            line.send(refusal + tokens.done(failed=True))
            return
        if login.database not in ("", self._name):
            refusal = tokens.error(
                4060,
                f'Cannot open database "{login.database}" requested by the login. The login'
                " failed.",
                severity=11,
            )
            line.send(refusal + tokens.done(failed=True))
            return
        line.send(tokens.logged_in(self._name))
        self._clients[client] = login.user
        session = self.database.session(login.user)
        try:
            while (message := line.receive()) is not None:
                line.send(self._answer(session, *message))
        finally:
            session.close()

    def _answer(self, session: Session, kind: int, content: bytes) -> bytes:
        if kind == wire.ATTENTION:
            return tokens.stopped()
        try:
            if kind == _TRANSACTION:
                return self._transaction(session, content)
            if kind != wire.BATCH:
                raise SqlError(50000, f"messages of type {kind} are not understood here")
            sql = wire.batch(content)
            changed = self._boundary(sql)
            return changed + _told(session.execute(sql))
        except SqlError as error:
            return tokens.error(error.number, str(error)) + tokens.done(failed=True)

    def _boundary(self, sql: str) -> bytes:
        """What the client is told of a transaction's begin or end ([MS-TDS] 2.2.7.9)."""
        words = sql.upper().split()
        if words[:1] == ["BEGIN"]:
            return tokens.began(next(self._numbers))
        if "COMMIT" in words[:1]:
            return tokens.ended(0, committed=True)
        return tokens.ended(0, committed=False) if "ROLLBACK" in words else b""

    def _transaction(self, session: Session, content: bytes) -> bytes:
        """A request of the transaction manager ([MS-TDS] 2.2.6.9)."""
        (headers,) = struct.unpack_from("<I", content)
        (request,) = struct.unpack_from("<H", content, headers)
        if request == _BEGIN:
            session.begin()
            return tokens.began(next(self._numbers)) + tokens.done()
        if request in (_COMMIT, _ROLLBACK):
            session.commit() if request == _COMMIT else session.rollback()
            return tokens.ended(0, committed=request == _COMMIT) + tokens.done()
        raise SqlError(50000, f"transaction request {request} is not understood here")


def _told(result: Result) -> bytes:
    if not result.columns:
        return tokens.done(result.count)
    answer = tokens.rows(result.columns, result.rows, long=result.long)
    return answer + tokens.done(len(result.rows))


@contextmanager
def serving(
    users: dict[str, str], name: str = "shop", tls: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """Run a server."""
    server = Server(users, name, tls)
    try:
        yield server
    finally:
        server.close()
