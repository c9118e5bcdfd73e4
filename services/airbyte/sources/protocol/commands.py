"""A connector's command line, and the private folder with its files."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.protocol.install import Installed, ensure
from services.airbyte.sources.protocol.launch import CDK_VERSION, COMPONENTS, Launch

Json = dict[str, Any]

# Below the server's data folder: environments, and what running connectors are handed.
_ALLOW_CODE = "AIRBYTE_ENABLE_UNSAFE_CODE=true"  # airbyte-cdk's own switch
CONNECTORS, RUNS = "connectors", "runs"


@contextmanager
def private_folder(root: Path) -> Iterator[Path]:
    """Give a folder that only this user may enter; it goes away with all that is in it.

    Its name begins with the process' number: what a killed process left is found by that.
    """
    runs = root / RUNS
    runs.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=runs))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(root: Path) -> None:
    """Remove what processes that are gone have left: configurations with secrets, and rows."""
    for folder in (root / RUNS).glob("*-*"):
        if not Path(f"/proc/{folder.name.partition('-')[0]}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def hand_over(folder: Path, name: str, content: Any) -> Path:
    """Write a JSON file that only this user may read."""
    path = folder / f"{name}.json"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(content))
    return path


def command_line(
    launch: Launch, root: Path, folder: Path, operation: str, log: Callable[[str], None]
) -> list[str]:
    """Return how `operation` (spec, check, discover, read) is called, without its files.

    What has to be installed is installed now. Raises ConnectorError.
    """
    if launch.kind == "command":
        return [*launch.command, operation]
    environments = root / CONNECTORS
    if launch.kind == "manifest":
        installed = ensure(environments, "airbyte-cdk", launch.version or CDK_VERSION, log)
        manifest = folder / "manifest.yaml"  # YAML holds all of JSON
        manifest.write_bytes(orjson.dumps(launch.manifest))
        program = _program(installed, "airbyte-cdk", "source-declarative-manifest")
        argv = [str(program), operation, "--manifest-path", str(manifest)]
        if not launch.folder:
            return argv
        # From lakelet.yml alone: code that came over the network is never run.
        components = str(Path(launch.folder) / COMPONENTS)
        return ["env", _ALLOW_CODE, *argv, "--components-path", components]
    installed = ensure(environments, launch.package, launch.version, log)
    program = _program(installed, launch.package, launch.package.removeprefix("airbyte-"))
    return [str(program), operation]


def _program(installed: Installed, package: str, name: str) -> Path:
    program = installed.program(name)
    if not program.exists():
        raise config_error(
            f"{package} {installed.version} brings no program {program.name}: it is not a"
            " connector that can be started; set another version"
        )
    return program
