"""Commands of Compose on the platform under test."""

from __future__ import annotations

import subprocess

from bootstrap.runtime.compose import ComposeRuntime
from services.common.settings import read_settings
from tests.support.platform import Home


def compose(home: Home, *arguments: str, timeout: float = 400) -> str:
    """Run `docker compose …` as the platform does; return what it printed, fail with its words."""
    runtime = ComposeRuntime(read_settings(home.folder))
    result = subprocess.run(
        runtime.compose.command(*arguments),
        env={**home.environment, **runtime.compose.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert result.returncode == 0, f"{result.stderr[-4000:]}\n{result.stdout[-4000:]}"
    return result.stdout


def pids(home: Home) -> dict[str, int]:
    """Return the process id of each service's container, 0 where none runs."""
    return {row["name"]: row["pid"] for row in home.lakelet_json("status")}
