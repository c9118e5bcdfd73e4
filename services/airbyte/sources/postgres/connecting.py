"""Connecting to the source: its configuration as libpq's, its errors in plain words."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import duckdb
import psycopg
from psycopg import errors
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from services.airbyte.cdk import tunnel
from services.airbyte.cdk.failures import config_error, transient_error

Json = dict[str, Any]

DEFAULT_PORT = 5432

# Texts of dates, times and floats must not depend on the server's or the role's settings.
_OPTIONS = (
    "-c TimeZone=UTC -c DateStyle=ISO,YMD -c IntervalStyle=postgres -c extra_float_digits=3"
    " -c bytea_output=hex"
)


@contextmanager
def conninfo(config: Json) -> Iterator[str]:
    """Give the libpq connection string; certificates lie in a folder that goes away after."""
    ssl = config.get("ssl_mode") or {"mode": "prefer"}
    with (
        tempfile.TemporaryDirectory(prefix="lakelet-tls-") as folder,
        tunnel.through(config, DEFAULT_PORT) as local,
    ):
        address, port = local or (None, int(config.get("port") or DEFAULT_PORT))
        files = {
            parameter: _write(Path(folder) / parameter, ssl[key])
            for parameter, key in (
                ("sslrootcert", "ca_certificate"),
                ("sslcert", "client_certificate"),
                ("sslkey", "client_key"),
            )
            if ssl.get(key)
        }
        if ssl.get("client_key_password"):
            files["sslpassword"] = ssl["client_key_password"]
        extra = dict(parse_qsl(config.get("jdbc_url_params") or ""))
        timeout = extra.get("connectTimeout", "10")
        yield make_conninfo(
            # With a tunnel `host` is what the server's certificate is compared with.
            host=config["host"],
            hostaddr=address,
            port=port,
            dbname=config["database"],
            user=config["username"],
            password=config.get("password") or None,
            sslmode=ssl.get("mode", "prefer"),
            connect_timeout=max(2, int(timeout) if timeout.isdigit() else 10),
            application_name="lakelet-airbyte",
            options=_OPTIONS,
            keepalives_idle=30,
            **files,
        )


def _write(path: Path, text: str) -> str:
    path.touch(mode=0o600)
    path.write_text(text)
    return str(path)


@contextmanager
def session(config: Json) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """Open a read-only session. Raises ConnectorError when the server refuses or is away."""
    with conninfo(config) as target:
        try:
            db = psycopg.connect(target, row_factory=dict_row, autocommit=True)
        except psycopg.OperationalError as error:
            raise explain(error, config) from error
        with db:
            try:
                db.execute("SET default_transaction_read_only = on")
                yield db
            except psycopg.Error as error:
                raise explain(error, config) from error


_LOGIN = ("password authentication failed", "no password supplied", "SCRAM", "authentication")
_GONE = (
    "could not connect",
    "connection refused",
    "server closed the connection",
    "connection failed",
    "terminating connection",
    "the database system is",
    "timeout expired",
    "ssl syscall error",
    "connection to server",
    "remaining connection slots",
    "too many clients",
)


def explain(error: Exception, config: Json) -> Exception:
    """Return `error` of psycopg or of DuckDB's scanner as a ConnectorError that says what to do."""
    text = str(error).strip()
    low = text.lower()
    where = f"{config.get('host')}:{config.get('port') or 5432}"
    user, database = config.get("username"), config.get("database")
    if isinstance(error, errors.InsufficientPrivilege) or "permission denied" in low:
        return config_error(
            f"user {user!r} may not read it: {_first(text)}; GRANT USAGE on the schema and SELECT"
            " on the table to this user",
            text,
        )
    if "password authentication failed" in low or any(word.lower() in low for word in _LOGIN):
        return config_error(
            f"PostgreSQL at {where} refused user {user!r}: wrong password or user, or no rule for"
            " it in pg_hba.conf; set username and password of the source",
            text,
        )
    if f'database "{str(database).lower()}" does not exist' in low:
        return config_error(
            f"there is no database {database!r} at {where}; set database of the source", text
        )
    if "could not translate host name" in low or "name or service not known" in low:
        return config_error(f"host {config.get('host')!r} is not known; set host", text)
    if "does not support ssl" in low or "certificate verify failed" in low:
        return config_error(
            f"PostgreSQL at {where} and ssl_mode do not fit: {_first(text)}; set ssl_mode", text
        )
    if any(word in low for word in _GONE):
        return transient_error(
            f"PostgreSQL at {where} cannot be reached: {_first(text)}; is it running, and are host"
            " and port of the source right?",
            text,
        )
    if "Expected an array with" in text:
        return config_error(
            f"an array has other dimensions than its column was declared with ({_first(text)});"
            " declare as many as there are (ALTER TABLE … ALTER … TYPE int[][]: the column comes"
            " as text then), or deselect the column",
            text,
        )
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException):
        return config_error(
            f"a value has no place in its column's type: {_first(text)}; deselect the column", text
        )
    undefined = re.search(r'(column|relation) "[^"]+" does not exist', _first(text))
    if undefined or isinstance(error, errors.UndefinedTable | errors.UndefinedColumn):
        return config_error(f"{_first(text)}; refresh the connection's schema", text)
    return transient_error(f"reading from PostgreSQL at {where} failed: {_first(text)}", text)


def _first(text: str) -> str:
    # DuckDB's scanner puts the whole query before what the server said of it.
    text = text.partition('": ERROR:')[2].strip() or text
    return text.splitlines()[0][:300] if text else "no message"
