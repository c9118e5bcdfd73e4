"""Tables as the log describes them: Relation messages."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import psycopg

from services.airbyte.sources.postgres.tables import BASE, DOMAINS, SourceColumn
from services.airbyte.sources.postgres.types import map_type

_TYPES = f"""{DOMAINS}
SELECT w.position, t.typname AS type,
       base.name AS base,
       CASE WHEN w.typmod < 0 THEN coalesce(m.typmod, -1) ELSE w.typmod END AS typmod,
       coalesce(e.typtype, b.typtype, t.typtype) = 'e' AS is_enum,
       coalesce(a.attndims, 1) AS dimensions
FROM unnest(%(oids)s::oid[], %(typmods)s::int[], %(names)s::text[]) WITH ORDINALITY
     AS w (oid, typmod, name, position)
JOIN pg_type t ON t.oid = w.oid{BASE}
LEFT JOIN pg_attribute a ON a.attrelid = %(relation)s AND a.attname = w.name
"""


@dataclass(frozen=True)
class Relation:
    """A table at one moment of the log; `identity` is PostgreSQL's relreplident."""

    oid: int
    schema: str
    name: str
    identity: str
    names: tuple[str, ...]
    key: frozenset[str]
    types: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, message: bytes) -> Relation:
        """Read a Relation message (without its type byte)."""
        (oid,) = struct.unpack_from("!I", message)
        schema, name, rest = message[4:].split(b"\0", 2)
        identity = chr(rest[0])
        (count,) = struct.unpack_from("!H", rest, 1)
        at, names, key, types = 3, [], set(), []
        for _ in range(count):
            flags = rest[at]
            end = rest.index(b"\0", at + 1)
            column = rest[at + 1 : end].decode()
            names.append(column)
            if flags & 1:
                key.add(column)
            types.append(struct.unpack_from("!Ii", rest, end + 1))
            at = end + 9
        return cls(
            oid,
            schema.decode() or "pg_catalog",
            name.decode(),
            identity,
            tuple(names),
            frozenset(key),
            tuple((kind, typmod) for kind, typmod in types),
        )


def source_columns(
    db: psycopg.Connection[dict[str, Any]], relation: Relation
) -> tuple[SourceColumn, ...]:
    """Return how the relation's columns lie in bronze; a type that is gone by now is text."""
    rows = db.execute(
        _TYPES,
        {
            "oids": [kind for kind, _ in relation.types],
            "typmods": [typmod for _, typmod in relation.types],
            "names": list(relation.names),
            "relation": relation.oid,
        },
    ).fetchall()
    by_position = {row["position"]: row for row in rows}
    columns = []
    for position, name in enumerate(relation.names, start=1):
        row = by_position.get(position)
        base = row["base"] if row else "text"
        mapping = (
            map_type(base, row["typmod"], row["dimensions"], is_enum=row["is_enum"])
            if row
            else map_type("text", -1, 0, is_enum=False)
        )
        columns.append(SourceColumn(name, base, mapping, can_be_cursor=False))
    return tuple(columns)


def root_of(db: psycopg.Connection[dict[str, Any]], relation: Relation) -> int:
    """Return the oid of the table that the relation is a partition of, or its own."""
    row = db.execute("SELECT pg_partition_root(%s)::oid::bigint AS root", [relation.oid]).fetchone()
    return int(row["root"]) if row and row["root"] else relation.oid


def partitions_of(db: psycopg.Connection[dict[str, Any]], oid: int) -> frozenset[int]:
    """Return the oids of the tables that hold a table's rows: its partitions, or its own."""
    rows = db.execute(
        "SELECT relid::oid::bigint AS oid FROM pg_partition_tree(%s) WHERE isleaf", [oid]
    ).fetchall()
    return frozenset(row["oid"] for row in rows) or frozenset({oid})


def named(db: psycopg.Connection[dict[str, Any]], schema: str, name: str) -> int | None:
    """Return the oid of the table that has this name now; None when there is none."""
    row = db.execute(
        "SELECT c.oid::bigint AS oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s",
        [schema, name],
    ).fetchone()
    return int(row["oid"]) if row else None
