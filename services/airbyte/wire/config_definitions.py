"""Config API: custom source definitions, packages and manifests."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from starlette.responses import Response

from services.airbyte.handlers import definitions
from services.airbyte.handlers.context import Context
from services.airbyte.state.records import Json
from services.airbyte.wire import render
from services.airbyte.wire.bodies import Body
from services.airbyte.wire.config_models import SourceDefinitionId


class SourceDefinitionCreate(Body):
    """The image of a connector."""

    name: str
    docker_repository: str
    docker_image_tag: str
    documentation_url: str = ""


class CustomSourceDefinitionCreate(Body):
    """The image of a connector, for a workspace."""

    workspace_id: UUID | None = None
    source_definition: SourceDefinitionCreate


class SourceDefinitionUpdate(Body):
    """A custom definition's new name or version."""

    source_definition_id: UUID
    name: str | None = None
    docker_image_tag: str | None = None


class InitialManifest(Body):
    """A manifest with its version and description."""

    manifest: Any
    description: str = ""
    version: int = 1


class BuilderPublish(Body):
    """A manifest that becomes a source definition."""

    workspace_id: UUID | None = None
    name: str
    initial_declarative_manifest: InitialManifest


class ManifestCreate(Body):
    """A manifest's next version."""

    workspace_id: UUID | None = None
    source_definition_id: UUID
    declarative_manifest: InitialManifest


class ManifestList(Body):
    """Names a low-code source definition."""

    workspace_id: UUID | None = None
    source_definition_id: UUID


def create(ctx: Context, body: CustomSourceDefinitionCreate) -> Json:
    """SourceDefinitionRead."""
    wanted = body.source_definition
    made = definitions.create(
        ctx,
        wanted.name,
        wanted.docker_repository,
        wanted.docker_image_tag,
        wanted.documentation_url,
    )
    return render.definition(made)


def update(ctx: Context, body: SourceDefinitionUpdate) -> Json:
    """SourceDefinitionRead."""
    return render.definition(
        definitions.update(ctx, body.source_definition_id, body.name, body.docker_image_tag)
    )


def delete(ctx: Context, body: SourceDefinitionId) -> None:
    """Nothing: 204."""
    definitions.delete(ctx, body.source_definition_id)


def publish(ctx: Context, body: BuilderPublish) -> Json:
    """SourceDefinitionIdBody."""
    made = definitions.create_manifest(ctx, body.name, body.initial_declarative_manifest.manifest)
    return {"sourceDefinitionId": str(made.id)}


def create_manifest(ctx: Context, body: ManifestCreate) -> Response:
    """Nothing: 201."""
    definitions.update_manifest(ctx, body.source_definition_id, body.declarative_manifest.manifest)
    return Response(status_code=201)


def manifests(ctx: Context, body: ManifestList) -> Json:
    """DeclarativeManifestsReadList: the one version that is kept."""
    known = ctx.registry.get("source", body.source_definition_id)
    definitions.manifest_of(known)
    return {"manifestVersions": [{"version": known.version, "description": "", "isActive": True}]}


ENDPOINTS: dict[str, Any] = {
    "source_definitions/create_custom": (CustomSourceDefinitionCreate, create),
    "source_definitions/update": (SourceDefinitionUpdate, update),
    "source_definitions/delete": (SourceDefinitionId, delete),
    "connector_builder_projects/publish": (BuilderPublish, publish),
    "declarative_source_definitions/create_manifest": (ManifestCreate, create_manifest),
    "declarative_source_definitions/list_manifests": (ManifestList, manifests),
}
