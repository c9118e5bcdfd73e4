"""Public API: custom source definitions, packages and manifests."""

from __future__ import annotations

from typing import Any

from services.airbyte.definitions.registry import Definition
from services.airbyte.handlers import definitions
from services.airbyte.state.records import Json
from services.airbyte.wire import public_render as render
from services.airbyte.wire.bodies import Body
from services.airbyte.wire.public_paging import identity, page


class DefinitionCreate(Body):
    """CreateDefinitionRequest."""

    name: str
    docker_repository: str
    docker_image_tag: str
    documentation_url: str | None = None


class DefinitionUpdate(Body):
    """UpdateDefinitionRequest."""

    name: str
    docker_image_tag: str


class ManifestCreate(Body):
    """CreateDeclarativeSourceDefinitionRequest."""

    name: str
    manifest: Any


class ManifestUpdate(Body):
    """UpdateDeclarativeSourceDefinitionRequest."""

    manifest: Any


def create(call: Any) -> Json:
    """DefinitionResponse."""
    body: DefinitionCreate = call.body
    made = definitions.create(
        call.ctx,
        body.name,
        body.docker_repository,
        body.docker_image_tag,
        body.documentation_url or "",
    )
    return render.definition(made)


def update(call: Any) -> Json:
    """DefinitionResponse."""
    body: DefinitionUpdate = call.body
    wanted = identity(call.path["definition"])
    return render.definition(definitions.update(call.ctx, wanted, body.name, body.docker_image_tag))


def delete(call: Any) -> Json:
    """DefinitionResponse."""
    return render.definition(definitions.delete(call.ctx, identity(call.path["definition"])))


def _declarative(definition: Definition) -> Json:
    return {
        "id": str(definition.id),
        "name": definition.name,
        "manifest": definitions.manifest_of(definition),
        "version": definition.version,
    }


def create_manifest(call: Any) -> Json:
    """DeclarativeSourceDefinitionResponse."""
    return _declarative(definitions.create_manifest(call.ctx, call.body.name, call.body.manifest))


def update_manifest(call: Any) -> Json:
    """DeclarativeSourceDefinitionResponse."""
    wanted = identity(call.path["definition"])
    return _declarative(definitions.update_manifest(call.ctx, wanted, call.body.manifest))


def manifest(call: Any) -> Json:
    """DeclarativeSourceDefinitionResponse."""
    return _declarative(call.ctx.registry.get("source", identity(call.path["definition"])))


def delete_manifest(call: Any) -> Json:
    """DeclarativeSourceDefinitionResponse."""
    return _declarative(definitions.delete(call.ctx, identity(call.path["definition"])))


def manifests(call: Any) -> Json:
    """DeclarativeSourceDefinitionsResponse."""
    found = [_declarative(d) for d in definitions.manifests(call.ctx)]
    return page(found, call.query, call.url, len(found))


_SOURCES = "/workspaces/{id}/definitions/sources"
_MANIFESTS = "/workspaces/{id}/definitions/declarative_sources"

ROUTES: list[Any] = [
    ("POST", _SOURCES, DefinitionCreate, create),
    ("PUT", _SOURCES + "/{definition}", DefinitionUpdate, update),
    ("DELETE", _SOURCES + "/{definition}", None, delete),
    ("POST", _MANIFESTS, ManifestCreate, create_manifest),
    ("GET", _MANIFESTS, None, manifests),
    ("GET", _MANIFESTS + "/{definition}", None, manifest),
    ("PUT", _MANIFESTS + "/{definition}", ManifestUpdate, update_manifest),
    ("DELETE", _MANIFESTS + "/{definition}", None, delete_manifest),
]
