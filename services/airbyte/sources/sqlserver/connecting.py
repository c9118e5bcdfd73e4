"""Connecting to the source: its configuration as the driver's options.

Facts: Airbyte's source-mssql names the mode `ssl_mode: {mode: …}`, before version 4.2
`ssl_method: {ssl_method: …}`; Microsoft's "DSN and connection string keywords" (Encrypt,
TrustServerCertificate, HostnameInCertificate).
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

from services.airbyte.cdk import tunnel
from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.sqlserver.failures import explain
from services.airbyte.sources.sqlserver.trust import trusting
from services.common.mssql import client

Json = dict[str, Any]
Session = Any  # mssql_python.Connection

DEFAULT_PORT = 1433
_SECONDS = 15
PLAIN, TRUSTED, VERIFIED = (
    "unencrypted",
    "encrypted_trust_server_certificate",
    "encrypted_verify_certificate",
)
# Parameters of Microsoft's JDBC driver that the ODBC drivers have under a name of theirs.
_PARAMETERS = {
    "applicationintent": "ApplicationIntent",
    "multisubnetfailover": "MultiSubnetFailover",
    "packetsize": "PacketSize",
    "serverspn": "ServerSPN",
}


def mode(config: Json) -> Json:
    """Return the encryption that is asked for, as `{mode: …}` with its other fields."""
    chosen = config.get("ssl_mode") or config.get("ssl_method") or {}
    if isinstance(chosen, str):
        chosen = {"mode": chosen}
    name = chosen.get("mode") or chosen.get("ssl_method") or PLAIN
    if name not in (PLAIN, TRUSTED, VERIFIED):
        raise config_error(f"ssl_mode {name} is not {PLAIN}, {TRUSTED} or {VERIFIED}")
    return {**chosen, "mode": name}


def schemas(config: Json) -> list[str]:
    """Return the schemas that are read; none: all."""
    return [str(name) for name in config.get("schemas") or []]


def options(config: Json, host: str, port: int) -> dict[str, str]:
    """Return the keywords of the connection string."""
    # No retries: a session that were begun anew in silence would have lost its snapshot.
    found = {
        "Server": f"{host},{port}",
        "Database": str(config["database"]),
        "ConnectRetryCount": "0",
    }
    if config.get("client_id"):
        found["Authentication"] = "ActiveDirectoryServicePrincipal"
        found |= {"UID": config["client_id"], "PWD": config.get("client_secret") or ""}
    else:
        found |= {"UID": config.get("username") or "", "PWD": config.get("password") or ""}
    chosen = mode(config)
    found["Encrypt"] = "no" if chosen["mode"] == PLAIN else "yes"
    if chosen["mode"] != VERIFIED:  # also where the server insists on encryption by itself
        found["TrustServerCertificate"] = "yes"
    if chosen["mode"] == VERIFIED:
        name = chosen.get("hostNameInCertificate")
        # Through a tunnel the address is this machine's: the certificate is for the host's.
        if name or host != config["host"]:
            found["HostnameInCertificate"] = str(name or config["host"])
    for key, value in parse_qsl(config.get("jdbc_url_params") or ""):
        if key.lower() in _PARAMETERS:
            found[_PARAMETERS[key.lower()]] = value
    return found


def connection_string(found: dict[str, str]) -> str:
    """Return the keywords as one text; braces around a value keep what is special in it."""
    return "".join(f"{key}={{{value.replace('}', '}}')}}};" for key, value in found.items())


@contextmanager
def session(config: Json) -> Iterator[Session]:
    """Open a session. Raises ConnectorError when the server refuses or is away."""
    driver = client()
    with tunnel.through(config, DEFAULT_PORT) as local:
        host, port = local or (str(config["host"]), int(config.get("port") or DEFAULT_PORT))
        keywords = options(config, host, port)
        if local is None:  # a tunnel's end is always open
            _reach(host, port, config)
        try:
            with trusting(keywords, mode(config).get("certificate")) as found:
                target = connection_string(found)
                db = driver.connect(target, autocommit=True, timeout=_SECONDS)
        except (driver.Error, RuntimeError, ImportError) as error:
            raise explain(error, config) from error
        try:
            yield db
        except driver.Error as error:
            raise explain(error, config) from error
        finally:
            with contextlib.suppress(Exception):  # it may be broken: then it has ended already
                db.close()


def _reach(host: str, port: int, config: Json) -> None:
    """Find out whether the port is open: the drivers go on trying until their time is over."""
    try:
        socket.create_connection((host, port), timeout=_SECONDS).close()
    except OSError as error:
        raise explain(error, config) from error


def query(db: Session, sql: str) -> list[Json]:
    """Return the rows of a query by column name."""
    cursor = db.cursor()
    try:
        cursor.execute(sql, use_prepare=False)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()] if names else []
    finally:
        cursor.close()


def execute(db: Session, sql: str) -> None:
    """Run a statement that gives no rows."""
    cursor = db.cursor()
    try:
        cursor.execute(sql, use_prepare=False)
    finally:
        cursor.close()
