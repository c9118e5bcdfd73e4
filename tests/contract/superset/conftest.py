"""Superset, really started, on a PostgreSQL of the test's own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.platform import Home, services_in


@pytest.fixture(scope="session")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose PostgreSQL and Superset run."""
    with services_in(tmp_path_factory.mktemp("superset"), "postgres", "superset") as home:
        yield home


def kill_hard(process: subprocess.Popen[bytes]) -> None:
    """End a process as a crash would."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
