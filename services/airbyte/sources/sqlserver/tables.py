"""Tables, views and their columns, as the catalog views have them.

Facts (Microsoft's "System catalog views"): an alias type's `system_type_id` is the type it is made
of; all CLR types share 240. HAS_PERMS_BY_NAME tells what the user may read, column by column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.airbyte.cdk.columns import Column
from services.airbyte.sources.sqlserver.connecting import Session, query
from services.airbyte.sources.sqlserver.names import identifier, text
from services.airbyte.sources.sqlserver.types import Declared, Mapping, map_type, width

_COLUMNS = """
SELECT s.name AS sch, o.name AS tab, o.type AS kind, o.object_id AS id, c.name AS name,
       ty.name AS type, c.max_length AS length, c.precision AS prec, c.scale AS scale,
       CASE WHEN t.object_id IS NULL THEN 0 ELSE 1 END AS tracked
FROM sys.objects AS o
JOIN sys.schemas AS s ON s.schema_id = o.schema_id
JOIN sys.columns AS c ON c.object_id = o.object_id
JOIN sys.types AS ty ON ty.user_type_id
  = CASE WHEN c.system_type_id = 240 THEN c.user_type_id ELSE c.system_type_id END
LEFT JOIN sys.change_tracking_tables AS t ON t.object_id = o.object_id
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 AND {condition}
ORDER BY s.name, o.name, c.column_id
"""
_PERMITTED = (
    "HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'SELECT', c.name,"
    " 'COLUMN') = 1"
)

_KEYS = """
SELECT o.object_id AS id, c.name AS name
FROM sys.indexes AS i
JOIN sys.index_columns AS k ON k.object_id = i.object_id AND k.index_id = i.index_id
JOIN sys.columns AS c ON c.object_id = k.object_id AND c.column_id = k.column_id
JOIN sys.objects AS o ON o.object_id = i.object_id
JOIN sys.schemas AS s ON s.schema_id = o.schema_id
WHERE i.is_primary_key = 1 AND {condition}
ORDER BY o.object_id, k.key_ordinal
"""


@dataclass(frozen=True)
class SourceColumn:
    """A column with how it is read; `width` in bytes is what the driver keeps for a value."""

    name: str
    type_name: str
    mapping: Mapping
    width: int = 0

    @property
    def column(self) -> Column:
        """The column as it lies in the table."""
        return Column(self.name, self.mapping.type)

    def select(self, alias: str = "") -> str:
        """Return the select list's entry; `alias` is the table's, with its dot."""
        name = identifier(self.name)
        return f"{self.mapping.select.replace('{}', alias + name)} AS {name}"


@dataclass(frozen=True)
class SourceTable:
    """A table or view; `tracked`: its changes are tracked now."""

    schema: str
    name: str
    id: int
    columns: tuple[SourceColumn, ...]
    primary_key: tuple[str, ...]
    is_view: bool = False
    tracked: bool = False

    @property
    def full_name(self) -> str:
        """The name as statements have it."""
        return f"{identifier(self.schema)}.{identifier(self.name)}"


def believed_rows(db: Session, table: SourceTable) -> int | None:
    """Return how many rows the server believes a table has; None for a view."""
    found = query(
        db,
        "SELECT SUM(p.rows) AS n FROM sys.partitions AS p"
        f" WHERE p.object_id = {table.id} AND p.index_id IN (0, 1)",
    )
    return int(found[0]["n"]) if found[0]["n"] else None


def find_tables(
    db: Session, schemas: Sequence[str], table: str | None = None, *, permitted: bool = True
) -> list[SourceTable]:
    """Return the tables and views in `schemas` (none: in all) whose columns the user may read."""
    parts = []
    if schemas:
        parts.append(f"s.name IN ({', '.join(map(text, schemas))})")
    if table is not None:
        parts.append(f"o.name = {text(table)}")
    condition = " AND ".join(parts) or "1 = 1"
    keys: dict[int, list[str]] = {}
    for row in query(db, _KEYS.format(condition=condition)):
        keys.setdefault(row["id"], []).append(row["name"])
    if permitted:
        condition = f"{condition} AND {_PERMITTED}"
    heads: dict[int, tuple[str, str, bool, bool]] = {}
    columns: dict[int, list[SourceColumn]] = {}
    for row in query(db, _COLUMNS.format(condition=condition)):
        declared = Declared(row["type"].lower(), row["length"], row["prec"], row["scale"])
        is_view = row["kind"].strip() == "V"
        heads[row["id"]] = (row["sch"], row["tab"], is_view, bool(row["tracked"]))
        columns.setdefault(row["id"], []).append(
            SourceColumn(row["name"], declared.name, map_type(declared), width(declared))
        )
    return [
        SourceTable(
            schema, name, number, tuple(columns[number]), tuple(keys.get(number, ())), is_view, on
        )
        for number, (schema, name, is_view, on) in heads.items()
    ]
