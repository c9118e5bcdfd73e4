"""Workspaces: one is always there, others can be made."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

from services.airbyte.state import actors
from services.airbyte.state.database import Db
from services.airbyte.state.records import Kind, Workspace
from services.common.errors import NotFoundError, RefusedError


def create(db: Db, name: str, identity: UUID | None = None) -> Workspace:
    """Store a new workspace; its slug is made from the name.

    Where there is one with the id `identity`, nothing is stored and that one is returned.
    """
    identity = identity or uuid4()
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "workspace"
    taken = {one.slug for one in actors.workspaces(db)}
    if slug in taken:
        slug = f"{slug}-{identity.hex[:8]}"
    db.execute(
        "INSERT INTO workspaces (id, name, slug) VALUES (%s, %s, %s) ON CONFLICT (id) DO NOTHING",
        (identity, name, slug),
    )
    return actors.workspace(db, identity)


def rename(db: Db, identity: UUID, name: str) -> Workspace:
    """Change a workspace's name. Raises NotFoundError."""
    actors.workspace(db, identity)
    db.execute("UPDATE workspaces SET name = %s WHERE id = %s", (name, identity))
    return actors.workspace(db, identity)


def delete(db: Db, identity: UUID) -> None:
    """Delete a workspace with its sources, destinations and connections; data stays.

    Raises NotFoundError, and RefusedError for the one that always is there.
    """
    actors.workspace(db, identity)
    if identity == actors.WORKSPACE_ID:
        raise RefusedError("this workspace is the platform's own and cannot be deleted")
    kinds: tuple[Kind, Kind] = ("source", "destination")
    for kind in kinds:
        for actor in actors.listing(db, kind, [identity]):
            actors.delete(db, actor)
    db.execute("UPDATE workspaces SET tombstone = true WHERE id = %s", (identity,))


def of_slug(db: Db, slug: str) -> Workspace:
    """Return the workspace with a slug. Raises NotFoundError."""
    for one in actors.workspaces(db):
        if one.slug == slug:
            return one
    raise NotFoundError(f"there is no workspace with the slug {slug!r}")
