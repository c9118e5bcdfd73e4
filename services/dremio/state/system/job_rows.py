"""sys.jobs and sys.jobs_recent: what ran, and when each of its phases began."""

from __future__ import annotations

import datetime
from typing import Any

from services.dremio.state.core import Core
from services.dremio.state.jobs.history import FINAL

Rows = list[dict[str, Any]]


def recent(core: Core) -> Rows:
    """Return the newest jobs, over or not. What the engine does not measure is NULL."""
    if core.reflections.refresher is not None:
        core.reflections.refresher.write_jobs()
    accelerated = core.reflections.store.accelerated_jobs()
    found = []
    for job in core.history.newest():
        moments = {
            "submitted": job.submitted_at,
            "attempt_started": job.submitted_at,
            "metadata_retrieval": job.started_at,
            "planning_start": job.started_at,
            "execution_start": job.started_at,
            "final_state": job.finished_at,
        }
        row: dict[str, Any] = {
            "job_id": job.id,
            "status": job.state,
            "query_type": job.query_type,
            "user_name": job.user,
            "attempt_count": 1,
            "rows_returned": job.rows,
            "accelerated": job.id in accelerated,
            "queue_name": "",
            "engine": "",
            "error_msg": job.error or "",
            "query": job.sql,
            "is_profile_incomplete": False,
            "context": f"[{', '.join(job.context)}]",
            **{f"rule_{part}": "" for part in ("name", "content", "action")},
        }
        for phase, moment in moments.items():
            row[f"{phase}_ts"] = _naive(moment)
            row[f"{phase}_epoch_millis"] = int(moment.timestamp() * 1000) if moment else None
        found.append(row)
    return found


def running(core: Core) -> Rows:
    """Return the jobs that are not over yet."""
    return [row for row in recent(core) if row["status"] not in FINAL]


def _naive(when: datetime.datetime | None) -> datetime.datetime | None:
    return when.astimezone(datetime.UTC).replace(tzinfo=None) if when else None
