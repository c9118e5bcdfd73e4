"""The web application's lists of connections, sources and destinations."""

from __future__ import annotations

from uuid import UUID

from services.airbyte.handlers.context import Context
from services.airbyte.state import actors, connections, lists
from services.airbyte.state.lists import Filters, Page, Use
from services.airbyte.state.records import Actor, Connection, Kind


def connections_page(
    ctx: Context, workspace: UUID, filters: Filters, page: Page
) -> tuple[list[Connection], int]:
    """Return a page of connections and how many there are. Raises NotFoundError (cursor)."""
    with ctx.db.connection() as db:
        ids, total = lists.connections(db, workspace, filters, page)
        return [connections.get(db, one) for one in ids], total


def actors_page(
    ctx: Context, kind: Kind, workspace: UUID | None, filters: Filters, page: Page
) -> tuple[list[tuple[Actor, Use]], int]:
    """Return a page of sources or destinations, with their use, and how many there are.

    Raises NotFoundError (cursor).
    """
    with ctx.db.connection() as db:
        known = actors.listing(db, kind, [workspace] if workspace else None)
        names = {one: ctx.registry.get(kind, one).name for one in {a.definition_id for a in known}}
        ids, total = lists.actors(db, kind, workspace, names, filters, page)
        used = lists.uses(db, kind, ids)
        by_id = {actor.id: actor for actor in known}
        return [(by_id[one], used[one]) for one in ids if one in by_id], total
