"""Build the layers in order: build one, test it, and only then go on to the next."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from bootstrap.clients.dremio import Dremio
from bootstrap.dbt import results
from bootstrap.dbt.environment import dbt_environment, dbt_folder
from bootstrap.dbt.results import DbtRun, LayerResult, ModelResult, result_file
from services.common.children import spawn, stop
from services.common.errors import PermanentError
from services.common.settings import Settings


class Step(Protocol):
    """A step under way; `detail` is what is told of it when it has ended."""

    detail: str


class Progress(Protocol):
    """Where the steps are told as they begin and end."""

    def step(self, name: str) -> AbstractContextManager[Step]:
        """Begin a step."""

    def note(self, text: str) -> None:
        """Tell something that is not a step."""


class DbtProcess:
    """A process that has dbt at hand and waits to build `layers`; `close` ends it."""

    def __init__(self, settings: Settings, layers: Sequence[str]) -> None:
        self._settings = settings
        self._layers = tuple(layers)
        self._folder = dbt_folder(settings)
        self._folder.mkdir(parents=True, exist_ok=True)
        steps = ["freshness", *(f"{c}:tag:{layer}" for layer in layers for c in ("run", "test"))]
        with (self._folder / "stderr.log").open("wb") as errors:
            self._process = spawn(
                [sys.executable, "-m", "bootstrap.dbt.steps", self._folder, *steps, "docs"],
                environment=dbt_environment(settings),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def close(self) -> None:
        """End the process, whatever it does."""
        stop(self._process)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def run(self, progress: Progress) -> DbtRun:
        """Check the sources' freshness, build and test each layer, write the documentation.

        Raises DataTestError when a test fails, PermanentError when a model or a test cannot be
        run; what comes after is not run then. A process runs once.
        """
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        with contextlib.suppress(BrokenPipeError):  # why it ended is told below
            self._process.stdin.write(b"go\n")
            self._process.stdin.flush()
        folder = self._folder
        done: list[LayerResult] = []
        ended = _ended_steps(self._process, folder)
        with progress.step("dbt: check the sources") as step:
            _expect(next(ended), "parse")
            freshness = next(ended)
            stale = results.stale_sources(_results_of(folder, "freshness"))
            _expect(freshness, "freshness")
            step.detail = "; ".join(stale) or "fresh"
        warnings = list(stale)
        manifest = results.read_artefact(folder / "target" / "manifest.json")
        for layer in self._layers:
            with progress.step(f"dbt: build and test {layer}") as step:
                result, found = _layer(folder, layer, ended, manifest)
                result = replace(result, models=_with_rows(self._settings, result.models))
                step.detail = _told(result)
                warnings += found
            done.append(result)
        with progress.step("dbt: write the documentation") as step:
            documented = next(ended)
            if not documented["success"]:  # the data is built and tested: no reason to fail
                step.detail = documented["problem"] or f"incomplete; see {folder / 'logs'}"
                warnings.append(f"dbt docs: {step.detail}")
        for warning in warnings:
            progress.note(f"  warning: {warning}")
        return DbtRun(tuple(done), tuple(warnings))


def run_layers(settings: Settings, layers: Sequence[str], progress: Progress) -> DbtRun:
    """Build the layers now; see `DbtProcess.run`."""
    with contextlib.closing(DbtProcess(settings, layers)) as dbt:
        return dbt.run(progress)


def _ended_steps(process: subprocess.Popen[bytes], folder: Path) -> Iterator[dict[str, Any]]:
    """Yield each step as it ends. Raises PermanentError when dbt itself ends too early."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    for line in process.stdout:
        if line.startswith(b"{"):
            yield json.loads(line)
    words = (folder / "stderr.log").read_text(errors="replace").strip()[-2000:]
    raise PermanentError(f"dbt ended with status {process.wait()}: {words}; see {folder / 'logs'}")


def _layer(
    folder: Path, layer: str, ended: Iterator[dict[str, Any]], manifest: dict[str, Any]
) -> tuple[LayerResult, list[str]]:
    built = next(ended)
    run = _results_of(folder, built["step"])
    if not built["success"]:
        results.raise_for_models(run, built["problem"] or "a model was not built")
    tested = next(ended)
    tests = _results_of(folder, tested["step"])
    if not tested["success"]:
        problem = tested["problem"] or "dbt did not say why"
        results.raise_for_tests(layer, tests, manifest, problem)
    seconds = round(built["seconds"] + tested["seconds"], 3)
    result = LayerResult(layer, results.built_models(run), len(tests["results"]), seconds)
    return result, results.warnings_of(tests, manifest)


def _results_of(folder: Path, step: str) -> dict[str, Any]:
    return results.read_artefact(result_file(folder, step))


def _expect(ended: dict[str, Any], step: str) -> None:
    if not ended["success"]:
        raise PermanentError(f"dbt {step}: {ended['problem'] or 'failed; see its log'}")


def _with_rows(settings: Settings, models: tuple[ModelResult, ...]) -> tuple[ModelResult, ...]:
    """Count the models' tables in one query (a CTAS job's own row count is Dremio's batches)."""
    if not models:
        return models
    counts = " UNION ALL ".join(
        f"SELECT '{model.model}' AS model, COUNT(*) AS row_count FROM {model.relation}"  # noqa: S608
        for model in models
    )
    rows = {row["model"]: int(row["row_count"]) for row in Dremio(settings).sql(counts)}
    return tuple(replace(model, rows=rows.get(model.model)) for model in models)


def _told(result: LayerResult) -> str:
    tables = ", ".join(f"{model.model} {model.rows:,}" for model in result.models)
    return f"{tables}; {result.tests} tests passed"
