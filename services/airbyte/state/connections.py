"""Connections."""

from __future__ import annotations

import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import sql
from psycopg.types.json import Jsonb

from services.airbyte.state.database import Db
from services.airbyte.state.records import Connection
from services.common.errors import NotFoundError

_FIELDS = (
    "name",
    "source_id",
    "destination_id",
    "namespace_definition",
    "namespace_format",
    "prefix",
    "catalog",
    "schedule_type",
    "schedule_data",
    "status",
    "options",
)
_JSON = frozenset({"catalog", "schedule_data", "options"})
_COLUMNS = sql.SQL(", ").join(
    sql.Identifier(name) for name in ("id", *_FIELDS, "created_at", "updated_at")
)


def _values(fields: dict[str, Any]) -> list[Any]:
    return [
        Jsonb(value) if name in _JSON and value is not None else value
        for name, value in fields.items()
    ]


def create(db: Db, fields: dict[str, Any]) -> Connection:
    """Store a new connection."""
    query = sql.SQL("INSERT INTO connections (id, {}) VALUES (%s, {}) RETURNING {}").format(
        sql.SQL(", ").join(map(sql.Identifier, fields)),
        sql.SQL(", ").join(sql.Placeholder() * len(fields)),
        _COLUMNS,
    )
    row = db.execute(query, [uuid4(), *_values(fields)]).fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING gives a row
    return Connection(**row)


def update(db: Db, identity: UUID, fields: dict[str, Any]) -> Connection:
    """Change the given fields. Raises NotFoundError."""
    if not fields:
        return get(db, identity)
    assignments = [sql.SQL("{} = %s").format(sql.Identifier(name)) for name in fields]
    query = sql.SQL("UPDATE connections SET {}, updated_at = now() WHERE id = %s RETURNING {}")
    row = db.execute(
        query.format(sql.SQL(", ").join(assignments), _COLUMNS), [*_values(fields), identity]
    ).fetchone()
    if row is None:
        raise NotFoundError(f"connection {identity} does not exist")
    return Connection(**row)


def get(db: Db, identity: UUID, *, lock: bool = False) -> Connection:
    """Return one connection, also a deleted (`deprecated`) one. Raises NotFoundError.

    `lock`: no one else changes or deletes it, or starts its jobs, until the transaction ends.
    """
    query = sql.SQL("SELECT {} FROM connections WHERE id = %s {}").format(
        _COLUMNS, sql.SQL("FOR UPDATE" if lock else "")
    )
    row = db.execute(query, (identity,)).fetchone()
    if row is None:
        raise NotFoundError(f"connection {identity} does not exist")
    return Connection(**row)


def changed(db: Db, identity: UUID) -> datetime.datetime:
    """Return when a connection or its source was last changed. Raises NotFoundError."""
    row = db.execute(
        "SELECT greatest(c.updated_at, a.updated_at) AS at"
        " FROM connections c JOIN actors a ON a.id = c.source_id WHERE c.id = %s",
        (identity,),
    ).fetchone()
    if row is None:
        raise NotFoundError(f"connection {identity} does not exist")
    at: datetime.datetime = row["at"]
    return at


def listing(db: Db, *, deleted: bool = False) -> list[Connection]:
    """Return all connections, oldest first; without the deleted ones unless asked for."""
    query = sql.SQL("SELECT {} FROM connections {} ORDER BY created_at").format(
        _COLUMNS, sql.SQL("" if deleted else "WHERE status <> 'deprecated'")
    )
    return [Connection(**row) for row in db.execute(query)]
