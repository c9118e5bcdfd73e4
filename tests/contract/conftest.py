"""Services under contract test: a platform of this test run's own, in a temporary home."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import elsewhere
from tests.support.platform import Home, services_in


@pytest.fixture(scope="session")
def engine_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """PostgreSQL, storage and the query engine, running; or the Dremio of CONTRACT_DREMIO."""
    folder = tmp_path_factory.mktemp("engine")
    if (there := elsewhere.dremio()) is not None:
        yield Home(folder, **there)
        return
    with services_in(folder, "postgres", "storage", "dremio") as home:
        yield home
