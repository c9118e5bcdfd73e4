"""MONITORING=on: Debian's Prometheus and Alertmanager, installed or unpacked without root."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from bootstrap.progress import Progress
from services.common import debian
from services.common.settings import Settings


def ensure_prometheus(settings: Settings, progress: Progress) -> bool:
    """Unpack the packages where they are wanted and not there; say whether they came.

    Where they cannot be had (not a Debian, no network) the exporter goes on evaluating the same
    rules, and that is said.
    """
    if settings.monitoring != "on" or debian.runs_prometheus(settings):
        return False
    with progress.step("unpack Prometheus and Alertmanager") as step:
        problem = unpack(debian.unpacked(settings))
        step.detail = f"{problem}: the exporter evaluates the rules itself" if problem else ""
    return not problem


def unpack(folder: Path) -> str:
    """Download the packages with apt and unpack them into `folder`; return what went wrong."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            return f"no {tool} here"
    with tempfile.TemporaryDirectory() as place:
        result = _run(["apt-get", "download", "-qq", *debian.PACKAGES], Path(place))
        packages = sorted(Path(place).glob("*.deb"))
        if result.returncode != 0 or len(packages) != len(debian.PACKAGES):
            lines = result.stderr.strip().splitlines()
            return f"apt-get download failed ({lines[-1] if lines else 'no packages'})"
        unfinished = folder.with_name("debian.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        for package in packages:
            result = _run(["dpkg-deb", "--extract", str(package), str(unfinished)], Path(place))
            if result.returncode != 0:
                return f"dpkg-deb failed ({result.stderr.strip()})"
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    return ""


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
