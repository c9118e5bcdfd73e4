"""Sources and destinations: create, change, check, discover."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID, uuid4

from services.airbyte.cdk.catalog import default_config
from services.airbyte.definitions.registry import Definition
from services.airbyte.handlers.context import Context
from services.airbyte.handlers.merging import merged
from services.airbyte.handlers.validation import validate
from services.airbyte.state import actors
from services.airbyte.state.records import Actor, Json, Kind
from services.airbyte.state.redaction import Redactor
from services.airbyte.state.secrets import schema_of, secrets_in

CHECK_SECONDS = 90.0
DISCOVER_SECONDS = 600.0


def create(
    ctx: Context, kind: Kind, workspace_id: UUID, definition_id: UUID, name: str, config: Json
) -> Actor:
    """Store a new source or destination with encrypted secrets."""
    definition = ctx.registry.get(kind, definition_id)
    validate(definition, config)
    with ctx.db.connection() as db:
        actors.workspace(db, workspace_id)
        sealed = ctx.vault.seal(config, definition.spec)
        return actors.create(db, kind, workspace_id, definition_id, name, sealed)


def update(
    ctx: Context,
    kind: Kind,
    identity: UUID,
    name: str | None,
    config: Json | None,
    *,
    partial: bool = False,
) -> Actor:
    """Change name or configuration; masked secrets stay. `partial`: fields not given stay, too."""
    with ctx.db.connection() as db:
        actor = actors.get(db, kind, identity)
        definition = ctx.registry.get(kind, actor.definition_id)
        sealed = actor.configuration
        if config is not None:
            if partial:
                whole = merged(actor.configuration, config, schema_of(definition.spec))
                config = ctx.vault.open(whole)
            sealed = ctx.vault.seal(config, definition.spec, sealed)
            validate(definition, ctx.vault.open(sealed))
        return actors.update(db, actor, name or actor.name, sealed)


def get(ctx: Context, kind: Kind, identity: UUID, *, deleted: bool = False) -> Actor:
    """Return one; with `deleted` also what is left of a deleted one."""
    with ctx.db.connection() as db:
        return actors.get(db, kind, identity, deleted=deleted)


def listing(
    ctx: Context, kind: Kind, workspace_ids: list[UUID] | None = None, *, deleted: bool = False
) -> list[Actor]:
    """Return all of the workspaces; with `deleted` those that were deleted, too."""
    with ctx.db.connection() as db:
        return actors.listing(db, kind, workspace_ids, deleted=deleted)


def check(ctx: Context, kind: Kind, identity: UUID) -> tuple[Json | None, Json]:
    """Try the stored configuration; return the failure, if any, and the job's data."""
    actor = get(ctx, kind, identity)
    config = ctx.vault.open(actor.configuration)
    return check_configuration(ctx, kind, actor.definition_id, config, actor)


def check_configuration(
    ctx: Context, kind: Kind, definition_id: UUID, config: Json, actor: Actor | None = None
) -> tuple[Json | None, Json]:
    """Try a configuration with its secrets in plain text; `actor`: it is that one's, stored."""
    definition = ctx.registry.get(kind, definition_id)
    answer, info = _call(ctx, "check", kind, definition, config, CHECK_SECONDS, actor)
    return answer.get("failure"), info


def discover(ctx: Context, identity: UUID) -> tuple[Json | None, UUID | None, Json]:
    """Return the catalog of a source with default modes, its id, and the job's data."""
    actor = get(ctx, "source", identity)
    config = ctx.vault.open(actor.configuration)
    catalog, info = discover_configuration(ctx, actor.definition_id, config, actor)
    if catalog is None:
        return None, None, info
    with ctx.db.connection() as db:
        return catalog, actors.save_catalog(db, actor, catalog), info


def discover_configuration(
    ctx: Context, definition_id: UUID, config: Json, actor: Actor | None = None
) -> tuple[Json | None, Json]:
    """Return the catalog of a configuration with its secrets in plain text, and the job's data."""
    definition = ctx.registry.get("source", definition_id)
    answer, info = _call(ctx, "discover", "source", definition, config, DISCOVER_SECONDS, actor)
    if "failure" in answer:
        return None, info
    streams = [{"stream": s, "config": default_config(s)} for s in answer["result"]["streams"]]
    return {"streams": streams}, info


def with_secrets_of(ctx: Context, actor: Actor, config: Json) -> Json:
    """Return `config` with masked secrets put in from a stored source or destination."""
    spec = ctx.registry.get(actor.kind, actor.definition_id).spec
    opened: Json = ctx.vault.open(ctx.vault.seal(config, spec, actor.configuration))
    return opened


def _call(
    ctx: Context,
    operation: str,
    kind: Kind,
    definition: Definition,
    config: Json,
    seconds: float,
    actor: Actor | None,
) -> tuple[Json, Json]:
    began = int(time.time())
    answer = ctx.workers.call(operation, kind, definition.connector, config, seconds)
    redactor = Redactor(secrets_in(config, definition.spec))
    answer |= {name: redactor.all(answer[name]) for name in ("lines", "failure") if name in answer}
    if actor is not None and "config" in answer:
        sealed = ctx.vault.seal(answer["config"], definition.spec, actor.configuration)
        with ctx.db.connection() as db:
            actors.update(db, actor, actor.name, sealed)
    types = {"discover": "discover_schema", "check": f"check_connection_{kind}"}
    info: dict[str, Any] = {
        "id": str(uuid4()),
        "configType": types[operation],
        "configId": str(definition.id),
        "createdAt": began,
        "endedAt": int(time.time()),
        "succeeded": operation == "check" or "failure" not in answer,
        "connectorConfigurationUpdated": "config" in answer,
        "logType": "formatted",
        "logs": {"logLines": answer.get("lines", [])},
    }
    if "failure" in answer:
        info["failureReason"] = answer["failure"]
    return answer, info
