"""What the publication holds: which tables, and which of their columns and rows."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import psycopg

from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.postgres.cdc.config import CdcConfig
from services.airbyte.sources.postgres.tables import SourceTable

Db = psycopg.Connection[dict[str, Any]]
Name = tuple[str, str]

# From 15 on a publication may leave out columns and rows; generated columns it may hold from 18 on.
_LISTS, _GENERATED = 150_000, 180_000

# By names: a cast to regclass may be tried with schemas that the user may not see.
_TABLES = """
SELECT n.nspname AS schema, c.relname AS name, c.oid::bigint AS oid, {filter} AS filter,
       array(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped AND {listed})
           AS columns,
       array(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
               AND (r.relreplident = 'f' OR EXISTS (
                   SELECT 1 FROM pg_index x WHERE x.indrelid = r.oid AND a.attnum = ANY(x.indkey)
                   AND (r.relreplident = 'd' AND x.indisprimary OR x.indisreplident))))
           AS identity,
       c.relkind = 'r' AND EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = c.oid)
           AS inherited,
       coalesce((SELECT m.oid FROM pg_publication_rel m
                 WHERE m.prpubid = u.oid AND m.prrelid = c.oid),
                CASE WHEN u.puballtables THEN u.oid END, 0)::bigint AS member,
       row_security_active(c.oid) AS secured
FROM pg_publication_tables p
JOIN pg_publication u ON u.pubname = p.pubname
JOIN pg_namespace s ON s.nspname = p.schemaname
JOIN pg_class r ON r.relnamespace = s.oid AND r.relname = p.tablename
JOIN pg_class c ON c.oid = coalesce(pg_partition_root(r.oid), r.oid)
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.pubname = %s
"""
# Which partitions tables have (`mark`), and one whose changes are not in the log (`silent`).
_PARTITIONS = """
WITH told AS MATERIALIZED (
    SELECT r.oid, pg_partition_root(r.oid) AS root
    FROM pg_publication_tables p
    JOIN pg_namespace s ON s.nspname = p.schemaname
    JOIN pg_class r ON r.relnamespace = s.oid AND r.relname = p.tablename
    WHERE p.pubname = %s
)
SELECT w.root::oid::bigint AS root,
       count(*) || ':' || md5(string_agg(l.oid::text, ',' ORDER BY l.oid)) AS mark,
       min(format('%%s.%%s', n.nspname, l.relname)) FILTER (
           WHERE l.relkind = 'f' OR l.relpersistence <> 'p' OR NOT EXISTS (
               SELECT 1 FROM pg_partition_ancestors(l.oid) a JOIN told ON told.oid = a.relid))
           AS silent
FROM (SELECT DISTINCT root FROM told WHERE root IS NOT NULL) AS w
CROSS JOIN LATERAL pg_partition_tree(w.root) AS t
JOIN pg_class l ON l.oid = t.relid
JOIN pg_namespace n ON n.oid = l.relnamespace
WHERE t.isleaf
GROUP BY w.root
"""
_KINDS = """
SELECT pubinsert AS "INSERT", pubupdate AS "UPDATE", pubdelete AS "DELETE",
       pubtruncate AS "TRUNCATE"
