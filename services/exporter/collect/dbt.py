"""dbt's newest results, from the artefacts that each step of a run leaves.

A run begins by removing what the one before it left; what was read of that stays in memory
until the new run says something else about the same model or test.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.core import Metric

from services.exporter.catalogue import gauge, value

_TESTS = ("pass", "warn", "fail", "error", "skipped")
_MODELS = ("success",)


@dataclass(frozen=True)
class _Result:
    status: str
    seconds: float
    at: float


class Dbt:
    """Collects from `folder` (dbt's `steps`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._results: dict[str, _Result] = {}
        self._read: dict[Path, int] = {}

    def __call__(self) -> Iterator[Metric]:
        """Yield the families; nothing before the first run."""
        for path in sorted(self._folder.glob("*.json")):
            self._take(path)
        if not self._results:
            return
        seconds, tests = gauge("dbt_model_execution_time"), gauge("dbt_tests")
        counts = dict.fromkeys(_TESTS, 0)
        failed = 0
        for identity, result in sorted(self._results.items()):
            kind, name = identity.split(".")[0], identity.split(".")[2]
            if kind == "test":
                counts[result.status] = counts.get(result.status, 0) + 1
            elif result.status in _MODELS:
                seconds.add_metric([name], result.seconds)
            elif result.status == "error":
                failed += 1
        for status, number in counts.items():
            tests.add_metric([status], number)
        yield from (seconds, tests)
        yield value("dbt_models_failed", failed)
        newest = max(result.at for result in self._results.values())
        yield value("dbt_last_run_timestamp_seconds", newest)

    def _take(self, path: Path) -> None:
        try:
            changed = path.stat().st_mtime_ns
            if self._read.get(path) == changed:
                return
            document: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError):
            return  # removed by a new run, or being written: the next look sees it
        self._read[path] = changed
        at = datetime.datetime.fromisoformat(document["metadata"]["generated_at"]).timestamp()
        for result in document.get("results", []):
            identity = result["unique_id"]
            if identity.split(".")[0] not in ("model", "test", "snapshot", "seed"):
                continue
            before = self._results.get(identity)
            # A skipped model says nothing new about itself.
            if "execution_time" in result and (before is None or before.at <= at):
                self._results[identity] = _Result(
                    result["status"], float(result["execution_time"]), at
                )
