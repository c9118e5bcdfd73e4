"""How reflections stand: what sys.reflections, sys.materializations and REST tell."""

from __future__ import annotations

import datetime
import json
from typing import Any

from services.dremio.state.catalog.entities import Path, key
from services.dremio.state.core import Core
from services.dremio.state.database import quoted
from services.dremio.state.errors import DremioError
from services.dremio.state.reflections import sources
from services.dremio.state.reflections.definition import RAW, Reflection
from services.dremio.state.reflections.materialization import Contents

_NEVER = datetime.datetime(3000, 1, 1)
_START = datetime.datetime(1970, 1, 1)


def dotted(path: Path) -> str:
    """Return a path as Dremio writes it: quoted where it must be."""
    return ".".join(p if p.replace("_", "a").isalnum() and p.isascii() else quoted(p) for p in path)


def dataset_id(core: Core, path: Path) -> str:
    """Return the id of a dataset, made when it has none yet."""
    entity = core.entities.get(path)
    if entity is not None:
        return entity.id
    return "dremio:/" + "/".join(path)


def dataset_type(core: Core, path: Path) -> str:
    """Return whether a dataset is a view or a table."""
    entity = core.entities.get(path)
    return "VIRTUAL_DATASET" if entity is not None and entity.kind == "VIEW" else "PHYSICAL_DATASET"


def status(core: Core, reflection: Reflection) -> dict[str, Any]:
    """Return a reflection's state in Dremio's words (REST's `status`)."""
    reflections = core.reflections
    built = reflections.built(reflection.id)
    refresher = reflections.refresher
    state = refresher.state(reflection.id) if refresher is not None else None
    failures = state.failures if state is not None else 0
    running = state is not None and state.running
    expired = reflections.is_expired(reflection)
    manual = reflection.policy.method == "NEVER"
    refresh = "MANUAL" if manual else "SCHEDULED"
    if running or (built is None and reflection.enabled and not failures):
        refresh = "RUNNING" if running else "PENDING"
    if not reflection.enabled:
        combined = "DISABLED"
    elif built is not None and expired:
        combined = "EXPIRED"
    elif built is not None:
        combined = "CAN_ACCELERATE_WITH_FAILURES" if failures else "CAN_ACCELERATE"
    else:
        combined = (
            "FAILED" if failures else "REFRESHING" if running else "CANNOT_ACCELERATE_SCHEDULED"
        )
    return {
        "config": "OK",
        "refresh": refresh,
        "availability": "NONE" if built is None else "EXPIRED" if expired else "AVAILABLE",
        "combinedStatus": combined,
        "refreshMethod": built.method if built is not None else "FULL",
        "failureCount": failures,
        "lastFailureMessage": state.error if state is not None and failures else "",
        "built": built,
    }


def reflections_rows(core: Core) -> list[dict[str, Any]]:
    """Return the rows of sys.reflections."""
    reflections = core.reflections
    if not reflections.all():
        return []
    if reflections.refresher is not None:
        reflections.refresher.write_jobs()
    uses = reflections.store.uses()
    found = []
    for each in reflections.all():
        told = status(core, each)
        built = told["built"]
        considered, matched, chosen = uses.get(each.id, (0, 0, 0))
        finished = _naive(built.finished_at) if built is not None else _START
        took = (built.finished_at - built.created_at).total_seconds() if built is not None else None
        found.append(
            {
                "reflection_id": each.id,
                "reflection_name": each.name,
                "type": each.kind,
                "created_at": _naive(each.created_at),
                "updated_at": _naive(each.updated_at),
                "status": told["combinedStatus"],
                "dataset_id": dataset_id(core, each.dataset),
                "dataset_name": dotted(each.dataset),
                "dataset_type": dataset_type(core, each.dataset),
                "sort_columns": ", ".join(each.sort),
                "partition_columns": ", ".join(each.partition),
                "distribution_columns": ", ".join(each.distribution),
                "dimensions": ", ".join(d.name for d in each.dimensions),
                "measures": ", ".join(m.name for m in each.measures),
                "display_columns": ", ".join(each.display) if each.kind == RAW else "",
                "external_reflection": "",
                "num_failures": told["failureCount"],
                "last_failure_message": told["lastFailureMessage"],
                "last_failure_stack": "",
                "arrow_cache": bool(each.wire.get("arrowCachingEnabled")),
                "refresh_status": told["refresh"],
                "acceleration_status": told["availability"],
                "record_count": built.rows if built is not None else -1,
                "current_footprint_bytes": built.size if built is not None else 0,
                "total_footprint_bytes": built.size if built is not None else 0,
                "last_refresh_duration_millis": int(took * 1000) if took is not None else -1,
                "last_refresh_from_table": finished,
                "refresh_method": told["refreshMethod"],
                "available_until": _until(core, each) if built is not None else _START,
                "considered_count": considered,
                "matched_count": matched,
                "accelerated_count": chosen,
                "reflection_mode": "Manual",
                "last_refresh_decision": built.decision if built is not None else "",
                "last_refresh_finished": finished,
            }
        )
    return found


