"""What a machine must have for the Compose runtime; asked before anything is changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bootstrap import preflight
from bootstrap.compose import engine
from bootstrap.preflight import Problem

# Elasticsearch refuses to start below it (its documentation: virtual memory).
MAP_COUNT = 262_144
# Images and a first day's data.
DISK = {"vendor": 40_000_000_000, "light": 6_000_000_000}


def check_engine() -> list[Problem]:
    """Check that an engine answers, is new enough, and that Compose is there."""
    version = engine.engine_version()
    if version is None:
        return [
            Problem(
                "engine",
                "no Docker engine answers (`docker version`): start it, add yourself to its group, "
                "set DOCKER_HOST, or set RUNTIME=embedded",
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


def check_memory(model: Mapping[str, Any]) -> list[Problem]:
    """Check that two thirds of the services' limits are there (they seldom reach them together)."""
    limits = sum(
        int(service.get("mem_limit", 0))
        for service in model["services"].values()
        if service.get("labels", {}).get("org.lakelet.kind") == "server"
    )
    available = preflight.available_memory()
    if available is None or available >= limits * 2 // 3:
        return []
    return [
        Problem(
            "memory",
            f"{available / 1e9:.1f} GB of memory available, the services' limits are "
            f"{limits / 1e9:.1f} GB: set PRESET=small or ENGINES=light in .env, or free some",
        )
    ]


def check_disk(home: Path, engines: str) -> list[Problem]:
    """Check the room for images and data."""
    return preflight.check_disk(home, DISK[engines])


def check_ports(model: Mapping[str, Any]) -> list[Problem]:
    """Check that every published port is free."""
    return [
        Problem(
            "ports",
            f"port {number} ({name}) is held by {preflight.holder(number)}: stop it, or move "
            "ours in .env",
        )
        for name, service in model["services"].items()
        for port in service.get("ports", [])
        for number in [int(port["published"])]
        if not preflight.is_free(port.get("host_ip") or "0.0.0.0", number)  # noqa: S104
    ]


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
