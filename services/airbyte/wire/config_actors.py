"""Config API: sources and destinations."""

from __future__ import annotations

from typing import Any

from services.airbyte.cdk.changes import differences, severity
from services.airbyte.handlers import actors, connections, lists
from services.airbyte.handlers.context import Context
from services.airbyte.state.records import Json, Kind
from services.airbyte.wire import config_models as models
from services.airbyte.wire import list_models, render


def create_source(ctx: Context, body: models.SourceCreate) -> Json:
    """SourceRead."""
    actor = actors.create(
        ctx,
        "source",
        body.workspace_id,
        body.source_definition_id,
        body.name,
        body.connection_configuration,
    )
    return render.actor(ctx, actor)


def create_destination(ctx: Context, body: models.DestinationCreate) -> Json:
    """DestinationRead."""
    actor = actors.create(
        ctx,
        "destination",
        body.workspace_id,
        body.destination_definition_id,
        body.name,
        body.connection_configuration,
    )
    return render.actor(ctx, actor)


def update_source(ctx: Context, body: models.SourceUpdate) -> Json:
    """SourceRead."""
    return render.actor(
        ctx,
        actors.update(ctx, "source", body.source_id, body.name, body.connection_configuration),
    )


def partial_update_source(ctx: Context, body: models.SourcePartialUpdate) -> Json:
    """SourceRead."""
    config = body.connection_configuration
    actor = actors.update(ctx, "source", body.source_id, body.name, config, partial=True)
    return render.actor(ctx, actor)


def update_destination(ctx: Context, body: models.DestinationUpdate) -> Json:
    """DestinationRead."""
    config = body.connection_configuration
    return render.actor(
        ctx, actors.update(ctx, "destination", body.destination_id, body.name, config)
    )


def partial_update_destination(ctx: Context, body: models.DestinationPartialUpdate) -> Json:
    """DestinationRead."""
    config = body.connection_configuration
    actor = actors.update(ctx, "destination", body.destination_id, body.name, config, partial=True)
    return render.actor(ctx, actor)


def source(ctx: Context, body: models.SourceId) -> Json:
    """SourceRead."""
    return render.actor(ctx, actors.get(ctx, "source", body.source_id))


def destination(ctx: Context, body: models.DestinationId) -> Json:
    """DestinationRead."""
    return render.actor(ctx, actors.get(ctx, "destination", body.destination_id))


def _listing(kind: Kind) -> Any:
    """SourceReadList or DestinationReadList."""

    def run(ctx: Context, body: list_models.Actors) -> Json:
        filters, page = body.wanted()
        found, total = lists.actors_page(ctx, kind, body.workspace_id, filters, page)
        size = total if page.size is None else page.size
        shown = [{**render.actor(ctx, one), **render.use(use)} for one, use in found]
        return {f"{kind}s": shown, "page_size": size, "num_connections": total}

    return run


def _page(kind: Kind) -> Any:
    def run(ctx: Context, body: models.ResourcePage) -> Json:
        every = actors.listing(ctx, kind, body.workspace_ids, deleted=body.include_deleted)
        found = [render.actor(ctx, one) for one in body.part(every)]
        return {f"{kind}s": found, "page_size": len(found), "num_connections": len(every)}

    return run


def delete_source(ctx: Context, body: models.SourceId) -> None:
    """Nothing: 204."""
    connections.delete_actor(ctx, "source", body.source_id)


def delete_destination(ctx: Context, body: models.DestinationId) -> None:
    """Nothing: 204."""
    connections.delete_actor(ctx, "destination", body.destination_id)


def check_source(ctx: Context, body: models.SourceId) -> Json:
    """CheckConnectionRead."""
    return render.checked(*actors.check(ctx, "source", body.source_id))


def check_destination(ctx: Context, body: models.DestinationId) -> Json:
    """CheckConnectionRead."""
    return render.checked(*actors.check(ctx, "destination", body.destination_id))


def discover(ctx: Context, body: models.SourceDiscover) -> Json:
    """SourceDiscoverSchemaRead; with a connection, what has changed since it was made."""
    catalog, identity, info = actors.discover(ctx, body.source_id)
    answer: Json = {"jobInfo": info}
    if catalog is None:
        return answer
    answer |= {"catalog": catalog, "catalogId": str(identity), "breakingChange": False}
    if body.connection_id is not None:
        connection = connections.get(ctx, body.connection_id)
        changes = differences(connection.catalog, catalog)
        answer |= {
            "breakingChange": severity(changes) == "breaking",
            "connectionStatus": connection.status,
            "catalogDiff": render.catalog_diff(changes),
        }
    return answer


ENDPOINTS: dict[str, Any] = {
    "sources/create": (models.SourceCreate, create_source),
    "sources/update": (models.SourceUpdate, update_source),
    "sources/partial_update": (models.SourcePartialUpdate, partial_update_source),
    "sources/get": (models.SourceId, source),
    "sources/list": (list_models.Actors, _listing("source")),
    "sources/list_paginated": (models.ResourcePage, _page("source")),
    "sources/delete": (models.SourceId, delete_source),
    "sources/check_connection": (models.SourceId, check_source),
    "sources/discover_schema": (models.SourceDiscover, discover),
    "destinations/create": (models.DestinationCreate, create_destination),
    "destinations/update": (models.DestinationUpdate, update_destination),
    "destinations/partial_update": (models.DestinationPartialUpdate, partial_update_destination),
    "destinations/get": (models.DestinationId, destination),
    "destinations/list": (list_models.Actors, _listing("destination")),
    "destinations/list_paginated": (models.ResourcePage, _page("destination")),
    "destinations/delete": (models.DestinationId, delete_destination),
    "destinations/check_connection": (models.DestinationId, check_destination),
}
