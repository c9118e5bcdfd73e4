"""A SQL Server for tests: the one of this folder, or a real one that LAKELET_TEST_SQLSERVER names.

The variable holds JSON: host, port, and the username and password of a login that may create
databases and log-ins (`sa`), ssl_mode if it is not encrypted_trust_server_certificate. The tests
make a database of their own there and drop it.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from services.airbyte.sources.sqlserver import connecting
from tests.support.sqlserver.server import Server, serving

VARIABLE = "LAKELET_TEST_SQLSERVER"
USER, PASSWORD = "lake", "it's; {braced} = Secret 1"
_ADMIN, _ADMIN_PASSWORD = "sa", "Adm1n}istrator"
Json = dict[str, Any]


@dataclass
class SqlServer:
    """A database with an administrator and a user; `fake` is this folder's server, if it is."""

    admin: Json
    fake: Server | None = None

    def config(self, **changes: Any) -> Json:
        """Return a source's configuration, of the user who reads."""
        return {
            **self.admin,
            "schemas": ["dbo"],
            "username": USER,
            "password": PASSWORD,
            "replication_method": {"method": "STANDARD"},
            "tunnel_method": {"tunnel_method": "NO_TUNNEL"},
            **changes,
        }

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as the administrator; return the rows of the last."""
        with connecting.session(self.admin) as db:
            for statement in statements[:-1]:
                connecting.execute(db, statement)
            return [tuple(row.values()) for row in connecting.query(db, statements[-1])]

    def transaction(self, *statements: str) -> None:
        """Run statements in one transaction."""
        self.execute("BEGIN TRANSACTION", *statements, "COMMIT TRANSACTION")


@contextmanager
def sql_server() -> Iterator[SqlServer]:
    """Run a server; changes are tracked in its database, and snapshots allowed."""
    given = os.environ.get(VARIABLE)
    with _real(json.loads(given)) if given else own_server() as server:
        yield server


def _switch_on(server: SqlServer) -> None:
    server.execute(
        "ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON"
        " (CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = ON)",
        "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON",
    )


@contextmanager
def own_server() -> Iterator[SqlServer]:
    """Run the server of this folder."""
    with serving({_ADMIN: _ADMIN_PASSWORD, USER: PASSWORD}) as fake:
        admin = {
            "host": "127.0.0.1",
            "port": fake.port,
            "database": "shop",
            "username": _ADMIN,
            "password": _ADMIN_PASSWORD,
        }
        server = SqlServer(admin, fake)
        _switch_on(server)
        yield server


@contextmanager
def _real(given: Json) -> Iterator[SqlServer]:
    given = {"ssl_mode": {"mode": connecting.TRUSTED}, **given}
    master = SqlServer({**given, "database": "master"})
    name = f"lakelet_{uuid.uuid4().hex[:12]}"
    password = PASSWORD.replace("'", "''")
    try:
        master.execute(f"CREATE DATABASE [{name}]")
        master.execute(f"CREATE LOGIN [{USER}] WITH PASSWORD = N'{password}'")
        server = SqlServer({**given, "database": name})
        server.execute(
            f"CREATE USER [{USER}] FOR LOGIN [{USER}]",
            f"ALTER ROLE db_datareader ADD MEMBER [{USER}]",
            f"GRANT VIEW CHANGE TRACKING ON SCHEMA::dbo TO [{USER}]",
        )
        _switch_on(server)
        yield server
    finally:
        master.execute(f"ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
        master.execute(f"DROP DATABASE [{name}]", f"DROP LOGIN [{USER}]")
