"""`python -m bootstrap.dbt.steps FOLDER STEP…`: several dbt commands in one process.

A process of its own, because dbt keeps global state and needs the password in its
environment; one for all steps, because importing dbt and parsing the project cost more than
most steps. A step is `command:selector` or a bare command: `run:tag:staging`,
`test:tag:staging`, `freshness`, `docs`. Each step's results are left in
`FOLDER/steps/<step>.json`; a line of JSON on standard output tells that it has ended. The
first step that fails is the last one.

It begins when a line comes in on standard input, so that it can be started, and dbt imported,
while what it needs is still being made; without one it ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import time
from pathlib import Path

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from bootstrap.dbt.results import result_file

_ARTEFACT = {"freshness": "sources.json", "docs": "catalog.json"}
_QUIET = ["--log-level", "none", "--log-level-file", "info"]
# Tests ask for no relation: listing them first would be two more statements.
_COMMANDS = {
    "freshness": ["source", "freshness"],
    "docs": ["docs", "generate"],
    "test": ["test", "--no-populate-cache"],
}


def command_of(step: str) -> list[str]:
    """Return dbt's arguments for a step."""
    name, _, selector = step.partition(":")
    command = _COMMANDS.get(name, [name])
    return [*command, "--select", selector] if selector else list(command)


def run_steps(folder: Path, steps: list[str]) -> None:
    """Run the steps in order, writing one line for each, until one does not succeed."""
    manifest: Manifest | None = None
    target = Path(os.environ["DBT_TARGET_PATH"])
    shutil.rmtree(folder / "steps", ignore_errors=True)
    (folder / "steps").mkdir(parents=True)
    for step in ("parse", *steps):
        started = time.monotonic()
        artefact = target / _ARTEFACT.get(step, "run_results.json")
        artefact.unlink(missing_ok=True)
        result = dbtRunner(manifest=manifest).invoke([*_QUIET, *command_of(step)])
        if step == "parse" and isinstance(result.result, Manifest):
            manifest = result.result
        if artefact.exists():
            shutil.copyfile(artefact, result_file(folder, step))
        ended = {
            "step": step,
            "success": result.success,
            "seconds": round(time.monotonic() - started, 3),
            "problem": str(result.exception) if result.exception else "",
        }
        print(json.dumps(ended), flush=True)
        if not result.success:
            return


def main() -> None:
    """Run the steps named on the command line, one run at a time for the folder."""
    if not sys.stdin.readline():
        return
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # freed by the kernel, however this process ends
        run_steps(folder, sys.argv[2:])


if __name__ == "__main__":
    main()
