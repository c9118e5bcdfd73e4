"""Services under contract test: a platform of this test run's own, in a temporary home."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.platform import Home, services_in


@pytest.fixture(scope="session")
def engine_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """PostgreSQL, storage and the query engine, running."""
    with services_in(tmp_path_factory.mktemp("engine"), "postgres", "storage", "dremio") as home:
        yield home
