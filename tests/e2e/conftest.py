"""One whole platform for the end-to-end tests, brought up by the command a user types."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.supervisor.orphans import end_processes
from tests.support.platform import Home


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A platform with its samples loaded and its pipeline run; nothing may be left of it."""
    home = Home(tmp_path_factory.mktemp("platform"))
    try:
        result = home.lakelet("up")
        assert result.returncode == 0, f"{result.stderr}\n{result.stdout}"
        yield home
        result = home.lakelet("down")
        assert result.returncode == 0, result.stderr
        assert home.left_over() == []
    finally:
        end_processes(home.settings)
