"""Config API: health, workspaces, definitions."""

from __future__ import annotations

from typing import Any

from services.airbyte.definitions.registry import Definition
from services.airbyte.handlers.context import Context
from services.airbyte.state import actors
from services.airbyte.state import workspaces as stored_workspaces
from services.airbyte.state.records import Json, Workspace
from services.airbyte.wire import render
from services.airbyte.wire.config_models import (
    DestinationDefinitionId,
    Nothing,
    ResourcePage,
    SlugBody,
    SourceDefinitionId,
    WorkspaceId,
)


def health(ctx: Context, _: Any) -> Json:
    """HealthCheckRead."""
    return {"available": ctx.ready()}


def _workspaces(ctx: Context) -> list[Workspace]:
    with ctx.db.connection() as db:
        return actors.workspaces(db)


def workspaces(ctx: Context, _: Any) -> Json:
    """WorkspaceReadList."""
    return {"workspaces": [render.workspace(one) for one in _workspaces(ctx)]}


def workspace_page(ctx: Context, body: ResourcePage) -> Json:
    """WorkspaceReadList."""
    wanted = body.workspace_ids
    found = [one for one in _workspaces(ctx) if not wanted or one.id in wanted]
    return {"workspaces": [render.workspace(one) for one in body.part(found)]}


def workspace(ctx: Context, body: WorkspaceId) -> Json:
    """WorkspaceRead."""
    with ctx.db.connection() as db:
        return render.workspace(actors.workspace(db, body.workspace_id))


def workspace_by_slug(ctx: Context, body: SlugBody) -> Json:
    """WorkspaceRead."""
    with ctx.db.connection() as db:
        return render.workspace(stored_workspaces.of_slug(db, body.slug))


def source_definitions(ctx: Context, _: Any) -> Json:
    """SourceDefinitionReadList."""
    return {"sourceDefinitions": [render.definition(d) for d in ctx.registry.listing("source")]}


def destination_definitions(ctx: Context, _: Any) -> Json:
    """DestinationDefinitionReadList."""
    found = ctx.registry.listing("destination")
    return {"destinationDefinitions": [render.definition(d) for d in found]}


def source_definition(ctx: Context, body: SourceDefinitionId) -> Json:
    """SourceDefinitionRead."""
    return render.definition(ctx.registry.get("source", body.source_definition_id))


def destination_definition(ctx: Context, body: DestinationDefinitionId) -> Json:
    """DestinationDefinitionRead."""
    return render.definition(ctx.registry.get("destination", body.destination_definition_id))


def _specification(definition: Definition) -> Json:
    return render.specification(definition, render.spec_job(definition))


def source_specification(ctx: Context, body: SourceDefinitionId) -> Json:
    """SourceDefinitionSpecificationRead."""
    return _specification(ctx.registry.get("source", body.source_definition_id))


def destination_specification(ctx: Context, body: DestinationDefinitionId) -> Json:
    """DestinationDefinitionSpecificationRead."""
    return _specification(ctx.registry.get("destination", body.destination_definition_id))


ENDPOINTS: dict[str, Any] = {
    "health": (Nothing, health),
    "workspaces/list": (Nothing, workspaces),
    "workspaces/list_paginated": (ResourcePage, workspace_page),
    "workspaces/list_by_organization_id": (ResourcePage, workspace_page),
    "workspaces/get": (WorkspaceId, workspace),
    "workspaces/get_by_slug": (SlugBody, workspace_by_slug),
    "source_definitions/list": (Nothing, source_definitions),
    "source_definitions/list_latest": (Nothing, source_definitions),
    "source_definitions/list_for_workspace": (Nothing, source_definitions),
    "source_definitions/get": (SourceDefinitionId, source_definition),
    "source_definitions/get_for_workspace": (SourceDefinitionId, source_definition),
    "destination_definitions/list": (Nothing, destination_definitions),
    "destination_definitions/list_latest": (Nothing, destination_definitions),
    "destination_definitions/list_for_workspace": (Nothing, destination_definitions),
    "destination_definitions/get": (DestinationDefinitionId, destination_definition),
    "destination_definitions/get_for_workspace": (DestinationDefinitionId, destination_definition),
    "source_definition_specifications/get": (SourceDefinitionId, source_specification),
    "destination_definition_specifications/get": (
        DestinationDefinitionId,
        destination_specification,
    ),
}
