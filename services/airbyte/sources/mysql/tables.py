"""Tables, views and their columns, as information_schema has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from services.airbyte.cdk.columns import Column
from services.airbyte.sources.mysql.connecting import Session, query
from services.airbyte.sources.mysql.types import Declared, Mapping, map_type

# Types of columns that can say what is new: they have an order and a maximum.
_CURSORS = frozenset(
    {
        *("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "double"),
        *("date", "time", "datetime", "timestamp", "year", "char", "varchar", "uuid"),
    }
)

_COLUMNS = """
SELECT c.TABLE_NAME AS tab, t.ENGINE AS engine, t.TABLE_TYPE AS kind,
       c.COLUMN_NAME AS name, lower(c.DATA_TYPE) AS type, c.COLUMN_TYPE AS full_type,
       coalesce(c.CHARACTER_SET_NAME, '') AS charset,
       c.NUMERIC_PRECISION AS prec, c.NUMERIC_SCALE AS scale
FROM information_schema.COLUMNS c
JOIN information_schema.TABLES t
  ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
WHERE c.TABLE_SCHEMA = %s AND (%s IS NULL OR c.TABLE_NAME = %s)
  AND t.TABLE_TYPE IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION
"""

_KEYS = """
SELECT TABLE_NAME AS tab, COLUMN_NAME AS name FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = %s AND (%s IS NULL OR TABLE_NAME = %s) AND INDEX_NAME = 'PRIMARY'
ORDER BY TABLE_NAME, SEQ_IN_INDEX
"""


@dataclass(frozen=True)
class SourceColumn:
    """A column with how it is read."""

    name: str
    type_name: str
    mapping: Mapping
    can_be_cursor: bool
    full_type: str = ""
    charset: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """The values of an ENUM or SET, as COLUMN_TYPE lists them."""
        if self.type_name not in ("enum", "set"):
            return ()
        found = re.findall(r"'((?:[^']|'')*)'", self.full_type)
        return tuple(text.replace("''", "'") for text in found)

    @property
    def unsigned(self) -> bool:
        """Whether a number has no sign."""
        return "unsigned" in self.full_type.lower()

    @property
    def column(self) -> Column:
        """The column as it lies in the table."""
        return Column(self.name, self.mapping.type)


@dataclass(frozen=True)
class SourceTable:
    """A table or view of a database."""

    database: str
    name: str
    columns: tuple[SourceColumn, ...]
    primary_key: tuple[str, ...]
    is_view: bool = False
    unlike: str | None = None
    """Why its rows cannot be followed in the log; None where they can."""


def believed_size(db: Session, table: SourceTable) -> tuple[int | None, int | None]:
    """Return the rows and bytes that the server believes a table has; None: it has no idea."""
    found = query(
        db,
        "SELECT TABLE_ROWS AS n, DATA_LENGTH AS size FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        table.database,
        table.name,
    )
    if not found or not found[0]["n"]:
        return None, None
    return int(found[0]["n"]), int(found[0]["size"] or 0) or None


def identifier(name: str) -> str:
    """Return `name` as the servers quote identifiers."""
    return "`" + name.replace("`", "``") + "`"


def find_tables(
    db: Session, database: str, table: str | None = None, *, tinyint1_is_bit: bool = True
) -> list[SourceTable]:
    """Return the tables and views of `database` whose columns the user may read."""
    keys: dict[str, list[str]] = {}
    for row in query(db, _KEYS, database, table, table):
        keys.setdefault(row["tab"], []).append(row["name"])
    columns: dict[str, list[SourceColumn]] = {}
    views: set[str] = set()
    unlike: dict[str, str] = {}
    for row in query(db, _COLUMNS, database, table, table):
        declared = Declared(
            row["type"], row["full_type"].lower(), int(row["prec"] or 0), int(row["scale"] or 0)
        )
        columns.setdefault(row["tab"], []).append(
            SourceColumn(
                row["name"],
                row["type"],
                map_type(declared, tinyint1_is_bit=tinyint1_is_bit),
                row["type"] in _CURSORS,
                row["full_type"],
                row["charset"],
            )
        )
        if row["kind"] == "VIEW":
            views.add(row["tab"])
        elif why := _unlike(row):
            unlike.setdefault(row["tab"], why)
    return [
        SourceTable(
            database, name, tuple(found), tuple(keys.get(name, ())), name in views, unlike.get(name)
        )
        for name, found in columns.items()
    ]


def _unlike(row: dict[str, Any]) -> str | None:
    """Return why a table's log cannot be followed, as one of its columns has it."""
    instead = "read it with full_refresh or with replication_method STANDARD"
    if row["kind"] == "SYSTEM VERSIONED":
        return (
            f"table {row['tab']} is system-versioned, and its log does not tell rows of its history"
            f" from its own: {instead}, or ALTER TABLE {row['tab']} DROP SYSTEM VERSIONING"
        )
    if "compressed" in row["full_type"].lower():
        return (
            f"the log holds column {row['name']} of table {row['tab']} compressed, which cannot be"
            f" read: {instead}, or MODIFY the column without COMPRESSED"
        )
    return None
