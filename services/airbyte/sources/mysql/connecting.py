"""Connecting to the source: its configuration as the drivers' options."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import pymysql
import pymysql.cursors

from services.airbyte.cdk import tunnel
from services.airbyte.cdk.columns import literal
from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.mysql.failures import explain

Json = dict[str, Any]
Session: TypeAlias = "pymysql.connections.Connection[pymysql.cursors.DictCursor]"

DEFAULT_PORT = 3306
# Seconds. Looking for the highest value of a cursor without an index reads the whole table.
_LONGEST_QUERY = 3600


@dataclass(frozen=True)
class Target:
    """A server as the configuration names it; certificates are files (paths)."""

    host: str
    port: int
    database: str
    user: str
    password: str
    mode: str
    ca: str | None
    certificate: str | None
    key: str | None
    key_password: str | None
    timeout: int

    def pymysql_options(self) -> dict[str, Any]:
        """Return the options of pymysql's connections (and of a reader of the binary log)."""
        options: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password.encode(),
            "database": self.database,
            "charset": "utf8mb4",
            "connect_timeout": self.timeout,
        }
        if self.mode == "disabled":
            return {**options, "ssl_disabled": True}
        if self.mode == "preferred":
            return options
        # The separate options (ssl_ca …) do not ask for TLS when none of them is given.
        ssl = {
            "ca": self.ca,
            "cert": self.certificate,
            "key": self.key,
            "password": self.key_password,
            "verify_mode": self.mode != "required",
            "check_hostname": self.mode == "verify_identity",
        }
        return {**options, "ssl": {key: value for key, value in ssl.items() if value is not None}}

    def duckdb_secret(self, name: str) -> str:
        """Return the statement with which DuckDB's scanner gets to know the server."""
        options = {
            "HOST": self.host,
            "USER": self.user,
            "PASSWORD": self.password,
            "DATABASE": self.database,
            "SSL_MODE": self.mode,
            "SSL_CA": self.ca,
            "SSL_CERT": self.certificate,
            "SSL_KEY": self.key,
        }
        listing = "".join(f", {key} {literal(text)}" for key, text in options.items() if text)
        return f"CREATE OR REPLACE SECRET {name} (TYPE mysql, PORT {self.port}{listing})"


def parameters(config: Json) -> dict[str, str]:
    """Return `jdbc_url_params` by lower-case name."""
    text = config.get("jdbc_url_params") or ""
    return {key.lower(): value for key, value in parse_qsl(text)}


def tinyint1_is_bit(config: Json) -> bool:
    """Whether tinyint(1) is a boolean: Connector/J's parameter tinyInt1isBit, true by default."""
    return parameters(config).get("tinyint1isbit", "true").lower() != "false"


@contextmanager
def target(config: Json) -> Iterator[Target]:
    """Give the server; certificates lie in a folder that goes away after.

    Raises ConnectorError (config_error) when the configuration asks for what is not there.
    """
    ssl = config.get("ssl_mode") or {"mode": "preferred"}
    mode = ssl.get("mode", "preferred")
    if mode.startswith("verify_") and not ssl.get("ca_certificate"):
        raise config_error(f"ssl_mode {mode} needs ca_certificate: the authority's PEM text")
    # Connector/J counts milliseconds.
    timeout = parameters(config).get("connecttimeout", "")
    with (
        tempfile.TemporaryDirectory(prefix="lakelet-tls-") as folder,
        tunnel.through(config, DEFAULT_PORT) as local,
    ):
        host, port = local or (config["host"], int(config.get("port") or DEFAULT_PORT))
        files = {
            key: _write(Path(folder) / key, ssl[key])
            for key in ("ca_certificate", "client_certificate", "client_key")
            if ssl.get(key)
        }
        yield Target(
            host=host,
            port=port,
            database=config["database"],
            user=config["username"],
            password=config.get("password") or "",
            mode=mode,
            ca=files.get("ca_certificate"),
            certificate=files.get("client_certificate"),
            key=files.get("client_key"),
            key_password=ssl.get("client_key_password"),
            timeout=max(2, int(timeout) // 1000) if timeout.isdigit() else 10,
        )


def _write(path: Path, text: str) -> str:
    path.touch(mode=0o600)
    path.write_text(text)
    return str(path)


@contextmanager
def session(config: Json) -> Iterator[Session]:
    """Open a session in UTC. Raises ConnectorError when the server refuses or is away."""
    with target(config) as server:
        try:
            db = pymysql.connect(
                **server.pymysql_options(),
                cursorclass=pymysql.cursors.DictCursor,
                autocommit=True,
                read_timeout=_LONGEST_QUERY,
                init_command="SET SESSION time_zone = '+00:00'",
            )
        except (pymysql.Error, OSError) as error:
            raise explain(error, config) from error
        try:
            yield db
        except pymysql.Error as error:
            raise explain(error, config) from error
        finally:
            if db.open:
                db.close()


def hang_up(db: Any) -> None:
    """End a session of pymysql without waiting for what the server is still sending."""
    with contextlib.suppress(pymysql.Error, OSError):
        db._force_close()


def query(db: Session, sql: str, *arguments: Any) -> list[Json]:
    """Return the rows of a query by column name (in lower case: servers differ)."""
    with db.cursor() as cursor:
        cursor.execute(sql, arguments or None)
        rows = cursor.fetchall()
    return [{key.lower(): value for key, value in row.items()} for row in rows]
