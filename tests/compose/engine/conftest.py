"""One platform of light engines in real containers, for all tests of this folder, in their order.

Minutes, not seconds: `make test-compose` asks for it. Elsewhere it says that it did not run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.docker import (
    KernelForbids,
    check_a_container_runs,
    engine,
    ensure_base_image,
    remove_images,
    why_no_engine,
)
from tests.support.platform import Home
from tests.support.ports import free_port

# Health is looked at more often than usual: waiting for it is not what shall take the time here.
SETTINGS = {
    "RUNTIME": "compose",
    "ENGINES": "light",
    "COMPOSE_PROFILES": "notebooks",
    "HEALTH_INTERVAL": "3s",
    # Built here, whatever an engine that answers has under the usual names.
    "PLATFORM_IMAGE": "lakelet/platform:tests",
    "NOTEBOOKS_IMAGE": "lakelet/notebooks:tests",
    "SUPERSET_LIGHT_IMAGE": "lakelet/superset-light:tests",
}


@pytest.fixture(scope="session")
def home(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Home]:
    """A home folder and an engine, nothing started."""
    if os.environ.get("LAKELET_TEST_ENGINE") != "1":
        pytest.skip("NOT RUN: the containers themselves; `make test-compose` runs them")
    missing = why_no_engine()
    assert missing is None, missing
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("engine")
        try:
            stack.enter_context(engine(folder))
            ensure_base_image(folder)
            check_a_container_runs()
        except KernelForbids as reason:
            words = f"THE CONTAINERS WERE NOT RUN: this machine's kernel forbids them: {reason}"
            if os.environ.get("CI"):
                pytest.fail(words)
            request.config.pluginmanager.getplugin("terminalreporter").write_line(words, red=True)
            pytest.skip(words)
        home = Home(folder / "home", **SETTINGS, NOTEBOOKS_PORT=str(free_port()))
        try:
            yield home
        finally:
            home.lakelet("destroy", "--yes")
            remove_images(":tests")


@pytest.fixture(scope="session")
def outcome(home: Home) -> Any:
    """The platform, brought up by the command a user types; what it printed."""
    result = home.lakelet("up", "--json", timeout=1200)
    print(result.stderr)  # each step with its seconds
    assert result.returncode == 0, f"{result.stderr}\n{result.stdout}"
    return json.loads(result.stdout)
