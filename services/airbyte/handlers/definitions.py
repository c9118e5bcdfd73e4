"""Custom source definitions: packages by their image's name, and manifests.

A command of this machine cannot be set here: whoever may call the API would run what he likes.
It stands in lakelet.yml (see `definitions.local`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import yaml

from services.airbyte.definitions.registry import MANIFESTS, Definition
from services.airbyte.handlers.context import Context
from services.airbyte.handlers.errors import ConflictError, InvalidInputError
from services.airbyte.sources.protocol.launch import (
    CDK_VERSION,
    Launch,
    is_manifest,
    of_image,
    parse,
)
from services.airbyte.state import definitions
from services.airbyte.state.records import Json
from services.common import json_yaml
from services.common.errors import NotFoundError

# Installing may be part of it.
SPEC_SECONDS = 1500.0


def specification(ctx: Context, launch: Launch) -> Json:
    """Return what the connector says of its configuration. Raises InvalidInputError."""
    answer = ctx.workers.call("spec", "source", launch.dump(), {}, SPEC_SECONDS)
    if "failure" in answer:
        raise InvalidInputError(answer["failure"]["externalMessage"])
    found: Json = answer["result"]
    return found


def create(ctx: Context, name: str, repository: str, tag: str, address: str = "") -> Definition:
    """Install the package of an image, ask it for its specification, store the definition."""
    launch = of_image(repository, tag)
    return _store(ctx, _of_package(ctx, uuid4(), name, repository, tag, address, launch))


def _of_package(
    ctx: Context, identity: UUID, name: str, repository: str, tag: str, address: str, launch: Launch
) -> Definition:
    spec = specification(ctx, launch)
    return Definition(
        id=identity,
        kind="source",
        connector=launch.dump(),
        name=name,
        docker_repository=repository.removeprefix("docker.io/"),
        docker_image_tag=tag or "latest",
        documentation_url=address or spec.get("documentationUrl") or "",
        release_stage="custom",
        support_level="none",
        spec=spec,
        custom=True,
    )


def update(ctx: Context, identity: UUID, name: str | None, tag: str | None) -> Definition:
    """Rename a custom definition, or change the version of its package."""
    known = custom(ctx, identity)
    if tag is not None and tag != known.docker_image_tag:
        if parse(known.connector).kind != "package":
            raise InvalidInputError("a manifest has no image: change the manifest itself")
        launch = of_image(known.docker_repository, tag)
        known = _of_package(
            ctx,
            identity,
            known.name,
            known.docker_repository,
            tag,
            known.documentation_url,
            launch,
        )
    return _store(ctx, replace(known, name=name or known.name))


def create_manifest(ctx: Context, name: str, manifest: Any) -> Definition:
    """Store a low-code connector. Raises InvalidInputError for what is no manifest."""
    return _store(ctx, _of_manifest(ctx, uuid4(), name, manifest, version=1))


def update_manifest(ctx: Context, identity: UUID, manifest: Any) -> Definition:
    """Replace a low-code connector's manifest; its version counts up."""
    known = custom(ctx, identity)
    manifest_of(known)
    made = _of_manifest(ctx, identity, known.name, manifest, version=known.version + 1)
    return _store(ctx, made)


def _of_manifest(
    ctx: Context, identity: UUID, name: str, manifest: Any, *, version: int
) -> Definition:
    if isinstance(manifest, str):  # PyAirbyte and people send YAML
        try:
            manifest = json_yaml.load(manifest)
        except yaml.YAMLError as error:
            raise InvalidInputError(f"the manifest is not YAML: {error}") from error
    if not isinstance(manifest, dict) or not is_manifest(manifest):
        raise InvalidInputError("the manifest is no object of type DeclarativeSource")
    launch = Launch("manifest", manifest=manifest)
    return Definition(
        id=identity,
        kind="source",
        connector=launch.dump(),
        name=name,
        docker_repository=MANIFESTS,
        docker_image_tag=CDK_VERSION,
        documentation_url="",
        release_stage="custom",
        support_level="none",
        spec=specification(ctx, launch),
        custom=True,
        version=version,
    )


def manifest_of(definition: Definition) -> Json:
    """Return a low-code connector's manifest. Raises NotFoundError for another connector."""
    launch = parse(definition.connector)
    if launch.kind != "manifest" or launch.manifest is None:
        raise NotFoundError(f"definition {definition.id} is not a declarative source")
    return launch.manifest


def custom(ctx: Context, identity: UUID) -> Definition:
    """Return a custom definition that may be changed. Raises NotFoundError, ConflictError."""
    known = ctx.registry.get("source", identity)
    if known.deleted:
        raise NotFoundError(f"source definition {identity} does not exist")
    if not known.custom:
        raise ConflictError(f"{known.name} comes with the server and cannot be changed")
    if known.local:
        raise ConflictError(f"{known.name} is a command in lakelet.yml: change it there")
    return known


def manifests(ctx: Context) -> list[Definition]:
    """Return all low-code connectors."""
    found = [d for d in ctx.registry.listing("source") if d.custom]
    return [d for d in found if parse(d.connector).kind == "manifest"]


def delete(ctx: Context, identity: UUID) -> Definition:
    """Delete a custom definition; sources that use it go on to work. Returns what it was."""
    known = custom(ctx, identity)
    with ctx.db.connection() as db:
        definitions.forget(db, identity)
    return known


def _store(ctx: Context, definition: Definition) -> Definition:
    with ctx.db.connection() as db:
        definitions.put(db, definition)
    return definition
