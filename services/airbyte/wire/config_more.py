"""Config API: workspaces, tags, searches, and trying a configuration that is not stored."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.airbyte.handlers import actors, connections
from services.airbyte.handlers import jobs as job_handlers
from services.airbyte.handlers.context import Context
from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.state import actors as stored
from services.airbyte.state import tags, workspaces
from services.airbyte.state.records import Connection, Json, Kind
from services.airbyte.wire import config_jobs, render
from services.airbyte.wire import config_models as models
from services.common.errors import NotFoundError


def create_workspace(ctx: Context, body: models.WorkspaceCreate) -> Json:
    """WorkspaceRead."""
    with ctx.db.connection() as db:
        return render.workspace(workspaces.create(db, body.name))


def ensure_workspace(ctx: Context, body: models.WorkspaceCreateWithId) -> Json:
    """WorkspaceRead; one that is there already is left as it is."""
    with ctx.db.connection() as db:
        return render.workspace(workspaces.create(db, body.name, body.id))


def update_workspace(ctx: Context, body: models.WorkspaceUpdate) -> Json:
    """WorkspaceRead; only the name can be changed."""
    with ctx.db.connection() as db:
        if body.name is None:
            return render.workspace(stored.workspace(db, body.workspace_id))
        return render.workspace(workspaces.rename(db, body.workspace_id, body.name))


def delete_workspace(ctx: Context, body: models.WorkspaceId) -> None:
    """Nothing: 204."""
    connections.delete_workspace(ctx, body.workspace_id)


def workspace_of(ctx: Context, body: models.ConnectionId) -> Json:
    """WorkspaceRead."""
    identity = connections.workspace_of(ctx, connections.get(ctx, body.connection_id))
    with ctx.db.connection() as db:
        return render.workspace(stored.workspace(db, identity))


def list_tags(ctx: Context, body: models.WorkspaceId) -> list[Json]:
    """List of Tag."""
    with ctx.db.connection() as db:
        return tags.listing(db, [body.workspace_id])


def create_tag(ctx: Context, body: models.TagCreate) -> Json:
    """Tag."""
    with ctx.db.connection() as db:
        stored.workspace(db, body.workspace_id)
        return tags.create(db, body.workspace_id, body.name, body.color)


def update_tag(ctx: Context, body: models.TagUpdate) -> Json:
    """Tag."""
    with ctx.db.connection() as db:
        return tags.update(db, body.tag_id, body.name, body.color)


def delete_tag(ctx: Context, body: models.TagId) -> Json:
    """Tag, as it was."""
    with ctx.db.connection() as db:
        return tags.delete(db, body.tag_id)


def _plain(ctx: Context, kind: Kind, body: models.ActorExecute) -> tuple[UUID, Json]:
    """Return the definition and the configuration to try, with a stored one's secrets."""
    identity = body.source_id if kind == "source" else body.destination_id
    definition = body.source_definition_id if kind == "source" else body.destination_definition_id
    if identity is None:
        if definition is None:
            raise InvalidInputError(f"set {kind}DefinitionId or {kind}Id")
        return definition, body.connection_configuration
    actor = actors.get(ctx, kind, identity)
    config = actors.with_secrets_of(ctx, actor, body.connection_configuration)
    return actor.definition_id, config


def _try(kind: Kind) -> Any:
    def run(ctx: Context, body: models.ActorExecute) -> Json:
        definition, config = _plain(ctx, kind, body)
        return render.checked(*actors.check_configuration(ctx, kind, definition, config))

    return run


def execute_discover(ctx: Context, body: models.ActorExecute) -> Json:
    """SourceDiscoverSchemaRead of a configuration that is not stored."""
    definition, config = _plain(ctx, "source", body)
    catalog, info = actors.discover_configuration(ctx, definition, config)
    return {"jobInfo": info} | ({"catalog": catalog} if catalog is not None else {})


def _search(kind: Kind) -> Any:
    def run(ctx: Context, body: models.ActorSearch) -> Json:
        given = body.model_dump(exclude_none=True)
        config = (given.pop("connection_configuration", None) or {}).items()
        found = []
        for actor in actors.listing(ctx, kind):
            shown = render.actor(ctx, actor)
            values = {
                f"{kind}_definition_id": actor.definition_id,
                f"{kind}_id": actor.id,
                "workspace_id": actor.workspace_id,
                "name": actor.name,
                f"{kind}_name": shown[f"{kind}Name"],
            }
            if all(values.get(name) == value for name, value in given.items()) and (
                config <= shown["connectionConfiguration"].items()
            ):
                found.append(shown)
        return {f"{kind}s": found}

    return run


def recent_catalog(ctx: Context, body: models.SourceId) -> Json:
    """ActorCatalogWithUpdatedAt; empty when the source was never discovered."""
    actors.get(ctx, "source", body.source_id)
    with ctx.db.connection() as db:
        found = stored.latest_catalog_and_time(db, body.source_id)
    return {"catalog": found[0], "updatedAt": render.seconds(found[1])} if found else {}


