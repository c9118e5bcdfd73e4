"""Reflections over REST, in the shapes of Dremio's Reflection API (v3)."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

from services.dremio.handlers.catalog import locate, locate_id
from services.dremio.handlers.present import Json, when
from services.dremio.state.catalog.entities import Entity, Path
from services.dremio.state.core import Core
from services.dremio.state.errors import DremioError, not_found, validation
from services.dremio.state.execute.reflections import checked, kinds
from services.dremio.state.reflections.choose import default_measures
from services.dremio.state.reflections.definition import (
    AGGREGATION,
    RAW,
    Dimension,
    Measure,
    Policy,
    Reflection,
)
from services.dremio.state.reflections.registry import new_reflection
from services.dremio.state.reflections.report import dataset_id, dataset_type, dotted, status
from services.dremio.state.session import User

ALTER = "ALTER_REFLECTION"
_NEVER = datetime.datetime(3000, 1, 1, tzinfo=datetime.UTC)
_KEPT = ("partitionFields", "partitionDistributionStrategy", "arrowCachingEnabled")


def of_dataset(core: Core, user: User, wanted: str) -> Json:
    """List the reflections on a dataset. Raises DremioError (NOT_FOUND)."""
    path = _dataset(core, wanted)
    _may_view(core, user, path)
    return {"data": [shown(core, r) for r in core.reflections.of_dataset(path)]}


def listing(core: Core, user: User) -> Json:
    """List every reflection."""
    return {"data": [shown(core, r) for r in _viewable(core, user)]}


def get(core: Core, user: User, reflection_id: str) -> Json:
    """Return a reflection. Raises DremioError (NOT_FOUND)."""
    found = core.reflections.get(reflection_id)
    _may_view(core, user, found.dataset)
    return shown(core, found)


def create(core: Core, user: User, body: Json) -> Json:
    """Define a reflection. Raises DremioError."""
    path = _dataset(core, str(body.get("datasetId") or ""))
    core.access.require(user, ALTER, path)
    kind = str(body.get("type") or "").upper()
    if kind not in (RAW, AGGREGATION):
        raise validation(f"type: expected {RAW} or {AGGREGATION}, got {body.get('type')!r}")
    plain = new_reflection(path, str(body.get("name") or ""), kind)
    return shown(core, core.reflections.define(_filled(core, plain, body)))


def update(core: Core, user: User, reflection_id: str, body: Json) -> Json:
    """Replace a definition; `tag` has to be the current one. Raises DremioError."""
    former = core.reflections.get(reflection_id)
    core.access.require(user, ALTER, former.dataset)
    tag = body.get("tag")
    if not tag:
        raise validation("tag: expected the reflection's current tag")
    changed = _filled(core, replace(former, name=str(body.get("name") or former.name)), body)
    same = replace(changed, name=former.name, enabled=former.enabled, policy=former.policy)
    done = core.reflections.change(changed, tag=str(tag), rebuild=same != former)
    return shown(core, done)


def delete(core: Core, user: User, reflection_id: str) -> Json:
    """Remove a reflection. Raises DremioError (NOT_FOUND)."""
    found = core.reflections.get(reflection_id)
    core.access.require(user, ALTER, found.dataset)
    core.reflections.remove(found)
    return {}


def refresh(core: Core, user: User, wanted: str) -> None:
    """Have a dataset's reflections refreshed now. Raises DremioError (NOT_FOUND)."""
    path = _dataset(core, wanted)
    core.access.require(user, ALTER, path, "ALTER")
    for each in core.reflections.of_dataset(path):
        if core.reflections.refresher is not None:
            core.reflections.refresher.ask(each.id)


