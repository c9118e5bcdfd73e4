"""Public API: tags, the organization, the user, and changing workspaces."""

from __future__ import annotations

from typing import Any

from services.airbyte.handlers import connections
from services.airbyte.state import actors, tags, workspaces
from services.airbyte.state.records import Json
from services.airbyte.wire import public_models as models
from services.airbyte.wire import public_render, render
from services.airbyte.wire.config_models import TagCreate, WorkspaceCreate
from services.airbyte.wire.public_paging import identity, ids


def create_workspace(call: Any) -> Json:
    """WorkspaceResponse."""
    with call.ctx.db.connection() as db:
        return public_render.workspace(workspaces.create(db, call.body.name))


def rename_workspace(call: Any) -> Json:
    """WorkspaceResponse."""
    target = identity(call.path["id"])
    with call.ctx.db.connection() as db:
        if call.body.name is None:
            return public_render.workspace(actors.workspace(db, target))
        return public_render.workspace(workspaces.rename(db, target, call.body.name))


def delete_workspace(call: Any) -> None:
    """Nothing: 204."""
    connections.delete_workspace(call.ctx, identity(call.path["id"]))


def list_tags(call: Any) -> Json:
    """TagsResponse."""
    with call.ctx.db.connection() as db:
        return {"data": tags.listing(db, ids(call.query, "workspaceIds"))}


def create_tag(call: Any) -> Json:
    """TagResponse."""
    body: TagCreate = call.body
    with call.ctx.db.connection() as db:
        actors.workspace(db, body.workspace_id)
        return tags.create(db, body.workspace_id, body.name, body.color)


def get_tag(call: Any) -> Json:
    """TagResponse."""
    with call.ctx.db.connection() as db:
        return tags.get(db, identity(call.path["id"]))


def update_tag(call: Any) -> Json:
    """TagResponse."""
    with call.ctx.db.connection() as db:
        return tags.update(db, identity(call.path["id"]), call.body.name, call.body.color)


def delete_tag(call: Any) -> None:
    """Nothing: 204."""
    with call.ctx.db.connection() as db:
        tags.delete(db, identity(call.path["id"]))


def organizations(_: Any) -> Json:
    """OrganizationsResponse: there is one."""
    return {"data": [render.organization()]}


def users(_: Any) -> Json:
    """UsersResponse: there is one administrator."""
    user = {"id": str(render.ORGANIZATION), "name": "admin", "email": render.EMAIL}
    return {"data": [user]}


ROUTES: list[Any] = [
    ("POST", "/workspaces", WorkspaceCreate, create_workspace),
    ("PATCH", "/workspaces/{id}", models.WorkspacePatch, rename_workspace),
    ("DELETE", "/workspaces/{id}", None, delete_workspace),
    ("GET", "/tags", None, list_tags),
    ("POST", "/tags", TagCreate, create_tag),
    ("GET", "/tags/{id}", None, get_tag),
    ("PATCH", "/tags/{id}", models.TagPatch, update_tag),
    ("DELETE", "/tags/{id}", None, delete_tag),
    ("GET", "/organizations", None, organizations),
    ("GET", "/users", None, users),
]