def materializations_rows(core: Core) -> list[dict[str, Any]]:
    """Return the rows of sys.materializations."""
    found = []
    defined = {each.id: each for each in core.reflections.all()}
    behind = _behind(core)
    for row in core.reflections.store.history():
        owner = defined.get(str(row["reflection_id"]))
        in_use = row["state"] == "DONE" and owner is not None
        body = row["body"] or {}
        tables = [
            {"tableId": at, "tableSchemaPath": source["path"], "snapshotId": source["snapshot"]}
            for at, source in enumerate(body.get("sources") or [])
        ]
        finished = row["finished_at"]
        took = (finished - row["created_at"]).total_seconds() if finished else None
        found.append(
            {
                "reflection_id": str(row["reflection_id"]),
                "materialization_id": str(row["id"]),
                "created": _naive(row["created_at"]),
                "expires": _until(core, owner) if in_use and owner is not None else _NEVER,
                "size_bytes": row["size_bytes"] or 0,
                "series_id": int(row["created_at"].timestamp() * 1000),
                "init_refresh_job_id": "",
                "series_ordinal": max(0, len(body.get("segments") or []) - 1),
                "join_analysis": json.dumps({"joinTables": tables}),
                "state": row["state"],
                "failure_msg": row["failure"] or "NONE",
                "data_partitions": "",
                "last_refresh_from_pds": _naive(row["created_at"]),
                "last_refresh_finished": _naive(finished) if finished else None,
                "last_refresh_duration_millis": int(took * 1000) if took is not None else None,
                "refresh_decision": row["decision"],
                "is_stale": not in_use or str(row["reflection_id"]) in behind,
            }
        )
    return found


def dependencies_rows(core: Core) -> list[dict[str, Any]]:
    """Return the rows of sys.reflection_dependencies."""
    found = []
    for each in core.reflections.all():
        built = core.reflections.built(each.id)
        for source in built.contents.sources if built is not None else ():
            found.append(
                {
                    "reflection_id": each.id,
                    "dependency_id": dataset_id(core, source.path),
                    "dependency_type": "DATASET",
                    "dependency_path": dotted(source.path),
                }
            )
    return sorted(found, key=lambda row: (row["reflection_id"], key((row["dependency_path"],))))


def _until(core: Core, reflection: Reflection) -> datetime.datetime:
    until = core.reflections.expires_at(reflection)
    return _NEVER if until is None else _naive(until)


def _behind(core: Core) -> set[str]:
    """Return the reflections whose tables or views are not as they were when they were built."""
    built = {r.id: made for r in core.reflections.all() if (made := core.reflections.built(r.id))}
    paths = {key(s.path): s.path for made in built.values() for s in made.contents.sources}
    try:
        found = sources.read_all(core.catalog, list(paths.values()))
    except DremioError:
        return set(built)
    now = dict(zip(paths, found, strict=True))

    def is_behind(contents: Contents) -> bool:
        for path, tag in contents.views.items():
            entity = core.entities.get(tuple(path.split("\x1f")))
            if entity is None or entity.tag != tag:
                return True
        states = ((now[key(source.path)], source) for source in contents.sources)
        return any(state is None or state.source != source for state, source in states)

    return {own for own, made in built.items() if is_behind(made.contents)}


def _naive(moment: datetime.datetime) -> datetime.datetime:
    return moment.astimezone(datetime.UTC).replace(tzinfo=None)
