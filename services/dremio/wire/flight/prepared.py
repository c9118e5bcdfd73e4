"""Prepared statements: `?` becomes a literal where it stands, by token, never by text."""

from __future__ import annotations

import datetime as dt
import decimal
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from sqlglot.tokenizer_core import TokenType

from services.dremio.sql.tokens import tokenize
from services.dremio.state.errors import DremioError, ErrorKind

# Statements that a client never closed go after this long without use.
IDLE_SECONDS = 3600.0


@dataclass
class Prepared:
    """A statement kept for one user, and the parameters bound last."""

    sql: str
    user_id: str
    count: int
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    used: float = field(default_factory=time.monotonic)

    def statements(self) -> list[str]:
        """Return the statement once for each row of parameters."""
        if not self.count:
            return [self.sql]
        if not self.rows:
            raise DremioError(
                ErrorKind.VALIDATION, f"the statement has {self.count} parameters; none was bound"
            )
        return [fill(self.sql, row) for row in self.rows]


class PreparedStatements:
    """Every prepared statement, by its handle. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[bytes, Prepared] = {}

    def create(self, sql: str, user_id: str) -> tuple[bytes, Prepared]:
        """Keep a statement. Raises DremioError (PARSE) when it cannot be read."""
        prepared = Prepared(sql, user_id, len(places(sql)))
        handle = uuid.uuid4().hex.encode()
        with self._lock:
            limit = time.monotonic() - IDLE_SECONDS
            for old in [key for key, kept in self._kept.items() if kept.used < limit]:
                del self._kept[old]
            self._kept[handle] = prepared
        return handle, prepared

    def get(self, handle: bytes, user_id: str) -> Prepared:
        """Return a statement of this user's. Raises DremioError (NOT_FOUND)."""
        with self._lock:
            prepared = self._kept.get(handle)
            if prepared is None or prepared.user_id != user_id:
                raise DremioError(ErrorKind.NOT_FOUND, "no such prepared statement: prepare again")
            prepared.used = time.monotonic()
            return prepared

    def close(self, handle: bytes, user_id: str) -> None:
        """Forget a statement of this user's; one that is gone already is no error."""
        with self._lock:
            prepared = self._kept.get(handle)
            if prepared is not None and prepared.user_id == user_id:
                del self._kept[handle]


def places(sql: str) -> list[tuple[int, int]]:
    """Return where the parameters stand: (start, end) in characters."""
    return [
        (token.start, token.end + 1)
        for token in tokenize(sql)
        if token.token_type is TokenType.PLACEHOLDER
    ]


def fill(sql: str, values: Sequence[Any]) -> str:
    """Return `sql` with a literal in each parameter's place. Raises DremioError (VALIDATION)."""
    spots = places(sql)
    if len(spots) != len(values):
        raise DremioError(
            ErrorKind.VALIDATION, f"{len(values)} parameters given, {len(spots)} in the statement"
        )
    out, position = [], 0
    for (start, end), value in zip(spots, values, strict=True):
        out += [sql[position:start], literal(value)]
        position = end
    return "".join([*out, sql[position:]])


def literal(value: Any) -> str:
    """Return a value as SQL. Raises DremioError (UNSUPPORTED_OPERATION) for a nested type."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return f"({value})" if value < 0 else str(value)
        case float():
            return f"CAST('{value!r}' AS DOUBLE)"
        case decimal.Decimal():
            return f"({value:f})"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case bytes():
            return f"FROM_HEX('{value.hex()}')"
        case dt.datetime():
            moment = value.astimezone(dt.UTC) if value.tzinfo else value
            return f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond:06d}'"
        case dt.date():
            return f"DATE '{value:%Y-%m-%d}'"
        case dt.time():
            return f"TIME '{value:%H:%M:%S}.{value.microsecond:06d}'"
    raise DremioError(
        ErrorKind.UNSUPPORTED_OPERATION, f"a parameter of type {type(value).__name__}"
    )


def parameter_schema(count: int) -> pa.Schema:
    """Return what clients may bind: their types are taken as they come."""
    return pa.schema([(f"parameter_{index + 1}", pa.string()) for index in range(count)])
