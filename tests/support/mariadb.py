"""A MariaDB server of the tests' own: Debian's package, a temporary folder, a free port."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest

from services.common.waiting import wait_until
from tests.support.ports import free_port

USER, PASSWORD, DATABASE = "lake", 'it\'s \\ "secret"', "shop"
_PROGRAMS = ("mariadbd", "mariadb-install-db")
# What Airbyte's documentation has one grant.
_GRANTS = "SELECT, RELOAD, SHOW DATABASES, REPLICATION SLAVE, REPLICATION CLIENT"


class MariaDB:
    """One server, which tests may kill and start again."""

    def __init__(self, folder: Path, port: int, options: Sequence[str] = ()) -> None:
        self.folder, self.port, self._options = folder, port, tuple(options)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    "/usr/sbin/mariadbd" if Path("/usr/sbin/mariadbd").exists() else "mariadbd",
                    "--no-defaults",
                    f"--user={_account()}",
                    f"--datadir={self.folder / 'data'}",
                    f"--socket={self.folder / 's.sock'}",
                    f"--pid-file={self.folder / 'pid'}",
                    f"--port={self.port}",
                    "--bind-address=127.0.0.1",
                    "--server-id=1",
                    "--log-bin=binlog",
                    "--binlog-format=ROW",
                    "--binlog-row-image=FULL",
                    "--character-set-server=utf8mb4",
                    "--innodb-buffer-pool-size=64M",
                    "--innodb-flush-log-at-trx-commit=1",
                    "--sync-binlog=1",
                    "--default-time-zone=+02:00",
                    *self._options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._answers, seconds=60, what="MariaDB")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "server.log").read_text()[-3000:]
        try:
            self.root().close()
        except pymysql.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def root(self, **options: Any) -> pymysql.Connection[Any]:
        """Connect as the administrator, over the socket."""
        return pymysql.connect(
            unix_socket=str(self.folder / "s.sock"),
            user="root",
            autocommit=True,
            charset="utf8mb4",
            **options,
        )

    def execute(self, *statements: str) -> list[Any]:
        """Run statements in the database; return the rows of the last."""
        with self.root(database=DATABASE) as db, db.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def config(self, **changes: Any) -> dict[str, Any]:
        """Return a source's configuration."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "database": DATABASE,
            "username": USER,
            "password": PASSWORD,
            "ssl_mode": {"mode": "preferred"},
            "replication_method": {"method": "STANDARD"},
            "tunnel_method": {"tunnel_method": "NO_TUNNEL"},
            **changes,
        }


def _account() -> str:
    """The server refuses to run as root unless told; as root the package's own user is there."""
    return "mysql" if os.geteuid() == 0 else getpass.getuser()


@contextmanager
def mariadb(*options: str) -> Iterator[MariaDB]:
    """Run a server with binary log; skipped where Debian's package is missing (fails in CI)."""
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    if missing := [name for name in _PROGRAMS if shutil.which(name) is None]:
        reason = f"{', '.join(missing)} not found: apt-get install mariadb-server"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="lakelet-mariadb-"))
    if os.geteuid() == 0:
        account = pwd.getpwnam("mysql")
        os.chown(folder, account.pw_uid, account.pw_gid)
    server = MariaDB(folder, free_port(), options)
    try:
        made = subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={folder / 'data'}",
                f"--user={_account()}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
            ],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert made.returncode == 0, made.stdout
        server.start()
        with server.root() as db, db.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
            cursor.execute(f"CREATE USER {USER} IDENTIFIED BY %s", (PASSWORD,))
            cursor.execute(f"GRANT {_GRANTS} ON *.* TO {USER}")
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)
