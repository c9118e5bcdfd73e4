"""The servers' errors in plain words.

Fact: the numbers are MySQL's and MariaDB's (server error reference; client errors from 2000 on).
DuckDB's scanner passes their texts on without the numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

from services.airbyte.cdk.failures import config_error, transient_error

Json = dict[str, Any]
_Maker = Callable[[str, str], Exception]

# (numbers, words of the text) → kind of error, what to say.
_KNOWN: tuple[tuple[tuple[int, ...], tuple[str, ...], _Maker, str], ...] = (
    (
        (1044,),
        ("to database '",),
        config_error,
        "user {user!r} may not use database {database!r}: GRANT SELECT ON `{database}`.* to it",
    ),
    (
        (1045, 1698, 1524),
        ("access denied for user", "authentication plugin"),
        config_error,
        "the server at {where} refused user {user!r}: wrong password or user (or it may not"
        " connect from this machine); set username and password of the source",
    ),
    (
        (1049,),
        ("unknown database",),
        config_error,
        "there is no database {database!r} at {where} (or user {user!r} may not see it);"
        " set database of the source",
    ),
    (
        (1142, 1143, 1227, 1370),
        ("command denied to user", "you need (at least one of) the"),
        config_error,
        "user {user!r} may not do it: {first}; GRANT it",
    ),
    (
        (2005,),
        ("unknown server host", "name or service not known", "temporary failure in name"),
        config_error,
        "host {host!r} is not known; set host",
    ),
    (
        (2026, 3159),
        ("ssl is required", "tls/ssl error", "certificate verify failed", "doesn't support ssl"),
        config_error,
        "the server at {where} and ssl_mode do not fit: {first}; set ssl_mode",
    ),
    ((1146, 1054), (), config_error, "{first}; refresh the connection's schema"),
    (
        (1040, 1203, 1226, 2002, 2003, 2006, 2013, 1053, 1927),
        ("can't connect", "gone away", "lost connection", "fetch result row", "shutdown"),
        transient_error,
        "the server at {where} cannot be reached: {first}; is it running, and are host and port"
        " of the source right?",
    ),
)


def explain(error: Exception, config: Json) -> Exception:
    """Return `error` of pymysql or of DuckDB's scanner as a ConnectorError that says what to do."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    text = str(error.args[1] if number is not None and len(error.args) > 1 else error).strip()
    low = text.lower()
    words = {
        "where": f"{config.get('host')}:{config.get('port') or 3306}",
        "host": config.get("host"),
        "user": config.get("username"),
        "database": config.get("database"),
        "first": text.splitlines()[0][:300] if text else "no message",
    }
    # Words come before the number: 2003 is any failure to connect, an unknown host's too.
    found = [(make, message) for _, parts, make, message in _KNOWN if _any(parts, low)]
    found += [(make, message) for numbers, _, make, message in _KNOWN if number in numbers]
    for make, message in found:
        return make(message.format(**words), text)
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException):
        return config_error(
            "a value has no place in its column's type: {first}; deselect the column".format(
                **words
            ),
            text,
        )
    return transient_error("reading from {where} failed: {first}".format(**words), text)


def _any(parts: tuple[str, ...], text: str) -> bool:
    return any(part in text for part in parts)
