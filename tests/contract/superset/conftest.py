"""Superset, really started, on a PostgreSQL of the test's own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from bootstrap.dbt import run_layers
from bootstrap.progress import Progress
from bootstrap.superset import import_assets
from tests.support.lake import LAYERS, lake_in
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


@pytest.fixture(scope="session")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with engine and Superset; gold is built (one order late, one corrected) and shown."""
    with lake_in(tmp_path_factory.mktemp("lake"), "superset") as (home, bronze):
        bronze.add_order(6, 1, 41, "70.00", "completed")
        bronze.add_order(7, 1, 20, "3.33", "completed")
        run_layers(home.settings, LAYERS, Progress())
        import_assets(home.settings)
        yield home
