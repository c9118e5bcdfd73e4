"""Airbyte's own connectors, run as they come from the package index."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import airbyte_api
import pytest
from airbyte_api import api, models

from tests.contract.airbyte.client import Airbyte, rows
from tests.support.file_servers import PASSWORD, USER, sftp

FAKER, FILE = "7.2.1", "0.5.39"


def custom(airbyte: Airbyte, repository: str, tag: str) -> dict[str, Any]:
    wanted = {
        "name": repository.rpartition("/")[2],
        "dockerRepository": repository,
        "dockerImageTag": tag,
        "documentationUrl": "",
    }
    made = airbyte.post(
        "source_definitions/create_custom",
        workspaceId=airbyte.workspace,
        sourceDefinition=wanted,
    )
    return dict(made)


@pytest.fixture(scope="module")
def faker(airbyte: Airbyte, index: None) -> str:
    made = custom(airbyte, "airbyte/source-faker", FAKER)
    assert made["custom"] is True
    return str(made["sourceDefinitionId"])


def test_faker_syncs_incrementally_and_goes_on(airbyte: Airbyte, faker: str) -> None:
    told = airbyte.post("source_definition_specifications/get", sourceDefinitionId=faker)
    assert "count" in told["connectionSpecification"]["properties"]
    source = airbyte.source({"count": 1000, "seed": 7, "parallelism": 1}, faker, "faker")
    assert airbyte.post("sources/check_connection", sourceId=source)["status"] == "succeeded"
    new = {"syncMode": "incremental", "destinationSyncMode": "append_dedup"}
    full = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
    connection = airbyte.connect(source, "faker", {"users": new, "products": full})
    info = airbyte.sync(connection)
    lake = "bronze.faker"
    query = f"SELECT count(*), count(DISTINCT id), max(id), min(typeof(id)) FROM {lake}.users"
    assert rows(airbyte.settings, query) == [(1000, 1000, 1000, "BIGINT")]
    [(products,)] = rows(airbyte.settings, f"SELECT count(*) FROM {lake}.products")
    assert products == 100
    kinds = rows(
        airbyte.settings,
        f"SELECT typeof(created_at), typeof(address), _airbyte_meta.changes FROM {lake}.users"
        " LIMIT 1",
    )
    assert kinds == [("TIMESTAMP WITH TIME ZONE", "VARCHAR", [])]
    state = airbyte.post("state/get", connectionId=connection)
    kept = {s["streamDescriptor"]["name"]: s.get("streamState") for s in state["streamState"]}
    assert kept["users"]["updated_at"]
    stats = {s["streamName"]: s["stats"] for s in info["attempts"][0]["attempt"]["streamStats"]}
    assert stats["users"]["recordsCommitted"] == 1000
    airbyte.sync(connection)
    assert rows(airbyte.settings, query) == [(1000, 1000, 1000, "BIGINT")]


def test_an_environment_that_is_gone_is_made_again_by_the_job(airbyte: Airbyte, faker: str) -> None:
    source = airbyte.source({"count": 10, "seed": 7, "parallelism": 1}, faker, "faker again")
    full = {"syncMode": "full_refresh", "destinationSyncMode": "append"}
    connection = airbyte.connect(source, "again", {"users": full})
    home = airbyte.settings.data_dir / "airbyte" / "connectors" / f"airbyte-source-faker-{FAKER}"
    # As a kill leaves it: something is there, the mark that it is whole is not.
    (home / "installed.json").unlink()
    shutil.rmtree(home / "lib")
    info = airbyte.sync(connection)
    log = "\n".join(info["attempts"][0]["logs"]["logLines"])
    assert f"setting up airbyte-source-faker=={FAKER}" in log
    assert f"airbyte-source-faker {FAKER} is set up" in log
    assert rows(airbyte.settings, "SELECT count(*) FROM bronze.again.users") == [(10,)]


def test_source_file_reads_what_a_server_has(airbyte: Airbyte, index: None, tmp_path: Path) -> None:
    definition = custom(airbyte, "airbyte/source-file", FILE)["sourceDefinitionId"]
    told = airbyte.post("source_definition_specifications/get", sourceDefinitionId=definition)
    assert told["connectionSpecification"]["title"] == "File Source Spec"
    (tmp_path / "people.csv").write_text("id,name\n1,Ada\n2,Grace\n")
    with sftp(tmp_path) as port:
        provider = {
            "storage": "SFTP",
            "user": USER,
            "password": PASSWORD,
            "host": "127.0.0.1",
            "port": str(port),
        }
        config = {
            "dataset_name": "people",
            "format": "csv",
            "url": "people.csv",
            "provider": provider,
        }
        source = airbyte.source(config, definition, "people by sftp")
        full = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
        connection = airbyte.connect(source, "by_sftp", {"people": full})
        airbyte.sync(connection)
    found = rows(airbyte.settings, "SELECT id, name FROM bronze.by_sftp.people ORDER BY id")
    assert [name for _, name in found] == ["Ada", "Grace"]


def test_a_version_that_does_not_exist_is_told(airbyte: Airbyte, index: None) -> None:
    answer = airbyte.raw(
        "source_definitions/create_custom",
        workspaceId=airbyte.workspace,
        sourceDefinition={
            "name": "x",
            "dockerRepository": "airbyte/source-faker",
            "dockerImageTag": "99.0.0",
            "documentationUrl": "",
        },
    )
    assert answer.status_code == 422
    assert "airbyte-source-faker==99.0.0" in answer.json()["message"]


@pytest.mark.parametrize("repository", ["someone/else", "airbyte/destination-x", "../../bin/sh"])
def test_images_of_others_are_refused_by_name(airbyte: Airbyte, repository: str) -> None:
    answer = airbyte.raw(
        "source_definitions/create_custom",
        workspaceId=airbyte.workspace,
        sourceDefinition={
            "name": "x",
            "dockerRepository": repository,
            "dockerImageTag": "1",
            "documentationUrl": "",
        },
    )
    assert answer.status_code == 422
    assert "lakelet.yml" in answer.json()["message"]


def test_the_sdk_makes_changes_and_deletes_a_definition(
    airbyte: Airbyte, sdk: airbyte_api.AirbyteAPI, index: None
) -> None:
    made = sdk.source_definitions.create_source_definition(
        request=api.CreateSourceDefinitionRequest(
            workspace_id=airbyte.workspace,
            create_definition_request=models.CreateDefinitionRequest(
                name="by sdk", docker_repository="airbyte/source-faker", docker_image_tag=FAKER
            ),
        )
    ).definition_response
    assert made.docker_image_tag == FAKER
    changed = sdk.source_definitions.update_source_definition(
        request=api.UpdateSourceDefinitionRequest(
            workspace_id=airbyte.workspace,
            definition_id=made.id,
            update_definition_request=models.UpdateDefinitionRequest(
                name="renamed", docker_image_tag=FAKER
            ),
        )
    ).definition_response
    assert changed.name == "renamed"
    sdk.source_definitions.delete_source_definition(
        request=api.DeleteSourceDefinitionRequest(
            workspace_id=airbyte.workspace, definition_id=made.id
        )
    )
    left = airbyte.post("source_definitions/list")["sourceDefinitions"]
    assert made.id not in {one["sourceDefinitionId"] for one in left}
