"""Jobs: look at them, cancel them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from services.airbyte.handlers.context import Context
from services.airbyte.handlers.errors import ConflictError
from services.airbyte.state import connections, jobs
from services.airbyte.state.jobs import EVER, Span
from services.airbyte.state.records import ACTIVE, Job
from services.common.errors import NotFoundError


def get(ctx: Context, identity: int) -> Job:
    """Return a job with its attempts."""
    with ctx.db.connection() as db:
        return jobs.get(db, identity)


def find(
    ctx: Context,
    *,
    connection_ids: Iterable[UUID] | None = None,
    config_types: Iterable[str] | None = None,
    statuses: Iterable[str] | None = None,
    created: Span = EVER,
    updated: Span = EVER,
    limit: int = 100,
    offset: int = 0,
    order_by: str = "created_at",
    descending: bool = True,
) -> tuple[list[Job], int]:
    """Return the jobs that match and how many match in all."""
    with ctx.db.connection() as db:
        return jobs.find(
            db,
            connection_ids=connection_ids,
            config_types=config_types,
            statuses=statuses,
            created=created,
            updated=updated,
            limit=limit,
            offset=offset,
            order_by=order_by,
            descending=descending,
        )


def page_with(ctx: Context, identity: int, size: int, **filters: Any) -> tuple[list[Job], int]:
    """Return whole pages of `size`, newest first, so many that a job is in them; else none.

    As Airbyte's `includingJobId` does: other filters than connection and type do not matter.
    """
    filters |= {"order_by": "created_at", "descending": True}
    try:
        moment = get(ctx, identity).created_at
    except NotFoundError:
        return [], find(ctx, **filters, limit=0)[1]
    newer = find(ctx, **filters, created=(moment, None), limit=0)[1]
    found, total = find(ctx, **filters, limit=(newer // size + 1) * size)
    return (found if any(job.id == identity for job in found) else []), total


def cancel(ctx: Context, identity: int) -> Job:
    """Cancel a job that has not ended. Raises ConflictError when it has."""
    job = get(ctx, identity)
    if job.status not in ACTIVE or not ctx.workers.cancel(identity):
        raise ConflictError(f"job {identity} has ended already ({job.status})")
    return get(ctx, identity)


def last(ctx: Context, connection_id: UUID) -> Job | None:
    """Return the newest sync or reset of a connection."""
    with ctx.db.connection() as db:
        connections.get(db, connection_id)
    found, _ = find(ctx, connection_ids=[connection_id], limit=1)
    return found[0] if found else None
