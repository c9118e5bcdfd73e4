"""The server's and the driver's errors in plain words.

Facts: an error's number is in the driver's text, or its SQLSTATE (ODBC) is: numbers differ little
between servers, texts are translated. The server's numbers: Microsoft's "Database engine events and
errors".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from services.airbyte.cdk.failures import config_error, transient_error

Json = dict[str, Any]
_Maker = Callable[[str, str], Exception]

# Words of the text (in lower case) → kind of error, what to say. The first that fits counts.
_KNOWN: tuple[tuple[tuple[str, ...], _Maker, str], ...] = (
    (
        ("failed to load the driver", "unable to load the driver"),
        config_error,
        "no native driver of mssql-python can be loaded here: install libltdl7 and"
        " libgssapi-krb5-2 (Debian's names) for Microsoft's, or OpenSSL 3 for its successor",
    ),
    (
        ("login failed for user",),
        config_error,
        "the server at {where} refused user {user!r}: wrong password or user, or the user may not"
        " use database {database!r}; set username, password and database of the source",
    ),
    (
        ("cannot open database",),
        config_error,
        "there is no database {database!r} at {where}, or user {user!r} may not use it; set"
        " database of the source, or CREATE USER there",
    ),
    (
        ("snapshot isolation is not allowed", "failed accessing database"),
        config_error,
        "snapshots are not allowed in database {database!r}: ALTER DATABASE [{database}] SET"
        " ALLOW_SNAPSHOT_ISOLATION ON",
    ),
    (
        ("change tracking is not enabled",),
        config_error,
        "{first}. ALTER TABLE … ENABLE CHANGE_TRACKING, then reset the connection"
        " (connections/reset): what changed meanwhile was not tracked",
    ),
    (
        ("permission was denied", "permission denied"),
        config_error,
        "user {user!r} may not do it: {first}; GRANT it",
    ),
    (
        ("invalid object name", "invalid column name"),
        config_error,
        "{first}; refresh the connection's schema",
    ),
    (
        (
            "certificate",
            "ssl provider",
            "support encryption",
            "encryption not supported",
            "ssl handshake",
            "tls",
        ),
        config_error,
        "the server at {where} and ssl_mode do not fit: {first}; set ssl_mode",
    ),
    (
        (
            "name or service not known",
            "getaddrinfo",
            "failed to lookup address",
            "temporary failure in name",
        ),
        config_error,
        "host {host!r} is not known; set host",
    ),
    (
        (
            "login timeout",
            "connection refused",
            "unable to establish connection",
            "communication link failure",
            "connection is broken",
            "server is not found",
            "tcp provider",
            "connection reset",
            "connection closed",
            "timeout expired",
            "timed out",
            "no route to host",
            "network is unreachable",
        ),
        transient_error,
        "the server at {where} cannot be reached: {first}; is it running, and are host and port of"
        " the source right?",
    ),
)


def text_of(error: BaseException) -> str:
    """Return the server's words, without what names the drivers they came through."""
    text = str(getattr(error, "ddbc_error", None) or error).strip()
    text = re.sub(r"^(Driver Error: .*?; )?DDBC Error: ", "", text)
    return re.sub(r"^(\[[^\]]*\])+", "", text).strip() or type(error).__name__


def explain(error: BaseException, config: Json) -> Exception:
    """Return the driver's error as a ConnectorError that says what to do."""
    text = text_of(error)
    low = str(error).lower()
    words = {
        "where": f"{config.get('host')}:{config.get('port') or 1433}",
        "host": config.get("host"),
        "user": config.get("username") or config.get("client_id"),
        "database": config.get("database"),
        "first": text.splitlines()[0][:300].rstrip("."),
    }
    for parts, make, message in _KNOWN:
        if any(part in low for part in parts):
            return make(message.format(**words), text)
    return transient_error("reading from {where} failed: {first}".format(**words), text)
