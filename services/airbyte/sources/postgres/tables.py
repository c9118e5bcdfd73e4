"""Tables, views and their columns, as the source's catalog has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from services.airbyte.cdk.columns import Column
from services.airbyte.sources.postgres.types import Mapping, map_type

# Types of columns that can say what is new: they have an order and a maximum.
_CURSORS = frozenset(
    {
        *("int2", "int4", "int8", "numeric", "float4", "float8", "oid"),
        *("text", "varchar", "bpchar", "name", "uuid"),
        *("date", "time", "timetz", "timestamp", "timestamptz"),
    }
)

# What a domain is made of, through domains of domains: joined as `m` with the column's type `t`.
# `base.name` tells PostgreSQL's own types from others of the same name: these have their schema's
# name before, and arrays of them an underscore, too.
DOMAINS = """
WITH RECURSIVE made AS (
    SELECT oid AS domain, typbasetype AS base, typtypmod AS typmod
    FROM pg_type WHERE typtype = 'd'
    UNION ALL
    SELECT made.domain, d.typbasetype,
           CASE WHEN made.typmod < 0 THEN d.typtypmod ELSE made.typmod END
    FROM made JOIN pg_type d ON d.oid = made.base AND d.typtype = 'd'
)"""
BASE = """
LEFT JOIN made m ON m.domain = t.oid
    AND NOT EXISTS (SELECT FROM pg_type d WHERE d.oid = m.base AND d.typtype = 'd')
LEFT JOIN pg_type b ON b.oid = m.base
CROSS JOIN LATERAL (
    SELECT CASE WHEN k.typnamespace = 'pg_catalog'::regnamespace THEN k.typname
                ELSE CASE k.typcategory WHEN 'A' THEN '_' ELSE '' END || s.nspname || '.'
                     || k.typname END AS name
    FROM pg_type k JOIN pg_namespace s ON s.oid = k.typnamespace
    WHERE k.oid = coalesce(b.oid, t.oid)
) AS base
LEFT JOIN pg_type e ON e.oid = coalesce(b.typelem, t.typelem)
    AND coalesce(b.typcategory, t.typcategory) = 'A'"""

_QUERY = f"""{DOMAINS}
SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind, c.reltuples::bigint AS rows,
       a.attname AS column, t.typname AS type, t.typtype AS typtype,
       base.name AS base,
       CASE WHEN a.atttypmod < 0 THEN coalesce(m.typmod, -1) ELSE a.atttypmod END AS typmod,
       a.attndims AS dimensions,
       coalesce(e.typtype, b.typtype, t.typtype) = 'e' AS is_enum,
       coalesce(array_position(i.indkey::int2[], a.attnum), -1) AS key_position
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid{BASE}
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname = ANY(%(schemas)s) AND (%(table)s::text IS NULL OR c.relname = %(table)s)
  AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY n.nspname, c.relname, a.attnum
"""


@dataclass(frozen=True)
class SourceColumn:
    """A column with how it is read."""

    name: str
    type_name: str
    mapping: Mapping
    can_be_cursor: bool

    @property
    def column(self) -> Column:
        """The column as it lies in the table."""
        return Column(self.name, self.mapping.type)


@dataclass(frozen=True)
class SourceTable:
    """A table or view; `kind` is PostgreSQL's relkind."""

    schema: str
    name: str
    kind: str
    columns: tuple[SourceColumn, ...]
    primary_key: tuple[str, ...]

    @property
    def has_xmin(self) -> bool:
        """Whether rows carry the transaction that wrote them."""
        return self.kind in ("r", "p", "m")


def find_tables(
    db: psycopg.Connection[dict[str, Any]], schemas: Sequence[str], table: str | None = None
) -> list[SourceTable]:
    """Return the tables and views of `schemas` whose columns the user may read."""
    grouped: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in db.execute(_QUERY, {"schemas": list(schemas), "table": table}):
        kind = row["kind"].decode() if isinstance(row["kind"], bytes) else row["kind"]
        grouped.setdefault((row["schema"], row["name"], kind), []).append(row)
    tables = []
    for (schema, name, kind), rows in grouped.items():
        key = sorted((r["key_position"], r["column"]) for r in rows if r["key_position"] >= 0)
        columns = tuple(
            SourceColumn(
                row["column"],
                row["base"],
                map_type(row["base"], row["typmod"], row["dimensions"], is_enum=row["is_enum"]),
                row["base"] in _CURSORS,
            )
            for row in rows
        )
        tables.append(SourceTable(schema, name, kind, columns, tuple(c for _, c in key)))
    return tables
