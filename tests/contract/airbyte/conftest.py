from __future__ import annotations

import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import airbyte_api
import pytest
from airbyte_api import models

from tests.contract.airbyte.client import Airbyte
from tests.support.mariadb import MariaDB, mariadb
from tests.support.mongo.place import Mongo, mongo_place
from tests.support.platform import services_in
from tests.support.sqlserver.fixture import SqlServer, sql_server


@pytest.fixture(scope="session")
def airbyte(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airbyte]:
    folder = tmp_path_factory.mktemp("airbyte")
    with services_in(folder, "postgres", "storage", "airbyte") as home:
        yield Airbyte(home)


@pytest.fixture(scope="session")
def mysql() -> Iterator[MariaDB]:
    with mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def mongo() -> Iterator[Mongo]:
    with mongo_place() as place:
        yield place


@pytest.fixture(scope="session")
def sqlserver() -> Iterator[SqlServer]:
    with sql_server() as server:
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
        timeout_ms=60_000,  # its 5 s are too few on a busy machine
    )


@pytest.fixture(scope="session")
def index() -> None:
    """Whether the package index answers; in CI it has to."""
    uv = Path(sys.executable).parent / "uv"
    asked = subprocess.run(
        [
            uv,
            "pip",
            "install",
            "--dry-run",
            "--no-deps",
            "--quiet",
            "airbyte-source-faker==7.2.1",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if asked.returncode and not os.environ.get("CI"):
        pytest.skip(f"the package index cannot be reached: {asked.stderr[-300:]}")
    assert asked.returncode == 0, asked.stderr


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A folder that is served over HTTP: its address and its path."""
    folder = tmp_path_factory.mktemp("served")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", folder
        server.shutdown()
