from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.airbyte.client import Airbyte
from tests.support.mariadb import MariaDB, mariadb
from tests.support.platform import services_in


@pytest.fixture(scope="session")
def airbyte(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airbyte]:
    folder = tmp_path_factory.mktemp("airbyte")
    with services_in(folder, "postgres", "storage", "airbyte") as home:
        yield Airbyte(home)


@pytest.fixture(scope="session")
def mysql() -> Iterator[MariaDB]:
    with mariadb() as server:
        yield server
