"""Statements in the log: ends of transactions, and those that change a table as a whole."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass

_HEADER = 20
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*\n|#[^\n]*\n", re.DOTALL)
_NAME = r"(?:`((?:[^`]|``)+)`|([^\s.,`;(]+))"
_TABLE = rf"{_NAME}(?:\s*\.\s*{_NAME})?"
_EMPTIES = re.compile(
    r"\s*(?:TRUNCATE\s+(?:TABLE\s+)?|DROP\s+TABLES?\s+(?:IF\s+EXISTS\s+)?"
    r"|CREATE\s+OR\s+REPLACE\s+TABLE\s+)",
    re.IGNORECASE,
)
_ALTERS = re.compile(
    rf"\s*ALTER\s+(?:ONLINE\s+)?(?:IGNORE\s+)?TABLE\s+(?:IF\s+EXISTS\s+)?{_TABLE}", re.IGNORECASE
)
_NEXT = re.compile(rf"\s*{_TABLE}\s*(,?)")
# What makes other values of rows that were written before, where the log names no columns.
_MEANINGS = re.compile(
    r"\b(?:CHANGE|RENAME\s+COLUMN|AFTER|FIRST|(?:ENUM|SET)\s*\(|CHARSET|CHARACTER\s+SET)",
    re.IGNORECASE,
)
_PARTITIONS = re.compile(r"\b(?:TRUNCATE|DROP|EXCHANGE)\s+PARTITION\b", re.IGNORECASE)
_VERSIONS = re.compile(r"\b(?:ADD|DROP)\s+SYSTEM\s+VERSIONING\b", re.IGNORECASE)
_WRITES = re.compile(r"\s*(?:INSERT|UPDATE|DELETE|REPLACE|LOAD|WITH)\b", re.IGNORECASE)


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


def emptied(statement: Statement, database: str) -> list[str]:
    """Return the tables of `database` that lose all rows: truncated, dropped or made anew."""
    text = _COMMENT.sub(" ", statement.text)
    found = _EMPTIES.match(text)
    tables: list[str] = []
    while found is not None and (name := _NEXT.match(text, found.end())) is not None:
        if (table := _own(name, statement, database)) is not None:
            tables.append(table)
        found = name if name[5] else None
    return tables


def altered(statement: Statement, database: str) -> str | None:
    """Return the table of `database` that the statement alters, if it does."""
    found = _ALTERS.match(_COMMENT.sub(" ", statement.text))
    return None if found is None else _own(found, statement, database)


def changes_meanings(statement: Statement) -> bool:
    """Whether rows written before an ALTER TABLE cannot be read with the columns after it."""
    return _MEANINGS.search(statement.text) is not None


def changes_partitions(statement: Statement) -> bool:
    """Whether an ALTER TABLE takes rows away (or brings some) that the log does not tell."""
    return _PARTITIONS.search(statement.text) is not None


def changes_versioning(statement: Statement) -> bool:
    """Whether an ALTER TABLE begins or ends the keeping of a table's history."""
    return _VERSIONS.search(_COMMENT.sub(" ", statement.text)) is not None


def writes(statement: Statement, database: str, tables: Iterable[str]) -> str | None:
    """Return which of `database`'s tables a statement may write that is there instead of rows."""
    text = statement.text
    if _WRITES.match(_COMMENT.sub(" ", text)) is None:
        return None
    if statement.database != database and database not in text:
        return None
    words = set(re.findall(r"`((?:[^`]|``)+)`|([\w$]+)", text))
    names = {first.replace("``", "`") or second for first, second in words}
    return next((table for table in tables if table in names), None)


def _own(found: re.Match[str], statement: Statement, database: str) -> str | None:
    first, second = found[1] or found[2], found[3] or found[4]
    where, table = (first, second) if second else (statement.database, first)
    return table.replace("``", "`") if where.replace("``", "`") == database else None
