"""Debian's Prometheus and Alertmanager: installed, or unpacked below the data folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from services.common.settings import Settings

PACKAGES = ("prometheus", "prometheus-alertmanager")


def unpacked(settings: Settings) -> Path:
    """Return the folder into which packages are unpacked without root."""
    return settings.data_dir / "debian"


def binary(settings: Settings, name: str) -> Path | None:
    """Return the path of an installed or unpacked binary, or None."""
    installed = shutil.which(name)
    if installed:
        return Path(installed)
    path = unpacked(settings) / "usr" / "bin" / name
    return path if path.exists() else None


def runs_prometheus(settings: Settings) -> bool:
    """Say whether this platform runs Prometheus and Alertmanager: wanted, and there."""
    return settings.monitoring == "on" and all(binary(settings, name) for name in PACKAGES)
