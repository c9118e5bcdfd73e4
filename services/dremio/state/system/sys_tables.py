"""The rows of sys.*: the engine about itself."""

from __future__ import annotations

import datetime
import socket
from collections.abc import Callable
from typing import Any

import psutil

from services.dremio.state.copy.refused import history_rows
from services.dremio.state.core import Core
from services.dremio.state.reflections import report
from services.dremio.state.session import User
from services.dremio.state.system import access_rows, dataset_rows, job_rows, timezones

Rows = list[dict[str, Any]]


def _version(core: Core) -> Rows:
    return [{"version": core.version, "commit_message": "", "commit_id": ""}]


def _functions(core: Core) -> Rows:
    return [
        {
            "argList": ", ".join(f"{n} {kind}" for n, kind in entity.body["parameters"]) or None,
            "name": ".".join(entity.path),
            "sql": entity.body["sql"],
            "returnType": entity.body["returns"] or "TABLE",
            "createdAt": _naive(entity.created_at),
            "modifiedAt": _naive(
                datetime.datetime.fromisoformat(entity.body["modified_at"])
                if entity.body.get("modified_at")
                else entity.created_at
            ),
        }
        for entity in core.entities.all("FUNCTION")
    ]


def _statistics(core: Core) -> Rows:
    from services.dremio.state.execute.analyze import statistics_rows

    return statistics_rows(core)


def _memory(core: Core) -> Rows:
    process = psutil.Process()
    cursor = core.database.cursor()
    try:
        used = cursor.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchone()
    finally:
        cursor.close()
    return [
        {
            "hostname": socket.gethostname(),
            "heap_current": process.memory_info().rss,
            "heap_max": psutil.virtual_memory().total,
            "direct_current": int(used[0] or 0) if used else 0,
            "direct_max": psutil.virtual_memory().total,
        }
    ]


def _naive(when: datetime.datetime | None) -> datetime.datetime | None:
    return when.astimezone(datetime.UTC).replace(tzinfo=None) if when else None


def _audit(core: Core) -> Rows:
    return [
        {
            "event_id": event["id"],
            "event_ts": _naive(event["happened_at"]),
            "user_name": event["user_name"],
            "event_type": event["kind"],
            "action": event["action"],
            "objects": ", ".join(event["objects"]) or None,
            "outcome": event["outcome"],
            "error_msg": event["error"],
            "job_id": str(event["job_id"]) if event["job_id"] else None,
            "client": event["client"],
        }
        for event in core.audit.newest()
    ]


MAKERS: dict[str, Callable[[Core], Rows]] = {
    "version": _version,
    "jobs": job_rows.running,
    "jobs_recent": job_rows.recent,
    "views": dataset_rows.views,
    "tables": dataset_rows.tables,
    "timezone_abbrevs": timezones.abbreviations,
    "timezone_names": timezones.rows,
    "users": access_rows.users,
    "user_defined_functions": _functions,
    "table_statistics": _statistics,
    "copy_errors_history": history_rows,
    "memory": _memory,
    "reflections": report.reflections_rows,
    "materializations": report.materializations_rows,
    "reflection_dependencies": report.dependencies_rows,
    "privileges": access_rows.privileges,
    "audit": _audit,
    "policies": access_rows.policies,
    "roles": access_rows.roles,
    "membership": access_rows.membership,
}


def rows(core: Core, user: User, table: str) -> Rows:
    """Return the rows of a table of sys that the user may see."""
    found = MAKERS[table](core)
    keep = access_rows.KEEP.get(table)
    if keep is None or core.access.is_admin(user):
        return found
    return keep(core, user, found)
