"""Wiki texts and tags on entities, each with a version that guards against lost updates."""

from __future__ import annotations

import uuid

from psycopg_pool import ConnectionPool

from services.dremio.state.errors import conflict
from services.dremio.state.postgres import connected


def wiki(pool: ConnectionPool, entity_id: str) -> tuple[str, int] | None:
    """Return (text, version), None when there is none."""
    with connected(pool) as connection:
        row = connection.execute(
            "SELECT text, version FROM wiki WHERE entity_id = %s", (entity_id,)
        ).fetchone()
    return (row[0], row[1]) if row else None


def set_wiki(pool: ConnectionPool, entity_id: str, text: str, version: int | None) -> int:
    """Store a text, return its version. Raises DremioError (CONFLICT): `version` is not current."""
    with connected(pool) as connection:
        if version is None:
            done = connection.execute(
                "INSERT INTO wiki VALUES (%s, %s, 0) ON CONFLICT DO NOTHING RETURNING version",
                (entity_id, text),
            ).fetchone()
        else:
            done = connection.execute(
                "UPDATE wiki SET text = %s, version = version + 1 "
                "WHERE entity_id = %s AND version = %s RETURNING version",
                (text, entity_id, version),
            ).fetchone()
    if done is None:
        raise conflict(f"The wiki has changed: version [{version}] is not the current one")
    return int(done[0])


def labels(pool: ConnectionPool, entity_id: str) -> tuple[list[str], str] | None:
    """Return (tags, version), None when there are none."""
    with connected(pool) as connection:
        row = connection.execute(
            "SELECT tags, version FROM label WHERE entity_id = %s", (entity_id,)
        ).fetchone()
    return (list(row[0]), str(row[1])) if row else None


def set_labels(pool: ConnectionPool, entity_id: str, tags: list[str], version: str | None) -> str:
    """Store tags, return their version. Raises DremioError (CONFLICT): `version` is not current."""
    fresh = str(uuid.uuid4())
    with connected(pool) as connection:
        if version is None:
            done = connection.execute(
                "INSERT INTO label VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING version",
                (entity_id, tags, fresh),
            ).fetchone()
        else:
            done = connection.execute(
                "UPDATE label SET tags = %s, version = %s "
                "WHERE entity_id = %s AND version::text = %s RETURNING version",
                (tags, fresh, entity_id, version),
            ).fetchone()
    if done is None:
        raise conflict(f"The tags have changed: version [{version}] is not the current one")
    return fresh
