"""The Compose files as Compose itself resolves them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.common.settings import CHECKOUT

COMPOSE = Path(sys.executable).with_name("docker-compose")
PROFILES = ("transform", "logs", "monitoring", "edge", "executors", "tools", "notebooks")
PRESETS = ("small", "medium", "large")
ENGINES = ("vendor", "light")


@dataclass(frozen=True)
class Variant:
    """One way to run the platform."""

    engines: str
    preset: str
    profiles: tuple[str, ...] = ()
    store: str = "minio"

    def __str__(self) -> str:
        store = [] if self.store == "minio" else [self.store]
        profiles = self.profiles[0] if len(self.profiles) == 1 else "all"
        return "-".join([self.engines, self.preset, profiles if self.profiles else "core", *store])


VARIANTS = [
    Variant(engines, preset, profiles)
    for engines in ENGINES
    for preset in PRESETS
    for profiles in ((), PROFILES)
] + [
    Variant("vendor", "small", PROFILES, "seaweedfs"),
    *(Variant(engines, "small", (profile,)) for engines in ENGINES for profile in PROFILES),
]


def compose_config(
    env_file: Path, variant: Variant, *arguments: str, file: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `docker compose config` with nothing of this process's own environment."""
    return subprocess.run(
        [
            *(str(COMPOSE), "--env-file", str(env_file)),
            *(("--file", str(file)) if file else ()),
            *(part for profile in variant.profiles for part in ("--profile", profile)),
            *("config", *arguments),
        ],
        cwd=CHECKOUT,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(env_file.parent),
            "ENGINES": variant.engines,
            "PRESET": variant.preset,
            "OBJECT_STORE": variant.store,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def resolved(env_file: Path, variant: Variant) -> dict[str, Any]:
    """Return the resolved model; fail on any error and on any warning (unset variables)."""
    result = compose_config(env_file, variant, "--format", "json")
    assert result.returncode == 0, result.stderr
    assert "level=warning" not in result.stderr, result.stderr
    model: dict[str, Any] = json.loads(result.stdout)
    return model
