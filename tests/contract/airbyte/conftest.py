from __future__ import annotations

from collections.abc import Iterator

import airbyte_api
import pytest
from airbyte_api import models

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


@pytest.fixture
def sdk(airbyte: Airbyte) -> airbyte_api.AirbyteAPI:
    settings = airbyte.settings
    return airbyte_api.AirbyteAPI(
        server_url=f"http://127.0.0.1:{settings.airbyte_public_port}/api/public/v1",
        security=models.Security(
            client_credentials=models.SchemeClientCredentials(
                client_id=settings.airbyte_client_id,
                client_secret=settings.airbyte_client_secret.get_secret_value(),
                token_url="/api/public/v1/applications/token",
            )
        ),
    )
