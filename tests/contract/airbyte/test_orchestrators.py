"""The orchestrators' own clients, unchanged, start syncs and follow them to the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.contract.airbyte.client import Airbyte, rows
from tests.support.clients import run_script

SCRIPTS = Path(__file__).parent / "orchestrators"
ROWS = 23
MODE = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
INCREMENTAL = {
    "syncMode": "incremental",
    "destinationSyncMode": "append_dedup",
    "cursorField": ["at"],
}


@pytest.fixture
def given(airbyte: Airbyte, request: pytest.FixtureRequest) -> dict[str, Any]:
    name = request.node.name.removeprefix("test_")
    with airbyte.shop() as db:
        db.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, at timestamptz DEFAULT now())")
        db.execute(f"INSERT INTO {name} SELECT i FROM generate_series(1, {ROWS}) i")
    settings = airbyte.settings
    mode = INCREMENTAL if name == "pyairbyte" else MODE
    source = airbyte.source(airbyte.postgres_config())
    return {
        "table": name,
        "connection": airbyte.connect(source, "orchestrated", {name: mode}),
        "workspace": airbyte.workspace,
        "port": settings.airbyte_port,
        "public_url": f"http://127.0.0.1:{settings.airbyte_public_port}/api/public/v1",
        "config_url": f"http://127.0.0.1:{settings.airbyte_config_port}/api/v1",
        "client_id": settings.airbyte_client_id,
        "client_secret": settings.airbyte_client_secret.get_secret_value(),
        "user": settings.admin_user,
        "password": settings.admin_password.get_secret_value(),
    }


def jobs(airbyte: Airbyte, connection: str) -> list[str]:
    listed = airbyte.post("jobs/list", configTypes=["sync"], configId=connection)["jobs"]
    return [one["job"]["status"] for one in listed]


def test_pyairbyte(airbyte: Airbyte, given: dict[str, Any], tmp_path: Path) -> None:
    found = run_script("pyairbyte", SCRIPTS / "with_pyairbyte.py", given, tmp_path)
    assert (found["status"], found["rows"], found["attempts"]) == ("succeeded", ROWS, [ROWS])
    assert found["streams"] == ["pyairbyte"]
    assert found["source"] == "shop"
    assert "by PyAirbyte" in found["names"]
    assert f"{ROWS} records" in found["log"]
    assert found["state"]["stateType"] == "stream"
    assert found["catalog"]["streams"][0]["stream"]["name"] == "pyairbyte"
    assert found["history"] == 1
    query = "SELECT count(*) FROM bronze.orchestrated.pyairbyte"
    assert rows(airbyte.settings, query) == [(ROWS,)]


def test_airflow(airbyte: Airbyte, given: dict[str, Any], tmp_path: Path) -> None:
    found = run_script("airflow", SCRIPTS / "with_airflow.py", given, tmp_path)
    assert found["healthy"], found["message"]
    assert found["rows"] == ROWS
    assert found["statuses"] == ["succeeded", "succeeded"]
    assert jobs(airbyte, given["connection"]) == ["succeeded", "succeeded"]


def test_prefect(airbyte: Airbyte, given: dict[str, Any], tmp_path: Path) -> None:
    found = run_script("prefect", SCRIPTS / "with_prefect.py", given, tmp_path)
    assert (found["status"], found["rows"]) == ("succeeded", ROWS)
    assert found["task"]["job_status"] == "succeeded"
    assert found["task"]["connection_id"] == given["connection"]
    assert jobs(airbyte, given["connection"]) == ["succeeded", "succeeded"]


def test_dagster(airbyte: Airbyte, given: dict[str, Any], tmp_path: Path) -> None:
    found = run_script("dagster", SCRIPTS / "with_dagster.py", given, tmp_path)
    assert found["success"]
    assert [key[-1] for key in found["keys"]] == ["dagster"]
    assert [key[-1] for key in found["materialized"]] == ["dagster"]
    assert jobs(airbyte, given["connection"]) == ["succeeded"]
