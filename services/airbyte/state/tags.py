"""Tags: names and colours that connections are labelled with."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from psycopg import errors

from services.airbyte.state.database import Db
from services.airbyte.state.records import Json
from services.common.errors import NotFoundError, RefusedError

_COLUMNS = "id, workspace_id, name, color"


def _tag(row: dict[str, Any]) -> Json:
    return {
        "tagId": str(row["id"]),
        "workspaceId": str(row["workspace_id"]),
        "name": row["name"],
        "color": row["color"],
    }


def listing(db: Db, workspace_ids: list[UUID] | None = None) -> list[Json]:
    """Return the tags of the workspaces (all when None) by name."""
    query, values = f"SELECT {_COLUMNS} FROM tags", []
    if workspace_ids is not None:
        query, values = query + " WHERE workspace_id = ANY(%s)", [workspace_ids]
    return [_tag(row) for row in db.execute(query + " ORDER BY name", values)]


def get(db: Db, identity: UUID) -> Json:
    """Return a tag. Raises NotFoundError."""
    row = db.execute(f"SELECT {_COLUMNS} FROM tags WHERE id = %s", (identity,)).fetchone()
    if row is None:
        raise NotFoundError(f"tag {identity} does not exist")
    return _tag(row)


def create(db: Db, workspace_id: UUID, name: str, color: str) -> Json:
    """Store a new tag. Raises RefusedError when the workspace has one of that name."""
    try:
        row = db.execute(
            "INSERT INTO tags (id, workspace_id, name, color) VALUES (%s, %s, %s, %s)"
            f" RETURNING {_COLUMNS}",
            (uuid4(), workspace_id, name, color),
        ).fetchone()
    except errors.UniqueViolation as error:
        raise RefusedError(f"the workspace has a tag {name!r} already") from error
    assert row is not None  # noqa: S101 - INSERT … RETURNING gives a row
    return _tag(row)


def update(db: Db, identity: UUID, name: str, color: str) -> Json:
    """Change name and colour. Raises NotFoundError, RefusedError as `create` does."""
    try:
        row = db.execute(
            f"UPDATE tags SET name = %s, color = %s WHERE id = %s RETURNING {_COLUMNS}",
            (name, color, identity),
        ).fetchone()
    except errors.UniqueViolation as error:
        raise RefusedError(f"the workspace has a tag {name!r} already") from error
    if row is None:
        raise NotFoundError(f"tag {identity} does not exist")
    return _tag(row)


def delete(db: Db, identity: UUID) -> Json:
    """Remove a tag and return what it was. Raises NotFoundError."""
    found = get(db, identity)
    db.execute("DELETE FROM tags WHERE id = %s", (identity,))
    return found
