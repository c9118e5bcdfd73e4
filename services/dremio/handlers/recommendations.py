"""Recommended reflections, in the shapes of Dremio's Recommendations API (26.x, and 24.x's)."""

from __future__ import annotations

import datetime
import threading
import uuid
from collections import OrderedDict

from services.dremio.handlers.present import Json
from services.dremio.handlers.reflections import create, wished
from services.dremio.state.core import Core
from services.dremio.state.errors import not_found, validation
from services.dremio.state.jobs.history import Job
from services.dremio.state.reflections.recommend import (
    Recommendation,
    jobs_of,
    may_see,
    recommend,
)
from services.dremio.state.session import User

_DAYS = 7  # Dremio looks at the jobs of the last seven days
_KEPT = 200

# What was asked by jobs, until it is fetched: forgotten with the process, as it is told again
# in a moment.
_asked: OrderedDict[str, tuple[str, ...]] = OrderedDict()
_lock = threading.Lock()


def by_usage(core: Core, user: User) -> Json:
    """Recommend for the jobs of the last seven days; an administrator's answer covers everyone."""
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(_DAYS)
    jobs = [j for j in core.history.newest() if j.submitted_at >= since and may_see(j, user)]
    return _shown(core, recommend(core, jobs))


def accept(core: Core, user: User, body: Json) -> Json:
    """Define the reflection of a recommendation; its name alone may differ. Raises DremioError."""
    wanted = body.get("recommendationId")
    given = body.get("reflection") or {}
    for each in by_usage(core, user)["data"]:
        if each["recommendationId"] == wanted:
            reflection: Json = each["reflectionRequestBody"]
            name = given.get("name") if isinstance(given, dict) else None
            return create(core, user, {**reflection, "name": name or reflection["name"]})
    raise not_found(f"There is no recommendation with id [{wanted}] any more")


def submit(core: Core, user: User, body: Json) -> Json:
    """Take the ids of jobs to recommend for; return the id to fetch the answer by."""
    jobs = _jobs(core, user, body)
    number = str(uuid.uuid4())
    with _lock:
        _asked[number] = tuple(job.id for job in jobs)
        while len(_asked) > _KEPT:
            _asked.popitem(last=False)
    return {"id": number}


def by_jobs(core: Core, user: User, number: str) -> Json:
    """Recommend for the jobs that `submit` was given. Raises DremioError (NOT_FOUND)."""
    wanted = _asked.get(number)
    if wanted is None:
        raise not_found(f"There is no request for recommendations with id [{number}]")
    return at_once(core, user, {"jobIds": list(wanted)})


def at_once(core: Core, user: User, body: Json) -> Json:
    """Recommend for the jobs of `body` (24.x's endpoint). Raises DremioError."""
    return _shown(core, recommend(core, _jobs(core, user, body)))


def _jobs(core: Core, user: User, body: Json) -> list[Job]:
    wanted = body.get("jobIds")
    if not isinstance(wanted, list):
        raise validation("jobIds: expected a list of job ids")
    return jobs_of(core, user, [str(each) for each in wanted])


def _shown(core: Core, found: list[Recommendation]) -> Json:
    return {
        "data": [
            {
                "viewRequestBody": {
                    "entityType": "dataset",
                    "type": "VIRTUAL_DATASET",
                    "path": list(each.reflection.dataset),
                    "sql": "--The dataset is there",
                },
                "viewRequestEndpoint": "POST {hostname}/api/v3/catalog",
                "reflectionRequestBody": wished(core, each.reflection),
                "reflectionRequestEndpoint": "POST {hostname}/api/v3/reflection",
                "jobIds": list(each.jobs),
                "jobCount": len(each.jobs),
                "recommendationId": each.id,
                "reflectionScore": round(each.score, 2),
                "avgImprovementFactor": round(each.factor, 2),
                "avgImprovementMs": round(each.saved_ms, 1),
            }
            for each in found
        ],
        "canAlterReflections": True,
    }