FROM pg_publication WHERE pubname = %s
"""


@dataclass(frozen=True)
class Published:
    """A table of the publication; partitions count as their root.

    `oid` stays the same while the table is renamed and altered, `member` while it stays in the
    publication (0 where that is not known: by its schema, or by its partitions). `identity` are the
    columns that the log tells of deleted rows (of one of the partitions). `condition` is
    PostgreSQL's SQL of the rows that the log tells of, None: of all. `unlike` says in what the
    log cannot be followed from what the user reads, None where it can. `partitions`
    changes with the table's partitions; '' where it has none.
    """

    schema: str
    name: str
    oid: int
    member: int
    columns: frozenset[str]
    identity: frozenset[str]
    condition: str | None
    unlike: str | None
    partitions: str

    def of(self, table: SourceTable) -> SourceTable:
        """Return the table with the columns that the log tells of."""
        columns = tuple(column for column in table.columns if column.name in self.columns)
        return dataclasses.replace(table, columns=columns)


def published_tables(db: Db, cdc: CdcConfig) -> dict[Name, Published]:
    """Return what the publication holds, by (schema, table).

    Raises ConnectorError where partitions of a table are published with different conditions.
    """
    version = db.info.server_version
    listed = "a.attname = ANY(p.attnames)" if version >= _LISTS else "true"
    if version < _GENERATED:
        listed += " AND a.attgenerated = ''"
    parted = {row["root"]: row for row in db.execute(_PARTITIONS, [cdc.publication])}
    query = _TABLES.format(filter="p.rowfilter" if version >= _LISTS else "NULL", listed=listed)
    found: dict[Name, Published] = {}
    for row in db.execute(query, [cdc.publication]):
        condition = row["filter"]
        if row["inherited"]:  # its heirs are tables, and streams, of their own
            own = f"tableoid = {row['oid']}"
            condition = own if condition is None else f"({condition}) AND {own}"
        table = Published(
            row["schema"],
            row["name"],
            row["oid"],
            row["member"],
            frozenset(row["columns"]),
            frozenset(row["identity"]),
            condition,
            _unlike(db, cdc, row, parted.get(row["oid"], {}).get("silent")),
            parted.get(row["oid"], {}).get("mark", ""),
        )
        other = found.setdefault((table.schema, table.name), table)
        if other.condition != table.condition:
            raise config_error(
                f"the partitions of {table.schema}.{table.name} are in publication"
                f" {cdc.publication!r} with different WHERE: ALTER PUBLICATION {cdc.publication}"
                " SET (publish_via_partition_root = true), and one WHERE for the whole table"
            )
        if other.columns != table.columns:
            both = other.columns & table.columns
            found[table.schema, table.name] = dataclasses.replace(table, columns=both)
    return found


def _unlike(db: Db, cdc: CdcConfig, row: dict[str, Any], silent: str | None) -> str | None:
    name = f"{row['schema']}.{row['name']}"
    if row["secured"]:
        return (
            f"row level security decides which rows of {name} user {db.info.user!r} may see, and"
            f" the log tells of all: ALTER ROLE {db.info.user} BYPASSRLS, or read the table with"
            " full_refresh or by another replication_method"
        )
    if silent:
        return (
            f"the log does not tell of {name}'s partition {silent} (it is foreign, unlogged or not"
            f" in publication {cdc.publication!r}): publish the table with all of its partitions,"
            " or read it with full_refresh"
        )
    return None


def left_out(db: Db, cdc: CdcConfig) -> list[str]:
    """Return the kinds of changes that the publication does not publish (`publish`)."""
    row = db.execute(_KINDS, [cdc.publication]).fetchone() or {}
    return [kind for kind, published in row.items() if not published]


def unpublished(db: Db, cdc: CdcConfig, schema: str, name: str) -> str:
    """Return why a table cannot be read from the log, with the statement that helps."""
    row = db.execute(
        "SELECT format('%%I.%%I', %(schema)s::text, %(name)s::text) AS quoted,"
        " format('%%I', %(publication)s::text) AS publication,"
        " to_regclass(format('%%I.%%I', %(schema)s::text, %(name)s::text)) AS there",
        {"schema": schema, "name": name, "publication": cdc.publication},
    ).fetchone()
    assert row is not None  # noqa: S101 - SELECT without FROM gives a row
    told = f"table {schema}.{name} is not in publication {cdc.publication!r}"
    if row["there"] is None:
        return f"{told}, and not in the database (any more): deselect it, or make it again"
    return (
        f"{told}: ALTER PUBLICATION {row['publication']} ADD TABLE {row['quoted']},"
        " or read it with full_refresh"
    )
