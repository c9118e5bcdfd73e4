"""SQL jobs: submit, status, results by the page, cancel."""

from __future__ import annotations

import base64
import datetime
import decimal
import math
from typing import Any

import orjson
import pyarrow as pa

from services.dremio.handlers.present import Json, fields_json, when
from services.dremio.handlers.reflections import of_job
from services.dremio.state.engine import Engine
from services.dremio.state.errors import not_found, validation
from services.dremio.state.jobs.history import Job
from services.dremio.state.jobs.runner import JobRunner
from services.dremio.state.session import Session, User

PAGE_LIMIT = 500
# A statement this quick is over when its job is first asked for.
_QUICK_SECONDS = 0.05


def submit(runner: JobRunner, user: User, body: Json) -> Json:
    """Start a statement. Raises DremioError (VALIDATION) when the request is malformed."""
    sql, context = body.get("sql"), body.get("context")
    if not isinstance(sql, str) or not sql.strip():
        raise validation("sql: expected a statement")
    if context is not None and not (
        isinstance(context, list) and all(isinstance(part, str) for part in context)
    ):
        raise validation("context: expected a list of names")
    job = runner.submit(Session(user, tuple(context or ())), sql)
    job.done.wait(_QUICK_SECONDS)
    return {"id": job.id}


def status(engine: Engine, user: User, job_id: str) -> Json:
    """Return how a job stands. Raises DremioError (NOT_FOUND)."""
    job = find(engine, user, job_id)
    answer: Json = {
        "jobState": job.state,
        "errorMessage": job.error or "",
        "startedAt": when(job.started_at),
        "queryType": job.query_type,
        "queueName": "",
        "queueId": "",
        "cancellationReason": job.error if job.state == "CANCELED" else "",
    }
    if job.finished_at is not None:
        answer["endedAt"] = when(job.finished_at)
    if job.state == "COMPLETED":
        answer["rowCount"] = job.rows
        answer |= of_job(engine.core, job.id)
    return answer


def results(engine: Engine, runner: JobRunner, user: User, job_id: str, query: Json) -> Json:
    """Return one page of a completed job's rows. Raises DremioError.

    Rows are what their reader may see: to see the job of another takes an administrator.
    """
    offset, limit = _number(query, "offset", 0), _number(query, "limit", 100)
    if limit > PAGE_LIMIT:
        raise validation("limit can not exceed 500 rows")
    job = find(engine, user, job_id)
    if job.user != user.name:
        engine.core.access.require_admin(user, "read the results of another user's job")
    if job.state != "COMPLETED":
        raise validation(f"Can not fetch details for a job that is in [{job.state}] state.")
    page = runner.results.page(job.id, offset, limit)
    if page is None:
        raise not_found(f"The results of job [{job_id}] are no longer kept")
    return {"rowCount": job.rows, "schema": fields_json(page.schema), "rows": json_rows(page)}


def profile(engine: Engine, user: User, job_id: str) -> Json:
    """Return how a job that is over was answered. Raises DremioError (NOT_FOUND)."""
    job = find(engine, user, job_id)
    if job.profile is None:
        raise not_found(f"Job [{job_id}] has no profile yet: it is [{job.state}]")
    return {"jobId": job.id, "jobState": job.state, "sql": job.sql, **job.profile}


def cancel(engine: Engine, runner: JobRunner, user: User, job_id: str) -> None:
    """Stop a job: one's own, or any as an administrator. Raises DremioError."""
    job = find(engine, user, job_id)
    if job.user != user.name:
        engine.core.access.require_admin(user, "cancel another user's job")
    runner.cancel(job)


def find(engine: Engine, user: User, job_id: str) -> Job:
    """Return a job that the user may see: their own, or any for an administrator."""
    job = engine.core.history.get(job_id)
    if job is None or (job.user != user.name and not _sees_all(engine, user)):
        raise not_found(f"Could not find a job with id [{job_id}]")
    return job


def _sees_all(engine: Engine, user: User) -> bool:
    return engine.core.access.actor(user).may("VIEW_JOB_HISTORY", ())


def json_rows(table: pa.Table) -> list[Json]:
    """Return rows as Dremio's JSON: binary in base64, timestamps `YYYY-MM-DD HH24:MI:SS.FFF`."""
    names = table.schema.names
    columns = [[_value(v) for v in column.to_pylist()] for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _value(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return value.strftime("%H:%M:%S.") + f"{value.microsecond // 1000:03d}"
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, decimal.Decimal):
        return orjson.Fragment(format(value, "f"))  # every digit, as a JSON number
    if isinstance(value, list):
        if value and all(isinstance(v, tuple) and len(v) == 2 for v in value):
            return {str(k): _value(v) for k, v in value}
        return [_value(v) for v in value]
    if isinstance(value, dict):
        return {k: _value(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return str(value)
    return value


def _number(query: Json, name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not str(text).isdecimal() or len(str(text)) > 18:
        raise validation(f"{name}: expected a number, got {text!r}")
    return int(text)