def summary(core: Core, user: User) -> Json:
    """Return the summary of all reflections, with how often each was considered and used."""
    if core.reflections.refresher is not None:
        core.reflections.refresher.write_jobs()
    uses = core.reflections.store.uses()
    data = []
    for each in _viewable(core, user):
        told = status(core, each)
        built = told["built"]
        considered, matched, chosen = uses.get(each.id, (0, 0, 0))
        data.append(
            {
                "createdAt": when(each.created_at),
                "updatedAt": when(each.updated_at),
                "id": each.id,
                "reflectionType": each.kind,
                "reflectionMode": "Manual",
                "name": each.name,
                "currentSizeBytes": built.size if built else 0,
                "outputRecords": built.rows if built else -1,
                "totalSizeBytes": built.size if built else 0,
                "datasetId": dataset_id(core, each.dataset),
                "datasetType": dataset_type(core, each.dataset),
                "datasetPath": list(each.dataset),
                "status": {
                    "configStatus": told["config"],
                    "refreshStatus": told["refresh"],
                    "availabilityStatus": told["availability"],
                    "combinedStatus": told["combinedStatus"],
                    "refreshMethod": told["refreshMethod"],
                    "failureCount": told["failureCount"],
                    **_times(core, each, built, "lastDataFetchAt"),
                },
                "consideredCount": considered,
                "matchedCount": matched,
                "chosenCount": chosen,
                "isArrowCachingEnabled": bool(each.wire.get("arrowCachingEnabled")),
            }
        )
    return {"data": data, "nextPageToken": None, "isCanAlterReflections": True}


def of_job(core: Core, job_id: str) -> Json:
    """Return what a job's status tells of the reflections: nothing when none was considered."""
    entries = core.reflections.of_job(job_id) if core.reflections.all() else []
    if not entries:
        return {}
    return {
        "acceleration": {
            "reflectionRelationships": [
                {
                    "datasetId": dataset_id(core, tuple(entry["dataset"])),
                    "reflectionId": entry["reflectionId"],
                    "relationship": entry["relationship"],
                    "reason": entry["reason"],
                }
                for entry in entries
            ]
        }
    }


def shown(core: Core, reflection: Reflection) -> Json:
    """Return a reflection as REST shows it."""
    told = status(core, reflection)
    built = told.pop("built")
    told.pop("lastFailureMessage")
    answer: Json = {
        "id": reflection.id,
        "type": reflection.kind,
        "name": reflection.name,
        "tag": reflection.tag,
        "createdAt": when(reflection.created_at),
        "updatedAt": when(reflection.updated_at),
        "datasetId": _id(core, reflection.dataset),
        "datasetName": dotted(reflection.dataset),
        "datasetType": dataset_type(core, reflection.dataset),
        "recordCount": built.rows if built else -1,
        "currentSizeBytes": built.size if built else 0,
        "totalSizeBytes": built.size if built else 0,
        "enabled": reflection.enabled,
        "arrowCachingEnabled": bool(reflection.wire.get("arrowCachingEnabled")),
        "status": {**told, **_times(core, reflection, built, "lastDataFetch")},
        "partitionDistributionStrategy": reflection.wire.get(
            "partitionDistributionStrategy", "CONSOLIDATED"
        ),
        "canView": True,
        "canAlter": True,
        "entityType": "reflection",
    }
    answer |= _fields(reflection)
    if reflection.partition:
        answer["partitionFields"] = reflection.wire.get("partitionFields") or [
            {"name": name, "transform": {"type": "IDENTITY"}} for name in reflection.partition
        ]
    if reflection.distribution:
        answer["distributionFields"] = _named(reflection.distribution)
    policy = reflection.policy
    answer["refreshPolicy"] = {
        "method": policy.method,
        "periodSeconds": policy.period,
        "cron": policy.cron,
        "stalenessSeconds": policy.staleness,
        "expireSeconds": policy.expires,
    }
    return answer


def wished(core: Core, reflection: Reflection) -> Json:
    """Return the body that would define a reflection that does not exist yet."""
    return {
        "type": reflection.kind,
        "name": reflection.name,
        "datasetId": _id(core, reflection.dataset),
        "enabled": True,
        "arrowCachingEnabled": False,
        **_fields(reflection),
        "entityType": "reflection",
    }


