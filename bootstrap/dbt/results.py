"""What dbt's artefacts say, as results and as errors in words.

Facts: schemas.getdbt.com: run-results v6 (`results[].unique_id|status|failures|message|
execution_time`), sources v3, manifest v12 (`nodes{}.attached_node|depends_on|config`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.common.errors import PermanentError

_PASSED = frozenset({"success", "pass", "warn"})


class DataTestError(PermanentError):
    """A test found rows that break a rule; the layers after it were not built."""

    exit_code = 65  # sysexits.h: the data was incorrect


@dataclass(frozen=True)
class ModelResult:
    """One built model; `rows` is what its table holds afterwards."""

    model: str
    relation: str
    seconds: float
    rows: int | None = None


@dataclass(frozen=True)
class LayerResult:
    """One layer: what was built, and how many tests it passed."""

    layer: str
    models: tuple[ModelResult, ...]
    tests: int
    seconds: float


@dataclass(frozen=True)
class DbtRun:
    """A whole run; `warnings` are what tests and freshness found that does not stop it."""

    layers: tuple[LayerResult, ...]
    warnings: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[ModelResult, ...]:
        """All models built, in order."""
        return tuple(model for layer in self.layers for model in layer.models)

    def table(self) -> list[tuple[str, int | None, float]]:
        """Return (model, rows, seconds) for each model."""
        return [(model.model, model.rows, model.seconds) for model in self.models]


def result_file(folder: Path, step: str) -> Path:
    """Return where the results of `step` are kept."""
    return folder / "steps" / f"{step.replace(':', '-')}.json"


def read_artefact(path: Path) -> dict[str, Any]:
    """Return one of dbt's JSON files, or an empty one where dbt ended before it wrote it."""
    if not path.exists():
        return {"results": []}
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def built_models(run_results: dict[str, Any]) -> tuple[ModelResult, ...]:
    """Return the models that a `run` built, without their row counts."""
    return tuple(
        ModelResult(
            model=result["unique_id"].rsplit(".", 1)[-1],
            relation=str(result.get("relation_name") or ""),
            seconds=round(float(result["execution_time"]), 3),
        )
        for result in run_results["results"]
        if result["status"] in _PASSED
    )


def raise_for_models(run_results: dict[str, Any], problem: str) -> None:
    """Raise PermanentError naming each model that was not built and the engine's words."""
    failed = [r for r in run_results["results"] if r["status"] in {"error", "fail"}]
    lines = [f"{r['unique_id'].rsplit('.', 1)[-1]}: {_one_line(r.get('message'))}" for r in failed]
    if lines or problem:
        raise PermanentError("dbt: " + "; ".join(lines or [_one_line(problem)]))


def raise_for_tests(
    layer: str, run_results: dict[str, Any], manifest: dict[str, Any], problem: str
) -> None:
    """Raise for a layer's tests.

    DataTestError names each failed test, its model and the number of failing rows;
    PermanentError tells of tests that could not be run.
    """
    failed = [r for r in run_results["results"] if r["status"] == "fail"]
    broken = [r for r in run_results["results"] if r["status"] == "error"]
    if failed:
        lines = [
            f"{test_name(r['unique_id'], manifest)} on {tested_model(r['unique_id'], manifest)}: "
            f"{_counted(r.get('failures'))}"
            for r in failed
        ]
        raise DataTestError(
            f"{len(failed)} of {len(run_results['results'])} tests of layer {layer!r} failed, "
            f"the layers after it were not built: {'; '.join(lines)}"
        )
    if broken or problem:
        lines = [
            f"{test_name(r['unique_id'], manifest)}: {_one_line(r.get('message'))}" for r in broken
        ]
        raise PermanentError(
            f"dbt: the tests of layer {layer!r} could not be run: "
            + "; ".join(lines or [_one_line(problem)])
        )


def warnings_of(run_results: dict[str, Any], manifest: dict[str, Any]) -> list[str]:
    """Return what the tests with severity `warn` found."""
    return [
        f"{test_name(r['unique_id'], manifest)}: {_counted(r.get('failures'))}"
        for r in run_results["results"]
        if r["status"] == "warn"
    ]


def stale_sources(sources: dict[str, Any]) -> list[str]:
    """Return a line for each source table that is older than its definition allows.

    Raises PermanentError for a table whose age could not be asked.
    """
    stale = []
    for result in sources["results"]:
        name = ".".join(result["unique_id"].split(".")[2:])
        if result["status"] == "runtime error":
            raise PermanentError(
                f"dbt: source {name} cannot be read: {_one_line(result.get('error'))}; "
                "was its connection synced?"
            )
        if result["status"] in {"warn", "error"}:
            hours = float(result["max_loaded_at_time_ago_in_s"]) / 3600
            stale.append(f"source {name}: newest row was ingested {hours:.1f} hours ago")
    return stale


def test_name(unique_id: str, manifest: dict[str, Any]) -> str:
    """Return the name of a test, as dbt prints it."""
    node = manifest.get("nodes", {}).get(unique_id, {})
    return str(node.get("name") or unique_id.split(".")[2])


def tested_model(unique_id: str, manifest: dict[str, Any]) -> str:
    """Return the model (or source table) that a test is about; several where it compares them."""
    node = manifest.get("nodes", {}).get(unique_id, {})
    attached = node.get("attached_node")
    parents = [attached] if attached else node.get("depends_on", {}).get("nodes", [])
    return ", ".join(str(parent).rsplit(".", 1)[-1] for parent in parents) or "(unknown)"


def _counted(failures: Any) -> str:
    return f"{failures} failing row{'' if failures == 1 else 's'}"


def _one_line(text: Any) -> str:
    return " ".join(str(text or "ended without saying why").split())[:1000]
