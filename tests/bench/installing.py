"""How long the environments take in a fresh clone, next to copying their files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from services.common.settings import CHECKOUT
from tests.bench.report import Figure, at_most


def measure_install() -> list[Figure]:
    """Install into a copy of the tree (the package client's cache as it is)."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "lakelet"
        shutil.copytree(
            CHECKOUT, clone, ignore=shutil.ignore_patterns(".venv*", ".lakelet", ".git", ".env")
        )
        started = time.monotonic()
        subprocess.run(
            [_base_python(), "-m", "bootstrap.install", "--tests"],
            cwd=clone,
            env={k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")},
            check=True,
            capture_output=True,
        )
        seconds = time.monotonic() - started
        started = time.monotonic()
        for name in (".venv", ".venv-superset"):
            shutil.copytree(clone / name, Path(folder) / f"copy{name}", symlinks=True)
        copying = time.monotonic() - started
    return [at_most("install", seconds, "s", 120, limit=copying, limit_of="copying the same files")]


def _base_python() -> str:
    return str(Path(sys.base_prefix) / "bin" / "python3")
