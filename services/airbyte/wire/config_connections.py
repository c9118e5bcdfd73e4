"""Config API: connections, their jobs' triggers, their state."""

from __future__ import annotations

from typing import Any

from services.airbyte.handlers import connections, states
from services.airbyte.handlers import jobs as job_handlers
from services.airbyte.handlers.context import Context
from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.state.records import Connection, Json
from services.airbyte.wire import config_models as models
from services.airbyte.wire import render

# Body field → record field.
_FIELDS = {
    "name": "name",
    "namespace_definition": "namespace_definition",
    "namespace_format": "namespace_format",
    "prefix": "prefix",
    "sync_catalog": "catalog",
    "schedule_type": "schedule_type",
    "schedule_data": "schedule_data",
    "status": "status",
}
_OPTIONS = (
    "operation_ids",
    "source_catalog_id",
    "resource_requirements",
    "notify_schema_changes",
    "notify_schema_changes_by_email",
    "non_breaking_changes_preference",
    "backfill_preference",
    "tags",
    "max_refused_records",
    "sync_timeout_seconds",
    "continuous",
)


def _given(body: models.ConnectionFields) -> Json:
    """Return the record fields that a body sets."""
    fields = {
        record: getattr(body, name)
        for name, record in _FIELDS.items()
        if name in body.model_fields_set
        and (getattr(body, name) is not None or record in ("namespace_format", "schedule_data"))
    }
    if body.sync_catalog is not None:
        fields["catalog"] = body.sync_catalog.as_stated()
    if body.schedule_data is not None:
        fields["schedule_data"] = body.schedule_data.as_stated()
    if body.schedule and "schedule_type" not in fields:
        data = {"basicSchedule": body.schedule.as_stated()}
        fields |= {"schedule_type": "basic", "schedule_data": data}
    changed = body.model_dump(mode="json", by_alias=True, exclude_unset=True, include=set(_OPTIONS))
    return {**fields, "options": changed}


def _read(ctx: Context, record: Connection) -> Json:
    answer = render.connection(record, connections.workspace_of(ctx, record))
    if record.options.get("continuous"):
        answer["continuousStatus"] = render.freshness(connections.freshness_of(ctx, record.id))
    return answer


def create(ctx: Context, body: models.ConnectionCreate) -> Json:
    """ConnectionRead."""
    defaults: Json = {
        "name": "Connection",
        "namespace_definition": "source",
        "namespace_format": None,
        "prefix": "",
        "catalog": {"streams": []},
        "schedule_type": "manual",
        "schedule_data": None,
    }
    ends = {"source_id": body.source_id, "destination_id": body.destination_id}
    return _read(ctx, connections.create(ctx, {**defaults, **_given(body), **ends}))


def update(ctx: Context, body: models.ConnectionUpdate) -> Json:
    """ConnectionRead."""
    return _read(ctx, connections.update(ctx, body.connection_id, _given(body)))


def get(ctx: Context, body: models.ConnectionId) -> Json:
    """ConnectionRead."""
    return _read(ctx, connections.get(ctx, body.connection_id))


def listing(ctx: Context, body: models.WorkspaceConnections) -> Json:
    """ConnectionReadList."""
    chosen = [body.workspace_id] if body.workspace_id else None
    found = connections.listing(ctx, chosen, deleted=body.include_tombstone)
    return {"connections": [_read(ctx, c) for c in found]}


def listing_all(ctx: Context, body: models.WorkspaceConnections) -> Json:
    """ConnectionReadList, with what was deleted."""
    return listing(ctx, body.model_copy(update={"include_tombstone": True}))


def delete(ctx: Context, body: models.ConnectionId) -> None:
    """Nothing: 204."""
    connections.delete(ctx, body.connection_id)


def _trigger(config_type: str) -> Any:
    def run(ctx: Context, body: models.ConnectionId) -> Json:
        job = connections.trigger(ctx, body.connection_id, config_type)
        return render.job_info(ctx, job_handlers.get(ctx, job.id))

    return run


def _trigger_streams(config_type: str) -> Any:
    def run(ctx: Context, body: models.ConnectionStreams) -> Json:
        named = [
            render.without_none({"name": s.stream_name, "namespace": s.stream_namespace})
            for s in body.streams
        ]
        job = connections.trigger(ctx, body.connection_id, config_type, named)
        return render.job_info(ctx, job_handlers.get(ctx, job.id))

    return run


def refresh(ctx: Context, body: models.ConnectionRefresh) -> Json:
    """JobReadResponse."""
    named = [
        render.without_none({"name": s.stream_name, "namespace": s.stream_namespace})
        for s in body.streams or []
    ]
    job = connections.trigger(
        ctx, body.connection_id, "refresh", named, refreshMode=body.refresh_mode
    )
    return {"job": render.job(job_handlers.get(ctx, job.id))}


def replay(ctx: Context, body: models.Replay) -> Json:
    """JobInfoRead of a sync of refused records (Lakelet's own, not Airbyte's)."""
    if f"/airbyte/{body.connection_id}/" not in body.address:
        raise InvalidInputError(
            f"{body.address} was not refused by connection {body.connection_id}",
            [("address", "is another connection's")],
        )
    named = [render.without_none({"name": body.stream_name, "namespace": body.stream_namespace})]
    chosen = render.without_none({"replay": body.address, "corrected": body.corrected})
    job = connections.trigger(ctx, body.connection_id, "sync", named, **chosen)
    return render.job_info(ctx, job_handlers.get(ctx, job.id))


def update_with_reason(ctx: Context, body: models.UpdateWithReason) -> Json:
    """ConnectionRead."""
    return update(ctx, body.connection_update)


def state(ctx: Context, body: models.ConnectionId) -> Json:
    """ConnectionState."""
    return connections.state(ctx, body.connection_id)


def set_state(ctx: Context, body: models.StateUpdate) -> Json:
    """ConnectionState."""
    return states.create_or_update(ctx, body.connection_id, body.connection_state.as_stated())


ENDPOINTS: dict[str, Any] = {
    "connections/create": (models.ConnectionCreate, create),
    "connections/update": (models.ConnectionUpdate, update),
    "connections/get": (models.ConnectionId, get),
    "connections/list": (models.WorkspaceConnections, listing),
    "connections/list_all": (models.WorkspaceConnections, listing_all),
    "connections/delete": (models.ConnectionId, delete),
    "connections/sync": (models.ConnectionId, _trigger("sync")),
    "connections/reset": (models.ConnectionId, _trigger("reset_connection")),
    "connections/clear": (models.ConnectionId, _trigger("clear")),
    "connections/reset/stream": (models.ConnectionStreams, _trigger_streams("reset_connection")),
    "connections/clear/stream": (models.ConnectionStreams, _trigger_streams("clear")),
    "connections/refresh": (models.ConnectionRefresh, refresh),
    "connections/replay_dead_letters": (models.Replay, replay),
    "connections/update_with_reason": (models.UpdateWithReason, update_with_reason),
    "state/get": (models.ConnectionId, state),
    "state/create_or_update": (models.StateUpdate, set_state),
    "state/create_or_update_safe": (models.StateUpdate, set_state),
}
