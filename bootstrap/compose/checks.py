"""What a machine must have for the Compose runtime; asked before anything is changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bootstrap import preflight
from bootstrap.compose import engine
from bootstrap.preflight import Problem
from services.common.settings import CHECKOUT

# Elasticsearch refuses to start below it (its documentation: virtual memory).
MAP_COUNT = 262_144
# Images and a first day's data.
DISK = {"vendor": 40_000_000_000, "light": 6_000_000_000}
_PUBLISHED = re.compile(r"\$\{([A-Z_]+_PORT):-\d+\}:(\d+)")


def check_engine() -> list[Problem]:
    """Check that an engine answers, is new enough, and that Compose is there."""
    version = engine.engine_version()
    if version is None:
        return [
            Problem(
                "engine",
                f"no Docker engine answers: {engine.why_no_engine()}; install Docker Engine 20.10 "
                "or newer, start it, add yourself to the group `docker` or set DOCKER_HOST; or set "
                "RUNTIME=embedded, which needs none",
            )
        ]
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < engine.OLDEST_ENGINE:
        wanted = ".".join(map(str, engine.OLDEST_ENGINE))
        return [Problem("engine", f"Docker engine {version}, {wanted} or newer is needed")]
    if engine.compose_command() is None:
        return [
            Problem(
                "engine",
                "no Docker Compose 2: install the Compose plug-in, or set RUNTIME=embedded",
            )
        ]
    return []


def check_memory(model: Mapping[str, Any], engines: str, preset: str) -> list[Problem]:
    """Check that two thirds of the services' limits are there (they seldom reach them together)."""
    limits = sum(
        int(service.get("mem_limit", 0))
        for service in model["services"].values()
        if service.get("labels", {}).get("org.lakelet.kind") == "server"
    )
    available = preflight.available_memory()
    if available is None or available >= limits * 2 // 3:
        return []
    smaller = [
        *(["PRESET=small"] if preset != "small" else []),
        *(["ENGINES=light"] if engines != "light" else []),
    ]
    advice = f"set {' or '.join(smaller)} in .env, or " if smaller else ""
    return [
        Problem(
            "memory",
            f"{available / 1e9:.1f} GB of memory available, {limits * 2 / 3e9:.1f} GB needed (two "
            f"thirds of the services' limits): {advice}close other programs",
        )
    ]


def check_disk(home: Path, engines: str, *, new: bool) -> list[Problem]:
    """Check the room for images and data where the engine keeps them; `new`: images are missing."""
    needed = DISK[engines] if new else preflight.DISK_TO_RUN
    root = engine.data_root()
    if root is None:
        return preflight.check_disk(home, needed)
    instead = "move the engine's `data-root` (`docker system df` tells what it holds)"
    return preflight.check_disk(root, needed, instead)


def check_ports(model: Mapping[str, Any]) -> list[Problem]:
    """Check that every published port is free; name who holds one and the setting that moves it."""
    settings = _settings_of_ports()
    return [
        Problem(
            "ports",
            f"port {number} ({name}) is held by {preflight.holder(number)}: stop it, or set "
            f"{settings.get(int(port['target']), 'its port')} in .env",
        )
        for name, service in model["services"].items()
        for port in service.get("ports", [])
        for number in [int(port["published"])]
        if not preflight.is_free(port.get("host_ip") or "0.0.0.0", number)  # noqa: S104
    ]


def _settings_of_ports() -> dict[int, str]:
    """Return port inside → the setting that says where it is published (`${NAME:-1234}:80`)."""
    files = (CHECKOUT / "compose").rglob("*.yml")
    found = (_PUBLISHED.findall(path.read_text()) for path in files)
    return {int(target): name for pairs in found for name, target in pairs}


def check_map_count(
    model: Mapping[str, Any], path: Path = Path("/proc/sys/vm/max_map_count")
) -> list[Problem]:
    """Check the kernel's limit that Elasticsearch needs, where the vendor's is to run."""
    service = model["services"].get("elasticsearch")
    if service is None or service.get("build") or not path.exists():  # ours is built here
        return []
    found = int(path.read_text())
    if found >= MAP_COUNT:
        return []
    return [
        Problem(
            "kernel",
            f"vm.max_map_count is {found}, Elasticsearch needs {MAP_COUNT}: "
            f"sysctl -w vm.max_map_count={MAP_COUNT} (and a line in /etc/sysctl.d)",
        )
    ]
