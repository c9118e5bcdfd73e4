"""Connections: create, change, trigger."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.airbyte.cdk.changes import set_otherwise
from services.airbyte.handlers import actors as actor_handlers
from services.airbyte.handlers import mappers
from services.airbyte.handlers.catalogs import check_catalog
from services.airbyte.handlers.conflicts import FIELDS, check_tables
from services.airbyte.handlers.context import Context
from services.airbyte.handlers.errors import ConflictError, InvalidInputError
from services.airbyte.handlers.state_shapes import shown
from services.airbyte.jobs import backfill, continuous
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
from services.airbyte.state.database import Db
from services.airbyte.state.freshness import Freshness
from services.airbyte.state.records import ACTIVE, Connection, Job, Json, Kind

# How often a reset ends what someone else has begun meanwhile.
_TURNS = 5


def create(ctx: Context, fields: dict[str, Any]) -> Connection:
    """Store a new connection and schedule it."""
    check_catalog(fields["catalog"])
    fields["catalog"] = mappers.settle(fields["catalog"])
    if fields["schedule_type"] == "manual":
        fields["schedule_data"] = None
    check_schedule(fields["schedule_type"], fields.get("schedule_data"))
    with ctx.db.connection() as db, db.transaction():
        source = actors.get(db, "source", fields["source_id"])
        _check_tables(db, fields, fields["destination_id"])
        continuous.check(fields["options"], source.configuration, fields["schedule_type"])
        connection = connections.create(db, fields)
    ctx.reschedule(connection.id)
    return connection


def update(ctx: Context, identity: UUID, fields: dict[str, Any]) -> Connection:
    """Change the given fields; of `options` those that are given.

    Raises ConflictError for one that was deleted.
    """
    if "catalog" in fields:
        check_catalog(fields["catalog"])
        fields["catalog"] = mappers.settle(fields["catalog"])
    with ctx.db.connection() as db, db.transaction():
        before = connections.get(db, identity, lock=True)
        if before.status == "deprecated":
            raise ConflictError(f"connection {before.name!r} is deleted and cannot be changed")
        kind = fields.get("schedule_type", before.schedule_type)
        if kind == "manual":
            fields["schedule_data"] = None
        check_schedule(kind, fields.get("schedule_data", before.schedule_data))
        options = {**before.options, **fields.get("options", {})}
        if "catalog" in fields or fields.get("status") == "active":
            cleared = ("breakingChange", "statusReason")
            options = {k: v for k, v in options.items() if k not in cleared}
        fields["options"] = options
        source = actors.get(db, "source", before.source_id, deleted=True)
        continuous.check(options, source.configuration, kind)
        if FIELDS & fields.keys():
            _check_tables(db, {**vars(before), **fields}, before.destination_id, identity)
        connection = connections.update(db, identity, fields)
    if connection.status == "deprecated":
        delete(ctx, identity)
    ctx.reschedule(identity)
    return connection


def _check_tables(
    db: Db, fields: dict[str, Any], destination_id: UUID, own: UUID | None = None
) -> None:
    """Refuse streams that would share a table. One connection of a destination at a time."""
    db.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [str(destination_id)])
    destination = actors.get(db, "destination", destination_id, deleted=own is not None)
    others = [
        one
        for one in connections.listing(db)
        if one.destination_id == destination_id and one.id != own
    ]
    check_tables(fields, destination, others)


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


def tags_of(connection: Connection) -> set[str]:
    """Return the ids of a connection's tags."""
    return {str(tag.get("tagId")) for tag in connection.options.get("tags") or []}


def delete_workspace(ctx: Context, identity: UUID) -> None:
    """Delete a workspace with everything in it; the data in the lake stays."""
    for connection in listing(ctx, [identity]):
        delete(ctx, connection.id)
    with ctx.db.connection() as db, db.transaction():
        workspaces.delete(db, identity)


def delete(ctx: Context, identity: UUID) -> None:
    """Delete a connection and end its jobs; the data it brought stays."""
    with ctx.db.connection() as db:
        connections.update(db, identity, {"status": "deprecated"})
    # No job can be started any more: what is found now is all there is.
    _end_jobs(ctx, identity)
    ctx.reschedule(identity)


def _end_jobs(ctx: Context, identity: UUID) -> None:
    with ctx.db.connection() as db:
        active, _ = jobs.find(db, connection_ids=[identity], statuses=ACTIVE)
    for job in active:
        ctx.workers.cancel(job.id)


def delete_actor(ctx: Context, kind: Kind, identity: UUID) -> None:
    """Delete a source or destination with its connections, and end their jobs."""
    actor = actor_handlers.get(ctx, kind, identity)
    for connection in listing(ctx):
        if identity in (connection.source_id, connection.destination_id):
            delete(ctx, connection.id)
    with ctx.db.connection() as db:
        actors.delete(db, actor)


def trigger(
    ctx: Context,
    identity: UUID,
    config_type: str,
    streams: list[Json] | None = None,
    **config: Any,
) -> Job:
    """Queue a job for all or the named streams (as StreamDescriptors).

    A reset, clear or refresh ends the job that runs, as Airbyte's do; a sync does not: it raises
    ConflictError. So does all of it when the connection is not active (deleted, for a reset or
    clear).
    """
    for left in reversed(range(_TURNS)):
        try:
            return _trigger(ctx, identity, config_type, streams, dict(config))
        except jobs.AlreadyRunningError:
            if config_type == "sync" or not left:
                raise
            _end_jobs(ctx, identity)
    raise AssertionError


def _trigger(
    ctx: Context, identity: UUID, config_type: str, streams: list[Json] | None, config: Json
) -> Job:
    with ctx.db.connection() as db:
        connection = connections.get(db, identity, lock=True)
        if config_type in ("sync", "refresh") and connection.status != "active":
            raise ConflictError(
                f"Can only sync an active connection; {connection.name!r} is {connection.status}"
            )
        if connection.status == "deprecated":
            raise ConflictError(f"connection {connection.name!r} is deleted")
        if streams:
            _check_streams(connection, streams)
            config["streams"] = streams
        if config_type == "sync" and not config and Continuous.of(connection.options):
            config["continuous"] = True
        config["enabledStreams"] = streams or _selected(connection)
        job = jobs.create(db, identity, config_type, config)
    ctx.workers.wake()
    return job


def refresh_changed(ctx: Context, before: Connection, after: Connection) -> None:
    """Read the streams anew that are set otherwise now; their rows stay where they are.

    What Airbyte does after `web_backend/connections/update`, unless `skipReset` is set. Of a
    connection that is not active it is left to the next sync.
    """
    changed = set_otherwise(before.catalog, after.catalog)
    named = [
        one for one in _selected(after) if (one.get("namespace") or "", one["name"]) in changed
    ]
    if not named:
        return
    if after.status == "active":
        trigger(ctx, after.id, "refresh", named, refreshMode="Merge")
        return
    _end_jobs(ctx, after.id)
    with ctx.db.connection() as db:
        backfill.forget(db, after.id, {"\x1f".join(name) for name in changed})


def _selected(connection: Connection) -> list[Json]:
    """Return the streams that are synced, as StreamDescriptors."""
    return [
        {name: entry["stream"][name] for name in ("name", "namespace") if entry["stream"].get(name)}
        for entry in connection.catalog.get("streams", [])
        if (entry.get("config") or {}).get("selected", True)
    ]


def _check_streams(connection: Connection, wanted: list[Json]) -> None:
    known = {(one.get("namespace") or "", one["name"]) for one in _selected(connection)}
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
