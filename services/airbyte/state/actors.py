"""Sources and destinations, workspaces, discovered catalogs."""

from __future__ import annotations

import datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from psycopg.types.json import Jsonb

from services.airbyte.state.database import Db
from services.airbyte.state.records import Actor, Json, Kind, Workspace
from services.common.errors import NotFoundError

# The same on every installation, so that definitions as code can name it.
WORKSPACE_ID = uuid5(UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8"), "https://lakelet/workspace")

_COLUMNS = (
    "id, kind, workspace_id, definition_id, name, configuration, deleted, created_at, updated_at"
)


def ensure_workspace(db: Db) -> None:
    """Make the workspace that is always there, if it is not."""
    db.execute(
        "INSERT INTO workspaces (id, name, slug) VALUES (%s, 'Lakelet', 'lakelet')"
        " ON CONFLICT DO NOTHING",
        (WORKSPACE_ID,),
    )


def workspaces(db: Db) -> list[Workspace]:
    """Return all workspaces."""
    rows = db.execute(
        "SELECT id, name, slug, created_at FROM workspaces WHERE NOT tombstone ORDER BY created_at"
    )
    return [Workspace(**row) for row in rows]


def workspace(db: Db, identity: UUID) -> Workspace:
    """Return one workspace. Raises NotFoundError."""
    for found in workspaces(db):
        if found.id == identity:
            return found
    raise NotFoundError(f"workspace {identity} does not exist")


def create(
    db: Db, kind: Kind, workspace_id: UUID, definition: UUID, name: str, conf: Json
) -> Actor:
    """Store a new source or destination; secrets in `conf` are encrypted already."""
    row = db.execute(
        "INSERT INTO actors (id, kind, workspace_id, definition_id, name, configuration)"
        f" VALUES (%s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
        (uuid4(), kind, workspace_id, definition, name, Jsonb(conf)),
    ).fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING gives a row
    return Actor(**row)


def get(db: Db, kind: Kind, identity: UUID, *, deleted: bool = False) -> Actor:
    """Return one source or destination. Raises NotFoundError."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM actors WHERE id = %s AND kind = %s",
        (identity, kind),
    ).fetchone()
    if row is None or (row["deleted"] and not deleted):
        raise NotFoundError(f"{kind} {identity} does not exist")
    return Actor(**row)


def listing(
    db: Db, kind: Kind, workspace_ids: list[UUID] | None = None, *, deleted: bool = False
) -> list[Actor]:
    """Return the sources or destinations of the workspaces (all when None), oldest first.

    `deleted`: those too, of which no configuration is left.
    """
    query = f"SELECT {_COLUMNS} FROM actors WHERE kind = %s AND (%s OR NOT deleted)"
    values: list[Any] = [kind, deleted]
    if workspace_ids is not None:
        query += " AND workspace_id = ANY(%s)"
        values.append(workspace_ids)
    return [Actor(**row) for row in db.execute(query + " ORDER BY created_at", values)]


def update(db: Db, actor: Actor, name: str, conf: Json) -> Actor:
    """Change name and configuration (secrets encrypted already)."""
    row = db.execute(
        "UPDATE actors SET name = %s, configuration = %s, updated_at = now()"
        f" WHERE id = %s RETURNING {_COLUMNS}",
        (name, Jsonb(conf), actor.id),
    ).fetchone()
    if row is None:
        raise NotFoundError(f"{actor.kind} {actor.id} does not exist")
    return Actor(**row)


def delete(db: Db, actor: Actor) -> None:
    """Mark as deleted, forget the configuration, and stop the connections that used it."""
    db.execute(
        "UPDATE actors SET deleted = true, configuration = '{}', updated_at = now() WHERE id = %s",
        (actor.id,),
    )
    db.execute(
        "UPDATE connections SET status = 'deprecated', updated_at = now()"
        " WHERE source_id = %(id)s OR destination_id = %(id)s",
        {"id": actor.id},
    )


def save_catalog(db: Db, actor: Actor, catalog: Json) -> UUID:
    """Keep a discovered catalog and return its id."""
    identity = uuid4()
    db.execute(
        "INSERT INTO catalogs (id, actor_id, catalog) VALUES (%s, %s, %s)",
        (identity, actor.id, Jsonb(catalog)),
    )
    return identity


def latest_catalog_and_time(db: Db, actor_id: UUID) -> tuple[Json, datetime.datetime] | None:
    """Return the newest discovered catalog of a source and when that was."""
    row = db.execute(
        "SELECT catalog, created_at FROM catalogs WHERE actor_id = %s"
        " ORDER BY created_at DESC LIMIT 1",
        (actor_id,),
    ).fetchone()
    return (row["catalog"], row["created_at"]) if row else None


def latest_catalog(db: Db, actor_id: UUID) -> Json | None:
    """Return the newest discovered catalog of a source, if there is one."""
    found = latest_catalog_and_time(db, actor_id)
    return found[0] if found else None
