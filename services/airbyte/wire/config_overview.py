"""Config API: how connections do: their status, progress and history."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.airbyte.handlers import connections
from services.airbyte.handlers import jobs as handlers
from services.airbyte.handlers.context import Context
from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.state.records import ACTIVE, Connection, Job, Json
from services.airbyte.wire import config_models as models
from services.airbyte.wire import render

_COUNTERS = ("recordsEmitted", "bytesEmitted", "recordsCommitted", "bytesCommitted")
_RUN_STATES = {
    "pending": "PENDING",
    "running": "RUNNING",
    "incomplete": "RUNNING",
    "succeeded": "COMPLETE",
    "failed": "INCOMPLETE",
    "cancelled": "INCOMPLETE",
}
_CLEARING = ("reset_connection", "clear")


def _recent(ctx: Context, connection_id: UUID, limit: int = 20) -> list[Job]:
    return handlers.find(ctx, connection_ids=[connection_id], limit=limit)[0]


def _sync_status(record: Connection, recent: list[Job]) -> str:
    """Return Airbyte's ConnectionSyncStatus; the order of the rules is Airbyte's."""
    newest = recent[0] if recent else None
    syncs = [job for job in recent if job.config_type not in _CLEARING]
    if newest and newest.status in ACTIVE:
        return "running" if newest.status == "running" else "pending"
    failure = _failure(newest) if newest and newest.status == "failed" else None
    if record.options.get("breakingChange") or (
        failure and failure["failureType"] == "config_error"
    ):
        return "failed"
    if record.status != "active":
        return "paused"
    if newest and newest.status == "cancelled":
        return "incomplete"
    if newest is None or not syncs or newest.config_type in _CLEARING:
        return "pending"
    return "incomplete" if newest.status == "failed" else "synced"


def _failure(job: Job) -> Json | None:
    found = job.attempts[-1].failures if job.attempts else []
    return found[0] if found else None


def connection_status(ctx: Context, connection_id: UUID) -> Json:
    """ConnectionStatusRead."""
    record = connections.get(ctx, connection_id)
    recent = _recent(ctx, connection_id)
    newest = recent[0] if recent else None
    syncs = [job for job in recent if job.config_type == "sync"]
    good = next((job for job in syncs if job.status == "succeeded"), None)
    answer: Json = {
        "connectionId": str(connection_id),
        "connectionSyncStatus": _sync_status(record, recent),
        "scheduleData": record.schedule_data,
    }
    if good:
        answer["lastSuccessfulSync"] = render.seconds(good.updated_at)
    if newest and newest.status in ACTIVE:
        answer["activeJob"] = render.job(newest)
    if syncs:
        answer["lastSyncJobId"] = syncs[0].id
        answer["lastSyncAttemptNumber"] = max(0, len(syncs[0].attempts) - 1)
        answer["lastSyncJobCreatedAt"] = render.seconds(syncs[0].created_at)
    if newest and newest.status == "failed":
        answer["failureReason"] = _failure(newest)
    return render.without_none(answer)


def statuses(ctx: Context, body: models.ConnectionIds) -> list[Json]:
    """List of ConnectionStatusRead."""
    return [connection_status(ctx, one) for one in body.connection_ids]


def status_counts(ctx: Context, body: models.WorkspaceId) -> Json:
    """WebBackendConnectionStatusCounts."""
    names = {
        "running": "running",
        "synced": "healthy",
        "failed": "failed",
        "incomplete": "failed",
        "paused": "paused",
        "pending": "notSynced",
    }
    counts = dict.fromkeys(("running", "queued", "healthy", "failed", "paused", "notSynced"), 0)
    for record in connections.listing(ctx, [body.workspace_id]):
        counts[names[_sync_status(record, _recent(ctx, record.id))]] += 1
    return counts


def _streams(job: Job) -> list[Json]:
    return [
        {
            "streamName": stats["name"],
            "streamNamespace": stats.get("namespace") or "",
            **{name: int(stats.get(name, 0)) for name in _COUNTERS},
            "recordsRejected": int(stats.get("recordsRejected", 0)),
        }
        for stats in render.job_streams(job).values()
    ]


def sync_progress(ctx: Context, body: models.ConnectionId) -> Json:
    """ConnectionSyncProgressRead: the counts of the job that runs, as they grow."""
    connections.get(ctx, body.connection_id)
    running = [job for job in _recent(ctx, body.connection_id, 1) if job.status in ACTIVE]
    if not running:
        idle = {"connectionId": str(body.connection_id), "configType": "sync"}
        return {**idle, "streams": []}
    job = running[0]
    shown = render.job(job)
    totals = shown["aggregatedStats"]
    return render.without_none(
        {
            "connectionId": str(body.connection_id),
            "jobId": job.id,
            "configType": job.config_type,
            "syncStartedAt": shown.get("startedAt"),
            **totals,
            "streams": [{**one, "configType": job.config_type} for one in _streams(job)],
        }
    )


def history(ctx: Context, body: models.History) -> list[Json]:
    """List of JobSyncResultRead, the oldest first."""
    connections.get(ctx, body.connection_id)
    found, _ = handlers.find(
        ctx,
        connection_ids=[body.connection_id],
        config_types=["sync"],
        statuses=["succeeded", "failed", "cancelled"],
        limit=body.number_of_jobs,
    )
    result = []
    for job in reversed(found):
        shown = render.job(job)
        result.append(
            {
                "jobId": job.id,
                "configType": job.config_type,
                "jobCreatedAt": shown["createdAt"],
                "jobUpdatedAt": shown["updatedAt"],
                **shown["aggregatedStats"],
                "streamStatuses": [
                    {
                        "status": job.status,
                        "streamName": one["streamName"],
                        "streamNamespace": one["streamNamespace"],
                    }
                    for one in _streams(job)
                ],
            }
        )
    return result


def stream_history(ctx: Context, body: models.StreamHistory) -> list[Json]:
    """List of ConnectionStreamHistoryReadItem: records by stream and day, of 30 days."""
    connections.get(ctx, body.connection_id)
    try:
        zone = ZoneInfo(body.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidInputError(f"time zone {body.timezone!r} is not known") from error
    first = datetime.datetime.now(zone) - datetime.timedelta(days=30)
    days: dict[tuple[datetime.datetime, str, str], int] = {}
    for job in handlers.find(ctx, connection_ids=[body.connection_id], limit=1000)[0]:
        when = job.updated_at.astimezone(zone)
        if when < first:
            continue
        day = when.replace(hour=0, minute=0, second=0, microsecond=0)
        for one in _streams(job):
            key = (day, one["streamName"], one["streamNamespace"])
            days[key] = days.get(key, 0) + one["recordsCommitted"]
    return [
        {
            "timestamp": render.seconds(day),
            "streamName": name,
            "streamNamespace": namespace,
            "recordsCommitted": records,
        }
        for (day, name, namespace), records in sorted(days.items())
    ]


def last_job_per_stream(ctx: Context, body: models.ConnectionId) -> list[Json]:
    """List of ConnectionLastJobPerStreamReadItem."""
    connections.get(ctx, body.connection_id)
    found: dict[tuple[str, str], Json] = {}
    for job in _recent(ctx, body.connection_id, 100):
        if job.status in ACTIVE or not job.attempts:
            continue
        for one in _streams(job):
            found.setdefault(
                (one["streamNamespace"], one["streamName"]),
                {
                    "streamName": one["streamName"],
                    "streamNamespace": one["streamNamespace"],
                    "jobId": job.id,
                    "configType": job.config_type,
                    "jobStatus": job.status,
                    "recordsCommitted": one["recordsCommitted"],
                    "bytesCommitted": one["bytesCommitted"],
                    "startedAt": render.seconds(job.started_at or job.created_at),
                    "endedAt": render.seconds(job.updated_at),
                },
            )
    return list(found.values())


def stream_statuses(ctx: Context, body: models.StreamStatuses) -> Json:
    """StreamStatusReadList."""
    wanted = {
        "workspaceId": str(body.workspace_id) if body.workspace_id else None,
        "jobId": body.job_id,
        "jobType": body.job_type,
        "attemptNumber": body.attempt_number,
        "streamName": body.stream_name,
        "streamNamespace": body.stream_namespace,
    }
    listed = [
        one
        for one in _stream_statuses(ctx, body.connection_id)
        if all(value in (None, one.get(name)) for name, value in wanted.items())
    ]
    return {"streamStatuses": (body.pagination or models.Pagination()).part(listed, 100)}


def _stream_statuses(ctx: Context, connection_id: UUID | None) -> Iterator[Json]:
    chosen = [connection_id] if connection_id else None
    for job in handlers.find(ctx, connection_ids=chosen, limit=1000)[0]:
        kind = "RESET" if job.config_type in _CLEARING else "SYNC"
        workspace = connections.workspace_of(ctx, connections.get(ctx, job.connection_id))
        for attempt in job.attempts:
            for key, stats in attempt.stream_stats.items():
                yield _stream_status(job, attempt.number, key, stats, kind, workspace)


def _stream_status(
    job: Job, number: int, key: str, stats: Json, kind: str, workspace: UUID
) -> Json:
    attempt = job.attempts[number]
    # A stream that was committed is complete, whatever happened to the others after it.
    committed = stats.get("stateMessagesEmitted") or attempt.status == "succeeded"
    failed = attempt.status == "failed"
    state = "COMPLETE" if committed else "INCOMPLETE" if failed else _RUN_STATES[job.status]
    return render.without_none(
        {
            "id": str(uuid5(job.connection_id, f"{job.id} {number} {key}")),
            "workspaceId": str(workspace),
            "connectionId": str(job.connection_id),
            "jobId": job.id,
            "jobType": kind,
            "attemptNumber": number,
            "streamName": stats["name"],
            "streamNamespace": stats.get("namespace"),
            "runState": state,
            "incompleteRunCause": ("CANCELED" if job.status == "cancelled" else "FAILED")
            if state == "INCOMPLETE"
            else None,
            "transitionedAt": int(attempt.updated_at.timestamp() * 1000),
        }
    )


def latest_stream_statuses(ctx: Context, body: models.ConnectionId) -> Json:
    """StreamStatusReadList: the newest of each stream and run state."""
    connections.get(ctx, body.connection_id)
    newest: dict[Any, Json] = {}
    for one in _stream_statuses(ctx, body.connection_id):
        key = (one.get("streamNamespace"), one["streamName"], one["runState"])
        newest.setdefault(key, one)
    return {"streamStatuses": list(newest.values())}


ENDPOINTS: dict[str, Any] = {
    "connections/status": (models.ConnectionIds, statuses),
    "connections/sync_progress": (models.ConnectionId, sync_progress),
    "connections/history/uptime": (models.History, history),
    "connections/history/data": (models.History, history),
    "connections/stream_history": (models.StreamHistory, stream_history),
    "connections/last_job_per_stream": (models.ConnectionId, last_job_per_stream),
    "stream_statuses/list": (models.StreamStatuses, stream_statuses),
    "stream_statuses/latest_per_run_state": (models.ConnectionId, latest_stream_statuses),
    "web_backend/connections/status_counts": (models.WorkspaceId, status_counts),
}
