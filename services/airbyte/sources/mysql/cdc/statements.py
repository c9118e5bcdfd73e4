"""Statements in the log: ends of transactions, and those that empty a table."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

_HEADER = 20
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*\n|#[^\n]*\n", re.DOTALL)
_NAME = r"(?:`((?:[^`]|``)+)`|([^\s.`;]+))"
_TRUNCATE = re.compile(
    rf"\s*TRUNCATE\s+(?:TABLE\s+)?{_NAME}(?:\s*\.\s*{_NAME})?", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class Statement:
    """A statement, and the database that was the session's."""

    database: str
    text: str


def parse(event: bytes) -> Statement:
    """Read a QUERY event (with the packet's first byte)."""
    _, _, size, _, variables = struct.unpack_from("<IIBHH", event, _HEADER)
    at = _HEADER + 13 + variables
    database = event[at : at + size].decode("utf-8", "replace")
    return Statement(database, event[at + size + 1 :].decode("utf-8", "replace"))


def truncated(statement: Statement, database: str) -> str | None:
    """Return the table of `database` that the statement empties, if it does."""
    found = _TRUNCATE.match(_COMMENT.sub(" ", statement.text))
    if found is None:
        return None
    first, second = found[1] or found[2], found[3] or found[4]
    where, table = (first, second) if second else (statement.database, first)
    return table.replace("``", "`") if where.replace("``", "`") == database else None
