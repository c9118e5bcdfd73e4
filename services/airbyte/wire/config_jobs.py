"""Config API: jobs and attempts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.airbyte.handlers import connections
from services.airbyte.handlers import jobs as handlers
from services.airbyte.handlers.context import Context
from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.state import actors
from services.airbyte.state.records import Json
from services.airbyte.wire import config_models as models
from services.airbyte.wire import render
from services.common.errors import NotFoundError

VERSION = "2.0.0"


def get(ctx: Context, body: models.JobId) -> Json:
    """JobInfoRead."""
    return render.job_info(ctx, handlers.get(ctx, body.id))


def get_without_logs(ctx: Context, body: models.JobId) -> Json:
    """JobInfoRead with empty logs."""
    return render.job_info(ctx, handlers.get(ctx, body.id), logs=False)


def get_light(ctx: Context, body: models.JobId) -> Json:
    """JobInfoLightRead."""
    return {"job": render.job(handlers.get(ctx, body.id))}


def cancel(ctx: Context, body: models.JobId) -> Json:
    """JobInfoRead."""
    return render.job_info(ctx, handlers.cancel(ctx, body.id))


def listing(ctx: Context, body: models.JobList, within: list[UUID] | None = None) -> Json:
    """JobReadList; of the connections `within`, if given."""
    try:
        chosen = [UUID(body.config_id)] if body.config_id else within
    except ValueError as error:
        raise InvalidInputError(
            f"configId {body.config_id!r} is not a connection's id", [("configId", str(error))]
        ) from error
    page = body.pagination or models.Pagination()
    size = page.page_size or 200
    if body.including_job_id is not None:
        found, total = handlers.page_with(
            ctx,
            body.including_job_id,
            size,
            connection_ids=chosen,
            config_types=body.config_types,
        )
        return {"jobs": [render.job_with_attempts(job) for job in found], "totalJobCount": total}
    found, total = handlers.find(
        ctx,
        connection_ids=chosen,
        config_types=body.config_types,
        statuses=body.statuses or None,
        created=(body.created_at_start, body.created_at_end),
        updated=(body.updated_at_start, body.updated_at_end),
        limit=size,
        offset=page.row_offset or 0,
        order_by="updated_at" if body.order_by_field == "updatedAt" else "created_at",
        descending=body.order_by_method == "DESC",
    )
    return {"jobs": [render.job_with_attempts(job) for job in found], "totalJobCount": total}


def debug_info(ctx: Context, body: models.JobId) -> Json:
    """JobDebugInfoRead."""
    job = handlers.get(ctx, body.id)
    connection = connections.get(ctx, job.connection_id)
    with ctx.db.connection() as db:
        source = actors.get(db, "source", connection.source_id, deleted=True)
        target = actors.get(db, "destination", connection.destination_id, deleted=True)
    shown = render.job(job)
    return {
        "job": {
            **{name: shown[name] for name in ("id", "configType", "configId", "status")},
            "airbyteVersion": VERSION,
            "sourceDefinition": render.definition(ctx.registry.get("source", source.definition_id)),
            "destinationDefinition": render.definition(
                ctx.registry.get("destination", target.definition_id)
            ),
        },
        "attempts": render.job_info(ctx, job)["attempts"],
        "workflowState": {"running": job.status == "running"},
    }


def create(ctx: Context, body: models.ConnectionId) -> Json:
    """JobInfoRead of a new sync."""
    job = connections.trigger(ctx, body.connection_id, "sync")
    return render.job_info(ctx, handlers.get(ctx, job.id))


def last_replication_job(ctx: Context, body: models.ConnectionId) -> Json:
    """JobOptionalRead."""
    job = handlers.last(ctx, body.connection_id)
    return {"job": render.job(job)} if job else {}


def attempt_for_job(ctx: Context, body: models.AttemptBody) -> Json:
    """AttemptInfoRead."""
    job = handlers.get(ctx, body.job_id)
    for shown in render.job_info(ctx, job)["attempts"]:
        if shown["attempt"]["id"] == body.attempt_number:
            answer: Json = shown
            return answer
    raise NotFoundError(f"job {body.job_id} has no attempt {body.attempt_number}")


def combined_stats(ctx: Context, body: models.AttemptBody) -> Json:
    """AttemptStats."""
    stats: Json = attempt_for_job(ctx, body)["attempt"]["totalStats"]
    return stats


ENDPOINTS: dict[str, Any] = {
    "jobs/create": (models.ConnectionId, create),
    "jobs/get": (models.JobId, get),
    "jobs/get_without_logs": (models.JobId, get_without_logs),
    "jobs/get_light": (models.JobId, get_light),
    "jobs/cancel": (models.JobId, cancel),
    "jobs/list": (models.JobList, listing),
    "jobs/get_debug_info": (models.JobId, debug_info),
    "jobs/get_last_replication_job": (models.ConnectionId, last_replication_job),
    "attempt/get_for_job": (models.AttemptBody, attempt_for_job),
    "attempt/get_combined_stats": (models.AttemptBody, combined_stats),
}
