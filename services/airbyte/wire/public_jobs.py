"""Public API: jobs."""

from __future__ import annotations

from typing import Any

from services.airbyte.handlers import connections, jobs
from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.state.records import Json
from services.airbyte.wire import public_models as models
from services.airbyte.wire import public_render as render
from services.airbyte.wire.public_paging import identity, ids, limits, page

_TYPES = {"sync": "sync", "reset": "reset_connection", "clear": "clear"}


def _number(text: str) -> int:
    if not text.isdigit():
        raise InvalidInputError(f"{text!r} is not a job's id (a number)")
    return int(text)


def create(call: Any) -> Json:
    """JobResponse."""
    body: models.JobCreate = call.body
    if body.job_type not in _TYPES:
        raise InvalidInputError(
            f"jobType {body.job_type} is not supported; use {', '.join(_TYPES)}"
        )
    job = connections.trigger(call.ctx, body.connection_id, _TYPES[body.job_type])
    return render.job(jobs.get(call.ctx, job.id))


def get(call: Any) -> Json:
    """JobResponse."""
    return render.job(jobs.get(call.ctx, _number(call.path["id"])))


def cancel(call: Any) -> Json:
    """JobResponse."""
    return render.job(jobs.cancel(call.ctx, _number(call.path["id"])))


def listing(call: Any) -> Json:
    """JobsResponse."""
    limit, offset = limits(call.query)
    one = call.query.get("connectionId")
    chosen = [identity(one)] if one else None
    spaces = ids(call.query, "workspaceIds")
    if chosen is None and spaces is not None:
        chosen = [c.id for c in connections.listing(call.ctx, spaces)]
    kind = call.query.get("jobType")
    status = call.query.get("status")
    field, _, way = call.query.get("orderBy", "createdAt|DESC").partition("|")
    found, total = jobs.find(
        call.ctx,
        connection_ids=chosen,
        config_types=[_TYPES.get(kind, kind)] if kind else ["sync", "reset_connection", "clear"],
        statuses=[status] if status else None,
        limit=limit,
        offset=offset,
        order_by="updated_at" if field == "updatedAt" else "created_at",
        descending=way != "ASC",
    )
    return page([render.job(job) for job in found], call.query, call.url, total)


ROUTES: list[Any] = [
    ("POST", "/jobs", models.JobCreate, create),
    ("GET", "/jobs", None, listing),
    ("GET", "/jobs/{id}", None, get),
    ("DELETE", "/jobs/{id}", None, cancel),
]
