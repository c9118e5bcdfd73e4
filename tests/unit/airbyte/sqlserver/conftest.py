from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from services.airbyte.cdk.source import Environment
from tests.support.sqlserver.fixture import SqlServer, own_server


@pytest.fixture
def server() -> Iterator[SqlServer]:
    with own_server() as one:
        yield one


@pytest.fixture
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as one:
        one.execute("SET TimeZone = 'UTC'")
        yield one


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def env(told: list[str], tmp_path: Path) -> Environment:
    return Environment(
        tmp_path, "", "", "", log=lambda text, *_: told.append(text), dead_letters=lambda *_: ""
    )
