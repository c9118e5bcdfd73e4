"""Custom source definitions as they are stored."""

from __future__ import annotations

from uuid import UUID

from psycopg.types.json import Jsonb

from services.airbyte.definitions.registry import Definition
from services.airbyte.state.database import Db

_COLUMNS = (
    "id, name, docker_repository, docker_image_tag, documentation_url, connector, spec, version,"
    " local, deleted"
)


def listing(db: Db) -> list[Definition]:
    """Return all custom definitions, also deleted ones: sources may still name them."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM custom_definitions ORDER BY created_at")
    return [
        Definition(
            kind="source",
            release_stage="custom",
            support_level="none",
            custom=True,
            **row,
        )
        for row in rows
    ]


def put(db: Db, definition: Definition) -> None:
    """Store a new definition, or a known one's new state."""
    db.execute(
        f"INSERT INTO custom_definitions ({_COLUMNS})"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET"
        " name = excluded.name, docker_repository = excluded.docker_repository,"
        " docker_image_tag = excluded.docker_image_tag,"
        " documentation_url = excluded.documentation_url, connector = excluded.connector,"
        " spec = excluded.spec, version = excluded.version, local = excluded.local,"
        " deleted = excluded.deleted",
        (
            definition.id,
            definition.name,
            definition.docker_repository,
            definition.docker_image_tag,
            definition.documentation_url,
            definition.connector,
            Jsonb(definition.spec),
            definition.version,
            definition.local,
            definition.deleted,
        ),
    )


def forget(db: Db, identity: UUID) -> None:
    """Mark a definition as deleted."""
    db.execute("UPDATE custom_definitions SET deleted = true WHERE id = %s", (identity,))
