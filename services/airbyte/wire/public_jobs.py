"""Public API: jobs."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import QueryParams

from services.airbyte.handlers import connections, jobs
from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.state.jobs import Span
from services.airbyte.state.records import STATUSES, Json
from services.airbyte.wire import public_models as models
from services.airbyte.wire import public_render as render
from services.airbyte.wire.public_paging import identity, ids, limits, page
from services.common.errors import ConfigError

_TYPES = {
    "sync": "sync",
    "reset": "reset_connection",
    "clear": "clear",
    "refresh": "refresh",
}
_FIELDS = {"createdAt": "created_at", "updatedAt": "updated_at"}
_MOMENT = TypeAdapter(datetime.datetime)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise InvalidInputError(f"{text!r} is not a job's id (a number)")
    return int(text)


def create(call: Any) -> Json:
    """JobResponse."""
    body: models.JobCreate = call.body
    if body.job_type == "refresh":
        raise ConfigError(
            "Refreshes are not supported in the public API; POST /api/v1/connections/refresh"
        )
    job = connections.trigger(call.ctx, body.connection_id, _TYPES[body.job_type])
    return render.job(jobs.get(call.ctx, job.id))


def _one_of(query: QueryParams, name: str, known: Iterable[str]) -> str | None:
    given = query.get(name)
    if given is not None and given not in known:
        raise InvalidInputError(f"{name} {given!r} is none of {', '.join(known)}")
    return given


def _order(given: str | None) -> tuple[str, str]:
    """Return column and direction; the oldest first when nothing is given, as Airbyte has it."""
    field, _, way = (given or "createdAt|ASC").partition("|")
    if field not in _FIELDS or way not in ("ASC", "DESC"):
        raise InvalidInputError(f"Invalid order by clause provided: {given}")
    return _FIELDS[field], way


def _span(query: QueryParams, name: str) -> Span:
    def moment(end: str) -> datetime.datetime | None:
        given = query.get(name + end)
        if given is None:
            return None
        try:
            # A plus that was not escaped arrives as a space.
            found = _MOMENT.validate_strings(given.replace(" ", "+"))
        except ValidationError as error:
            raise InvalidInputError(
                f"{name}{end} {given!r} is not a time, such as 2026-01-31T12:00:00Z"
            ) from error
        return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)

    return moment("Start"), moment("End")


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
    kind = _one_of(call.query, "jobType", _TYPES)
    status = _one_of(call.query, "status", STATUSES)
    field, way = _order(call.query.get("orderBy"))
    found, total = jobs.find(
        call.ctx,
        connection_ids=chosen,
        config_types=[_TYPES[kind]] if kind else list(_TYPES.values()),
        statuses=[status] if status else None,
        created=_span(call.query, "createdAt"),
        updated=_span(call.query, "updatedAt"),
        limit=limit,
        offset=offset,
        order_by=field,
        descending=way == "DESC",
    )
    return page([render.job(job) for job in found], call.query, call.url, total)


ROUTES: list[Any] = [
    ("POST", "/jobs", models.JobCreate, create),
    ("GET", "/jobs", None, listing),
    ("GET", "/jobs/{id}", None, get),
    ("DELETE", "/jobs/{id}", None, cancel),
]
