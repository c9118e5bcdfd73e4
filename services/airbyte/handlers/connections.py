"""Connections: create, change, trigger."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.airbyte.handlers import actors as actor_handlers
from services.airbyte.handlers.catalogs import check_catalog
from services.airbyte.handlers.context import Context
from services.airbyte.handlers.errors import ConflictError, InvalidInputError
from services.airbyte.handlers.state_shapes import shown
from services.airbyte.jobs import continuous
from services.airbyte.jobs.continuous import Continuous
from services.airbyte.jobs.schedule import check_schedule
from services.airbyte.state import (
    actors,
    connections,
    freshness,
    jobs,
    streams,
    workspaces,
)
from services.airbyte.state.freshness import Freshness
from services.airbyte.state.records import Connection, Job, Json


def create(ctx: Context, fields: dict[str, Any]) -> Connection:
    """Store a new connection and schedule it."""
    check_catalog(fields["catalog"])
    check_schedule(fields["schedule_type"], fields.get("schedule_data"))
    with ctx.db.connection() as db:
        source = actors.get(db, "source", fields["source_id"])
        actors.get(db, "destination", fields["destination_id"])
        continuous.check(fields["options"], source.configuration, fields["schedule_type"])
        connection = connections.create(db, fields)
    ctx.reschedule(connection.id)
    return connection


def update(ctx: Context, identity: UUID, fields: dict[str, Any]) -> Connection:
    """Change the given fields."""
    if "catalog" in fields:
        check_catalog(fields["catalog"])
    with ctx.db.connection() as db:
        before = connections.get(db, identity)
        kind = fields.get("schedule_type", before.schedule_type)
        check_schedule(kind, fields.get("schedule_data", before.schedule_data))
        if "catalog" in fields or fields.get("status") == "active":
            options = {**before.options, **fields.get("options", {})}
            cleared = ("breakingChange", "statusReason")
            fields["options"] = {k: v for k, v in options.items() if k not in cleared}
        source = actors.get(db, "source", before.source_id, deleted=True)
        continuous.check(fields.get("options", before.options), source.configuration, kind)
        connection = connections.update(db, identity, fields)
    ctx.reschedule(identity)
    return connection


def get(ctx: Context, identity: UUID) -> Connection:
    """Return one."""
    with ctx.db.connection() as db:
        return connections.get(db, identity)


def listing(
    ctx: Context, workspace_ids: list[UUID] | None = None, *, deleted: bool = False
) -> list[Connection]:
    """Return the connections of the workspaces; with `deleted` those that were deleted, too."""
    with ctx.db.connection() as db:
        found = connections.listing(db, deleted=deleted)
        if workspace_ids is None:
            return found
        within = actors.listing(db, "source", workspace_ids, deleted=deleted)
        sources = {actor.id for actor in within}
        return [connection for connection in found if connection.source_id in sources]


def delete_workspace(ctx: Context, identity: UUID) -> None:
    """Delete a workspace with everything in it; the data in the lake stays."""
    for connection in listing(ctx, [identity]):
        delete(ctx, connection.id)
    with ctx.db.connection() as db, db.transaction():
        workspaces.delete(db, identity)


def delete(ctx: Context, identity: UUID) -> None:
    """Delete a connection; the data it brought stays."""
    with ctx.db.connection() as db:
        connections.get(db, identity)
        active, _ = jobs.find(
            db, connection_ids=[identity], statuses=["pending", "running", "incomplete"]
        )
    for job in active:
        ctx.workers.cancel(job.id)
    with ctx.db.connection() as db:
        connections.update(db, identity, {"status": "deprecated"})
    ctx.reschedule(identity)


def trigger(
    ctx: Context,
    identity: UUID,
    config_type: str,
    streams: list[Json] | None = None,
    **config: Any,
) -> Job:
    """Queue a job for all or the named streams (as StreamDescriptors).

    Raises ConflictError when one is running or the connection is not active.
    """
    with ctx.db.connection() as db:
        connection = connections.get(db, identity)
        if config_type in ("sync", "refresh") and connection.status != "active":
            raise ConflictError(
                f"Can only sync an active connection; {connection.name!r} is {connection.status}"
            )
        if streams:
            _check_streams(connection, streams)
        if streams:
            config["streams"] = streams
        if config_type == "sync" and not config and Continuous.of(connection.options):
            config["continuous"] = True
        job = jobs.create(db, identity, config_type, config)
    ctx.workers.wake()
    return job


def _check_streams(connection: Connection, wanted: list[Json]) -> None:
    known = {
        (entry["stream"].get("namespace") or "", entry["stream"]["name"])
        for entry in connection.catalog.get("streams", [])
        if (entry.get("config") or {}).get("selected", True)
    }
    for stream in wanted:
        if (stream.get("namespace") or "", stream["name"]) not in known:
            raise InvalidInputError(
                f"connection {connection.name!r} has no selected stream {stream['name']!r}"
            )


def catalog_for(ctx: Context, source_id: UUID) -> Json:
    """Return the newest discovered catalog of a source, discovering it if there is none.

    Raises InvalidInputError with the connector's message when that fails.
    """
    with ctx.db.connection() as db:
        catalog = actors.latest_catalog(db, source_id)
    if catalog is None:
        catalog, _, info = actor_handlers.discover(ctx, source_id)
        if catalog is None:
            raise InvalidInputError(info["failureReason"]["externalMessage"])
    return catalog


def workspace_of(ctx: Context, connection: Connection) -> UUID:
    """Return the workspace of a connection (its source's)."""
    with ctx.db.connection() as db:
        return actors.get(db, "source", connection.source_id, deleted=True).workspace_id


def state(ctx: Context, identity: UUID) -> Json:
    """Return how far a connection has read, as Airbyte's ConnectionState."""
    with ctx.db.connection() as db:
        connections.get(db, identity)
        known = [s for s in streams.listing(db, identity) if s.state is not None]
    return {"connectionId": str(identity), **shown(known)}


def freshness_of(ctx: Context, identity: UUID) -> Freshness | None:
    """Return how far a connection that reads a log is; None for others."""
    with ctx.db.connection() as db:
        return freshness.get(db, identity)
