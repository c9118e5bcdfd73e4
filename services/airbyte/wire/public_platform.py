"""Public API: workspaces and definitions."""

from __future__ import annotations

from typing import Any

from services.airbyte.state import actors
from services.airbyte.state.records import Json
from services.airbyte.wire import public_render as render
from services.airbyte.wire.public_paging import identity, ids, limits, page


def workspaces(call: Any) -> Json:
    """WorkspacesResponse."""
    limit, offset = limits(call.query)
    chosen = ids(call.query, "workspaceIds")
    with call.ctx.db.connection() as db:
        found = [w for w in actors.workspaces(db) if chosen is None or w.id in chosen]
    shown = [render.workspace(w) for w in found[offset : offset + limit]]
    return page(shown, call.query, call.url, len(found))


def workspace(call: Any) -> Json:
    """WorkspaceResponse."""
    with call.ctx.db.connection() as db:
        return render.workspace(actors.workspace(db, identity(call.path["id"])))


def _definitions(kind: str) -> Any:
    def run(call: Any) -> Json:
        found = [render.definition(d) for d in call.ctx.registry.listing(kind)]
        return page(found, call.query, call.url, 0)

    return run


def _definition(kind: str) -> Any:
    def run(call: Any) -> Json:
        return render.definition(call.ctx.registry.get(kind, identity(call.path["definition"])))

    return run


ROUTES: list[Any] = [
    ("GET", "/workspaces", None, workspaces),
    ("GET", "/workspaces/{id}", None, workspace),
    ("GET", "/workspaces/{id}/definitions/sources", None, _definitions("source")),
    ("GET", "/workspaces/{id}/definitions/destinations", None, _definitions("destination")),
    ("GET", "/workspaces/{id}/definitions/sources/{definition}", None, _definition("source")),
    (
        "GET",
        "/workspaces/{id}/definitions/destinations/{definition}",
        None,
        _definition("destination"),
    ),
]
