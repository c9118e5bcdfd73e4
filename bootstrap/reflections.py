"""`reflections/*.yml`: reflections as code, a file per dataset, brought to Dremio by its API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bootstrap.clients.dremio import Dremio
from bootstrap.differences import DIFFERS, MISSING, Difference
from services.common.errors import ConfigError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Refresh(_Strict):
    """When a reflection is built anew.

    `staleness`: how old an answer may be, in seconds. `expires`: seconds after which it is not
    used any more unless it was refreshed; 0 is never.
    """

    when: Literal["change", "period", "schedule", "never"] = "change"
    seconds: float = 3600
    cron: str = ""
    staleness: float = 0
    expires: float = 0


class Raw(_Strict):
    """A copy of some columns, sorted."""

    display: tuple[str, ...]
    partition: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()
    refresh: Refresh = Field(default_factory=Refresh)


class Aggregation(_Strict):
    """Sums by dimensions. A dimension of `dates` keeps the day of a timestamp alone."""

    dimensions: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    measures: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    partition: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()
    refresh: Refresh = Field(default_factory=Refresh)


class DatasetReflections(_Strict):
    """One file: a dataset and its reflections by name."""

    dataset: str
    raw: Mapping[str, Raw] = Field(default_factory=dict)
    aggregation: Mapping[str, Aggregation] = Field(default_factory=dict)


def read_reflections(folder: Path) -> list[DatasetReflections]:
    """Return the definitions in a folder, by file name. Raises ConfigError naming the file."""
    found = []
    for file in sorted(folder.glob("*.yml")):
        try:
            found.append(DatasetReflections.model_validate(yaml.safe_load(file.read_text())))
        except (yaml.YAMLError, ValidationError) as error:
            raise ConfigError(f"{file.name}: {error}") from error
    return found


def apply_reflections(dremio: Dremio, wanted: list[DatasetReflections]) -> list[dict[str, Any]]:
    """Make, change or leave each reflection; return what was done.

    Reflections that no file names are left alone. Raises ConfigError when a dataset is not there.
    """
    done = []
    for each, name, body, former in _compared(dremio, wanted):
        if former is None:
            dremio.call("POST", "/api/v3/reflection", body)
            what = "made"
        elif _differing(former, body):
            changed = {**body, "tag": former["tag"]}
            dremio.call("PUT", f"/api/v3/reflection/{former['id']}", changed)
            what = "changed"
        else:
            what = "as it was"
        done.append({"dataset": each.dataset, "reflection": name, "done": what})
    return done


def plan_reflections(dremio: Dremio, wanted: list[DatasetReflections]) -> Iterator[Difference]:
    """Yield what `apply_reflections` would do, and the datasets that it would miss."""
    there = [each for each in wanted if dremio.by_path(*each.dataset.split(".")) is not None]
    for each in wanted:
        if each not in there:
            yield Difference("reflection", each.dataset, MISSING, ("nor is its dataset",))
    for _each, name, body, former in _compared(dremio, there):
        if former is None:
            yield Difference("reflection", name, MISSING)
        elif fields := _differing(former, body):
            yield Difference("reflection", name, DIFFERS, tuple(fields))


_Compared = tuple[DatasetReflections, str, dict[str, Any], dict[str, Any] | None]


def _compared(dremio: Dremio, wanted: list[DatasetReflections]) -> Iterator[_Compared]:
    """Yield file, name, body that is wanted, and what Dremio has of that name."""
    for each in wanted:
        dataset = dremio.by_path(*each.dataset.split("."))
        if dataset is None:
            raise ConfigError(f"reflections on {each.dataset}: Dremio has no such table or view")
        address = f"/api/v3/dataset/{dataset['id']}/reflection"
        there = {found["name"]: found for found in dremio.call("GET", address)["data"]}
        for name, body in _bodies(each).items():
            whole = {**body, "name": name, "datasetId": dataset["id"], "enabled": True}
            yield each, name, whole, there.get(name)


def _differing(former: dict[str, Any], body: dict[str, Any]) -> list[str]:
    return [field for field, value in body.items() if former.get(field) != value]


def list_reflections(dremio: Dremio) -> list[dict[str, Any]]:
    """Return how each reflection stands, as sys.reflections tells it."""
    return dremio.sql(
        "SELECT dataset_name, reflection_name, type, status, record_count, "
        "current_footprint_bytes, considered_count, accelerated_count, last_refresh_decision, "
        "last_failure_message FROM sys.reflections ORDER BY dataset_name, reflection_name"
    )


_BY_USAGE = "/api/v3/reflection/recommendations/usage-based"


def recommended(dremio: Dremio) -> list[dict[str, Any]]:
    """Return Dremio's recommendations for the jobs of the last seven days, best first."""
    return list(dremio.call("GET", _BY_USAGE)["data"])


def accept_recommended(dremio: Dremio, found: list[dict[str, Any]]) -> None:
    """Define what was recommended; it is built by itself."""
    for each in found:
        dremio.call("POST", "/api/v3/reflection", each["reflectionRequestBody"])


def in_short(each: dict[str, Any]) -> dict[str, Any]:
    """Return a recommendation as a line of a table."""
    body = each["reflectionRequestBody"]
    kept = [*body.get("displayFields", []), *body.get("dimensionFields", [])]
    return {
        "dataset": ".".join(each["viewRequestBody"]["path"]),
        "type": body["type"],
        "columns": ", ".join(field["name"] for field in kept),
        "measures": ", ".join(
            f"{field['name']} ({', '.join(field['measureTypeList'])})"
            for field in body.get("measureFields", [])
        ),
        "jobs": each["jobCount"],
        "times_faster": each["avgImprovementFactor"],
        "saves_ms": each["avgImprovementMs"],
    }


def _bodies(each: DatasetReflections) -> dict[str, dict[str, Any]]:
    bodies: dict[str, dict[str, Any]] = {}
    for name, raw in each.raw.items():
        bodies[name] = {"type": "RAW", "displayFields": _named(raw.display), **_shared(raw)}
    for name, sums in each.aggregation.items():
        bodies[name] = {
            "type": "AGGREGATION",
            "dimensionFields": [
                *({"name": n, "granularity": "NORMAL"} for n in sums.dimensions),
                *({"name": n, "granularity": "DATE"} for n in sums.dates),
            ],
            "measureFields": [
                {"name": n, "measureTypeList": [kind.upper() for kind in kinds]}
                for n, kinds in sums.measures.items()
            ],
            **_shared(sums),
        }
    return bodies


def _shared(each: Raw | Aggregation) -> dict[str, Any]:
    refresh = each.refresh
    shared: dict[str, Any] = {
        "refreshPolicy": {
            "method": refresh.when.upper(),
            "periodSeconds": refresh.seconds,
            "cron": refresh.cron,
            "stalenessSeconds": refresh.staleness,
            "expireSeconds": refresh.expires,
        }
    }
    if each.partition:
        shared["partitionFields"] = [
            {"name": name, "transform": {"type": "IDENTITY"}} for name in each.partition
        ]
    if each.sort:
        shared["sortFields"] = _named(each.sort)
    return shared


def _named(names: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"name": name} for name in names]
