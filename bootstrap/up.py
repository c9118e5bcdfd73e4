"""`lakelet up`: from nothing to a running lakehouse with data in it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.clients.airbyte import Airbyte
from bootstrap.clients.dremio import Dremio
from bootstrap.environment import keep_given
from bootstrap.pipeline import run_pipeline
from bootstrap.platform_file import Platform, platform_path, read_platform
from bootstrap.progress import Progress
from bootstrap.provision.airbyte import ensure_ingestion
from bootstrap.provision.dremio import ensure_layers
from bootstrap.provision.people import ensure_people, keep_login
from bootstrap.provision.watching import ensure_watching
from bootstrap.reconcile import Flow, reconcile
from bootstrap.reflections import apply_reflections, read_reflections
from bootstrap.runtime import Runtime, choose_runtime
from bootstrap.samples.nycflights import place_flights
from bootstrap.samples.shop import load_shop
from bootstrap.superset import import_assets
from services.common.errors import RefusedError
from services.common.settings import CHECKOUT, Settings


@dataclass(frozen=True)
class Outcome:
    """What `up` ended with; `steps` is seconds by step, empty when nothing was to be done."""

    runtime: str
    flows: tuple[Flow, ...]
    steps: dict[str, float]

    @property
    def agrees(self) -> bool:
        """Whether all hops of all flows agree."""
        return all(flow.agrees for flow in self.flows)

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome for JSON."""
        return {
            "runtime": self.runtime,
            "agrees": self.agrees,
            "flows": [flow.as_dict() for flow in self.flows],
            "steps": {name: round(seconds, 2) for name, seconds in self.steps.items()},
        }


def bring_up(settings: Settings, progress: Progress, *, force: bool = False) -> Outcome:
    """Start the services; provision and run the pipeline unless that was done for these files.

    Whatever point an earlier run was killed at, this one goes on from there: every step looks
    at what is there first, and the stamp is written last. Raises RefusedError in a home whose
    restore never ended.
    """
    if (settings.data_dir / "restoring").exists():
        raise RefusedError(
            "a restore was begun here and not ended: run the same `lakelet restore` again, "
            "or `lakelet destroy`"
        )
    runtime, why = choose_runtime(settings)
    progress.note(f"runtime: {runtime.name} ({why})")
    platform = read_platform(settings)
    if not runtime.is_up():
        with progress.step("start the services"):
            runtime.up(progress)
    for line in keep_given(settings.lakelet_home, os.environ):
        progress.note(f"kept in .env: {line}")
    if force or not is_provisioned(settings):
        provision(platform, settings, progress)
        run_pipeline(platform, settings, progress)
        with progress.step("import the dashboards") as step:
            step.detail = import_assets(settings)
        with progress.step("apply the reflections") as step:
            wanted = read_reflections(CHECKOUT / "reflections")
            done = apply_reflections(Dremio(settings), wanted)
            step.detail = ", ".join(f"{each['reflection']}: {each['done']}" for each in done)
        _stamp_path(settings).write_text(json.dumps({"fingerprint": _fingerprint(settings)}))
    return _outcome(runtime, platform, settings, progress)


def provision(platform: Platform, settings: Settings, progress: Progress) -> None:
    """Bring the samples, Dremio's sources and Airbyte's connections to what lakelet.yml says."""
    if "shop" in platform.samples:
        with progress.step("load the sample database `shop`") as step:
            loaded = load_shop(settings)
            step.detail = f"{loaded:,} purchases" if loaded else "as it was"
    if "nycflights" in platform.samples:
        with progress.step("place the sample file nycflights/flights.csv"):
            place_flights(settings)
    runtime = choose_runtime(settings)[0]
    inside = runtime.inside
    seen = platform if inside is settings else read_platform(inside)
    with progress.step("set up Dremio's sources") as step:
        dremio = Dremio(settings)
        changed = ensure_layers(dremio, seen, inside)
        changed += ensure_watching(dremio, settings, inside, vendors=runtime.engines == "vendor")
        step.detail = ", ".join(changed) or "as they were"
    with progress.step("set up Dremio's users for dbt and Superset") as step:
        step.detail = ensure_people(dremio, platform, settings)
        if inside is not settings:
            keep_login(settings)
    with progress.step("set up Airbyte's connections") as step:
        step.detail = ", ".join(ensure_ingestion(Airbyte(settings), seen, inside, progress.note))


def is_provisioned(settings: Settings) -> bool:
    """Say whether the last whole run used the very files and settings of now."""
    path = _stamp_path(settings)
    if not path.exists():
        return False
    try:
        stamp = json.loads(path.read_text())
    except ValueError:
        return False
    return bool(stamp.get("fingerprint") == _fingerprint(settings))


def _outcome(
    runtime: Runtime, platform: Platform, settings: Settings, progress: Progress
) -> Outcome:
    with progress.step("count every hop"):
        flows = tuple(reconcile(platform, settings, Dremio(settings)))
    return Outcome(runtime.name, flows, {step.name: step.seconds for step in progress.steps})


def _stamp_path(settings: Settings) -> Path:
    return settings.data_dir / "provisioned.json"


def _fingerprint(settings: Settings) -> str:
    """Digest everything that provisioning reads: definitions, models, assets and settings."""
    digest = hashlib.sha256(settings.env_file.read_bytes())
    digest.update(platform_path(settings).read_bytes())
    for folder in ("dbt", "superset_assets", "reflections"):
        for path in sorted((CHECKOUT / folder).rglob("*")):
            if path.is_file() and path.suffix in {".sql", ".yml", ".yaml", ".csv"}:
                digest.update(str(path.relative_to(CHECKOUT)).encode() + path.read_bytes())
    return digest.hexdigest()
