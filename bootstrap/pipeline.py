"""The pipeline: sync every connection into bronze, then dbt layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any

from bootstrap.clients.airbyte import Airbyte
from bootstrap.dbt import DbtProcess
from bootstrap.platform_file import Platform
from bootstrap.progress import Progress
from services.common.errors import LakeletError, raise_together
from services.common.settings import Settings


def sync_connections(
    airbyte: Airbyte,
    names: Sequence[str],
    progress: Progress,
    watch: Callable[[str, dict[str, Any]], None] = lambda _name, _job: None,
) -> dict[str, dict[str, Any]]:
    """Sync the connections side by side; return each one's job by name.

    `watch` is given a connection's name and its job (as `jobs/get` answers) while it runs.

    All are waited for; then what failed is raised (see `Airbyte.sync`).
    """
    with progress.step(f"sync {', '.join(names)}") as step, ThreadPoolExecutor(4) as pool:
        running = {name: pool.submit(airbyte.sync, name, partial(watch, name)) for name in names}
        ended = {name: future.exception() for name, future in running.items()}
        failures = [error for error in ended.values() if isinstance(error, LakeletError)]
        raise_together(failures)
        jobs = {name: future.result() for name, future in running.items()}
        step.detail = ", ".join(f"{name}: {_brought(job)}" for name, job in jobs.items())
    if any(records_refused(job) for job in jobs.values()):
        progress.note("    refused records: `lakelet dead-letters list`")
    return jobs


def _brought(job: dict[str, Any]) -> str:
    refused = records_refused(job)
    return f"{records_synced(job):,} rows" + (f", {refused:,} REFUSED" if refused else "")


def records_refused(job: dict[str, Any]) -> int:
    """Return how many records a finished job put aside as dead letters."""
    return int((job["job"].get("aggregatedStats") or {}).get("recordsRejected") or 0)


def records_synced(job: dict[str, Any]) -> int:
    """Return how many records a finished job wrote (its aggregated statistics)."""
    stats = job["job"].get("aggregatedStats") or {}
    return int(stats.get("recordsCommitted") or stats.get("recordsEmitted") or 0)


def run_pipeline(
    platform: Platform, settings: Settings, progress: Progress, *, sync: bool = True
) -> None:
    """Run the whole pipeline; a failed sync or a failed test stops what comes after it."""
    # dbt takes two seconds to import: it does so while the connections sync.
    with closing(DbtProcess(settings, platform.dbt.layers)) as dbt:
        if sync and platform.connections:
            sync_connections(Airbyte(settings), list(platform.connections), progress)
        dbt.run(progress)