def _fields(reflection: Reflection) -> Json:
    shown: Json = {}
    if reflection.kind == RAW:
        shown["displayFields"] = _named(reflection.display)
    else:
        shown["dimensionFields"] = [
            {"name": d.name, "granularity": "DATE" if d.date else "NORMAL"}
            for d in reflection.dimensions
        ]
        if reflection.measures:
            shown["measureFields"] = [
                {"name": m.name, "measureTypeList": list(m.kinds)} for m in reflection.measures
            ]
    if reflection.sort:
        shown["sortFields"] = _named(reflection.sort)
    return shown


def _may_view(core: Core, user: User, dataset: Path) -> None:
    core.access.require(user, "VIEW_REFLECTION", dataset, ALTER)


def _viewable(core: Core, user: User) -> list[Reflection]:
    may_any = core.access.actor(user).may_any
    every = core.reflections.all()
    return [r for r in every if may_any(("VIEW_REFLECTION", ALTER), r.dataset)]


def _filled(core: Core, plain: Reflection, body: Json) -> Reflection:
    by_type = default_measures(core, plain.dataset) if plain.kind == AGGREGATION else {}
    policy = body.get("refreshPolicy")
    return replace(
        plain,
        enabled=bool(body.get("enabled", True)),
        display=_names(body, "displayFields"),
        dimensions=tuple(
            Dimension(_name(f), str(f.get("granularity") or "DATE").upper() == "DATE")
            for f in body.get("dimensionFields") or []
        ),
        measures=tuple(
            Measure(
                _name(f),
                tuple(kinds([str(k) for k in f.get("measureTypeList") or []]))
                or by_type.get(_name(f).lower(), ("COUNT",)),
            )
            for f in body.get("measureFields") or []
        ),
        partition=_names(body, "partitionFields"),
        sort=_names(body, "sortFields"),
        distribution=_names(body, "distributionFields"),
        wire={name: body[name] for name in _KEPT if name in body},
        policy=plain.policy if policy is None else _policy(policy),
    )


def _policy(given: Any) -> Policy:
    if not isinstance(given, dict):
        raise validation("refreshPolicy: expected an object")
    return checked(
        Policy(
            method=str(given.get("method") or "CHANGE").upper(),
            period=float(given.get("periodSeconds") or 3600),
            cron=str(given.get("cron") or ""),
            staleness=float(given.get("stalenessSeconds") or 0),
            expires=float(given.get("expireSeconds") or 0),
        )
    )


def _names(body: Json, name: str) -> tuple[str, ...]:
    return tuple(_name(field) for field in body.get(name) or [])


def _name(field: Any) -> str:
    if not isinstance(field, dict) or not isinstance(field.get("name"), str):
        raise validation("A field is an object with a name")
    return str(field["name"])


def _named(names: tuple[str, ...]) -> list[Json]:
    return [{"name": name} for name in names]


def _times(core: Core, reflection: Reflection, built: Any, fetched: str) -> Json:
    if built is None:
        return {}
    until = core.reflections.expires_at(reflection) or _NEVER
    took = (built.finished_at - built.created_at).total_seconds()
    return {
        fetched: when(built.created_at),
        "expiresAt": when(until),
        "lastRefreshDurationMillis": int(took * 1000),
    }


def _dataset(core: Core, wanted: str) -> Path:
    found = locate_id(core, wanted)
    if not isinstance(found, Entity) or found.kind not in ("VIEW", "TABLE"):
        raise not_found(f"Could not find a dataset with id [{wanted}]")
    return found.path


def _id(core: Core, path: Path) -> str:
    try:
        found = locate(core, path)
    except DremioError:
        return dataset_id(core, path)
    return found.id if isinstance(found, Entity) else dataset_id(core, path)
