"""Public API: sources, destinations, streams."""

from __future__ import annotations

from typing import Any

from services.airbyte.handlers import actors, connections
from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.state.records import Json, Kind
from services.airbyte.wire import public_models as models
from services.airbyte.wire import public_render as render
from services.airbyte.wire.public_paging import identity, ids, limits, page, with_deleted


def _routes(kind: Kind) -> list[Any]:
    type_key = f"{kind}Type"

    def bare(configuration: Json) -> Json:
        return {name: value for name, value in configuration.items() if name != type_key}

    def create(call: Any) -> Json:
        body: models.ActorCreate = call.body
        definition = body.definition_id
        if definition is None:
            name = body.configuration.get(type_key)
            if not name:
                raise InvalidInputError(f"set definitionId, or {type_key} in configuration")
            definition = call.ctx.registry.by_type(kind, name).id
        config = bare(body.configuration)
        made = actors.create(call.ctx, kind, body.workspace_id, definition, body.name, config)
        return render.actor(call.ctx, made)

    def listing(call: Any) -> Json:
        limit, offset = limits(call.query)
        found = actors.listing(
            call.ctx, kind, ids(call.query, "workspaceIds"), deleted=with_deleted(call.query)
        )
        shown = [render.actor(call.ctx, a) for a in found[offset : offset + limit]]
        return page(shown, call.query, call.url, len(found))

    def get(call: Any) -> Json:
        return render.actor(call.ctx, actors.get(call.ctx, kind, identity(call.path["id"])))

    def put(call: Any) -> Json:
        config = bare(call.body.configuration)
        target = identity(call.path["id"])
        return render.actor(call.ctx, actors.update(call.ctx, kind, target, call.body.name, config))

    def patch(call: Any) -> Json:
        config = call.body.configuration
        config = bare(config) if config is not None else None
        target = identity(call.path["id"])
        made = actors.update(call.ctx, kind, target, call.body.name, config, partial=True)
        return render.actor(call.ctx, made)

    def delete(call: Any) -> None:
        connections.delete_actor(call.ctx, kind, identity(call.path["id"]))

    return [
        ("POST", f"/{kind}s", models.ActorCreate, create),
        ("GET", f"/{kind}s", None, listing),
        ("GET", f"/{kind}s/{{id}}", None, get),
        ("PUT", f"/{kind}s/{{id}}", models.ActorPut, put),
        ("PATCH", f"/{kind}s/{{id}}", models.ActorPatch, patch),
        ("DELETE", f"/{kind}s/{{id}}", None, delete),
    ]


def streams(call: Any) -> list[Json]:
    """List of StreamProperties."""
    source = call.query.get("sourceId")
    if not source:
        raise InvalidInputError("the query parameter sourceId is missing")
    if call.query.get("ignoreCache", "false").lower() == "true":
        catalog, _, info = actors.discover(call.ctx, identity(source))
        if catalog is None:
            raise InvalidInputError(info["failureReason"]["externalMessage"])
    else:
        actors.get(call.ctx, "source", identity(source))
        catalog = connections.catalog_for(call.ctx, identity(source))
    return [render.stream_properties(entry) for entry in catalog["streams"]]


ROUTES: list[Any] = [
    *_routes("source"),
    *_routes("destination"),
    ("GET", "/streams", None, streams),
]
