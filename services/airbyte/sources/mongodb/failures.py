"""The server's and the driver's errors in plain words.

Fact: the numbers are MongoDB's (its source, `error_codes.yml`).
"""

from __future__ import annotations

from collections.abc import Callable

from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    CursorNotFound,
    InvalidURI,
    OperationFailure,
)

from services.airbyte.cdk.failures import config_error, transient_error
from services.airbyte.sources.mongodb.config import MongoConfig

_Maker = Callable[[str, str], Exception]

# The place in the oplog is gone; the token's event is not in this stream; no token of this server.
HISTORY_LOST, TOKEN_NOT_FOUND, INVALID_TOKEN = 286, 280, 260
# A snapshot of that time is not kept any more, is not to be had, or this server knows none.
NO_SNAPSHOT = frozenset({239, 246, 72, 263, 9, 115, 20})

LOST = (
    "the oplog does not reach back to where the changes were read to: {first}. The changes since"
    " then cannot be read. Reset the connection (connections/reset) to read its collections anew,"
    " or set invalid_cdc_cursor_position_behavior to 'Re-sync data' to have that done by itself;"
    " and keep the oplog for longer (replSetResizeOplog with minRetentionHours), or sync more often"
)

# numbers → kind of error, what to say.
_KNOWN: tuple[tuple[tuple[int, ...], _Maker, str], ...] = (
    (
        (18, 8000, 11),
        config_error,
        "the servers at {where} refused the user {user!r}: wrong username, password or"
        " auth_source (the database that the user was made in; it is {auth_source!r})",
    ),
    (
        (13,),
        config_error,
        "user {user!r} may not do it: {first}; grant the role `read` on the databases (on several:"
        " `readAnyDatabase`), which holds find, listCollections and changeStream",
    ),
    (
        (40573,),
        config_error,
        "change streams exist on replica sets only: start mongod with --replSet",
    ),
    (
        (50,),
        config_error,
        "the query took too long: set a larger discover_timeout_seconds or a smaller"
        " discover_sample_size ({first})",
    ),
    (
        (47,),
        config_error,
        "an update has no post image: {first}; enable them for the collection (collMod with"
        " changeStreamPreAndPostImages: {{enabled: true}}) and reset the connection, or set"
        " update_capture_mode to Lookup",
    ),
    ((HISTORY_LOST, TOKEN_NOT_FOUND, INVALID_TOKEN), config_error, LOST),
    (
        (10334,),
        config_error,
        "a change is larger than the 16 MB that a server sends ({first}): deselect the collection,"
        " read it with full_refresh, or set update_capture_mode to Lookup",
    ),
)


def plain(error: Exception) -> str:
    """Return the first line of the driver's message, without the server's whole answer."""
    text = str(error).partition(", full error:")[0].strip()
    return text.splitlines()[0][:300] if text else type(error).__name__


def explain(error: Exception, config: MongoConfig) -> Exception:
    """Return the driver's error as a ConnectorError that says what to do."""
    text = str(error).strip()
    words = {
        "where": config.where,
        "user": config.username,
        "auth_source": config.auth_source,
        "first": plain(error),
    }
    if isinstance(error, OperationFailure) and not isinstance(error, CursorNotFound):
        for numbers, make, message in _KNOWN:
            if error.code in numbers:
                return make(message.format(**words), text)
        return transient_error(f"MongoDB answers: {words['first']}", text)
    if isinstance(error, InvalidURI | ConfigurationError):
        return config_error(f"connection_string cannot be used: {words['first']}", text)
    if "ssl" in text.lower() or "certificate" in text.lower():
        return config_error(
            f"no TLS with {config.where}: {words['first']}; TLS is the default: add tls=false to"
            " connection_string for servers without it, or tlsCAFile for an authority of your own",
            text,
        )
    if isinstance(error, ConnectionFailure):
        return transient_error(
            f"no server of {config.where} can be reached: {words['first']}; are they running, is"
            " connection_string right (with tls=false for servers without TLS)?",
            text,
        )
    return transient_error(f"reading MongoDB at {config.where} failed: {words['first']}", text)