def _specification(kind: Kind) -> Any:
    def run(ctx: Context, body: Any) -> Json:
        identity = body.source_id if kind == "source" else body.destination_id
        definition = ctx.registry.get(kind, actors.get(ctx, kind, identity).definition_id)
        return render.specification(definition, render.spec_job(definition))

    return run


def _shown(ctx: Context, found: list[Connection]) -> Json:
    listed = [render.connection(c, connections.workspace_of(ctx, c)) for c in found]
    return {"connections": listed}


def search_connections(ctx: Context, body: models.ConnectionSearch) -> Json:
    """ConnectionReadList."""
    given = body.model_dump(exclude_none=True)
    identity = given.pop("connection_id", None)
    found = [
        record
        for record in connections.listing(ctx)
        if identity in (None, record.id)
        and all(getattr(record, name) == value for name, value in given.items())
    ]
    return _shown(ctx, found)


def page_connections(ctx: Context, body: models.ConnectionPage) -> Json:
    """ConnectionReadList."""
    page = body.pagination or models.Pagination()
    found = connections.listing(ctx, body.workspace_ids, deleted=body.include_deleted)
    if body.tag_ids:
        wanted = {str(tag) for tag in body.tag_ids}
        found = [record for record in found if wanted & connections.tags_of(record)]
    return _shown(ctx, page.part(found))


def connections_of_definition(ctx: Context, body: models.ActorDefinition) -> Json:
    """ConnectionReadList."""
    kind: Kind = body.actor_type
    users = {
        actor.id
        for actor in actors.listing(ctx, kind)
        if actor.definition_id == body.actor_definition_id
    }
    ends = {"source": "source_id", "destination": "destination_id"}
    return _shown(ctx, [c for c in connections.listing(ctx) if getattr(c, ends[kind]) in users])


def connection_of_job(ctx: Context, body: models.ConnectionOfJob) -> Json:
    """ConnectionRead."""
    job = job_handlers.get(ctx, body.job_id)
    if job.connection_id != body.connection_id:
        raise NotFoundError(f"job {job.id} is not one of connection {body.connection_id}")
    record = connections.get(ctx, job.connection_id)
    return render.connection(record, connections.workspace_of(ctx, record))


def jobs_of_workspaces(ctx: Context, body: models.JobsOfWorkspaces) -> Json:
    """JobReadList."""
    chosen = None
    if body.workspace_ids is not None:
        chosen = [c.id for c in connections.listing(ctx, body.workspace_ids)]
    return config_jobs.listing(ctx, body, chosen)


ENDPOINTS: dict[str, Any] = {
    "workspaces/create": (models.WorkspaceCreate, create_workspace),
    "workspaces/create_if_not_exist": (models.WorkspaceCreateWithId, ensure_workspace),
    "workspaces/update": (models.WorkspaceUpdate, update_workspace),
    "workspaces/update_name": (models.WorkspaceUpdate, update_workspace),
    "workspaces/delete": (models.WorkspaceId, delete_workspace),
    "workspaces/get_by_connection_id": (models.ConnectionId, workspace_of),
    "workspaces/get_by_connection_id_with_tombstone": (models.ConnectionId, workspace_of),
    "tags/list": (models.WorkspaceId, list_tags),
    "tags/create": (models.TagCreate, create_tag),
    "tags/update": (models.TagUpdate, update_tag),
    "tags/delete": (models.TagId, delete_tag),
    "scheduler/sources/check_connection": (models.ActorExecute, _try("source")),
    "scheduler/sources/discover_schema": (models.ActorExecute, execute_discover),
    "scheduler/destinations/check_connection": (models.ActorExecute, _try("destination")),
    "sources/check_connection_for_update": (models.ActorExecute, _try("source")),
    "destinations/check_connection_for_update": (models.ActorExecute, _try("destination")),
    "sources/search": (models.ActorSearch, _search("source")),
    "destinations/search": (models.ActorSearch, _search("destination")),
    "sources/most_recent_source_actor_catalog": (models.SourceId, recent_catalog),
    "source_definition_specifications/get_for_source": (
        models.SourceId,
        _specification("source"),
    ),
    "destination_definition_specifications/get_for_destination": (
        models.DestinationId,
        _specification("destination"),
    ),
    "connections/search": (models.ConnectionSearch, search_connections),
    "connections/list_paginated": (models.ConnectionPage, page_connections),
    "connections/list_by_actor_definition": (models.ActorDefinition, connections_of_definition),
    "connections/getForJob": (models.ConnectionOfJob, connection_of_job),
    "jobs/list_for_workspaces": (models.JobsOfWorkspaces, jobs_of_workspaces),
}
