"""The Config API: shapes, errors, secrets."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from tests.contract.airbyte.client import LAKE, POSTGRES, Airbyte


def test_health_is_open_and_the_rest_is_not(airbyte: Airbyte) -> None:
    for port in (
        airbyte.settings.airbyte_port,
        airbyte.settings.airbyte_config_port,
        airbyte.settings.airbyte_public_port,
    ):
        base = f"http://127.0.0.1:{port}/api/v1"
        assert httpx.get(f"{base}/health").json() == {"available": True}
        refused = httpx.post(f"{base}/workspaces/list", json={})
        assert refused.status_code == 401
        assert "Basic" in refused.headers["www-authenticate"]
        wrong = httpx.post(f"{base}/workspaces/list", json={}, auth=("admin", "wrong-password"))
        assert wrong.status_code == 401


def test_definitions_come_with_airbytes_fields(airbyte: Airbyte) -> None:
    names = {
        d["sourceDefinitionId"]: d["dockerRepository"]
        for d in airbyte.post("source_definitions/list")["sourceDefinitions"]
    }
    assert names[POSTGRES] == "airbyte/source-postgres"
    spec = airbyte.post("source_definition_specifications/get", sourceDefinitionId=POSTGRES)
    fields = spec["connectionSpecification"]["properties"]
    assert {"host", "port", "database", "schemas", "username", "password", "ssl_mode"} <= set(
        fields
    )
    assert fields["password"]["airbyte_secret"] is True
    target = airbyte.post("destination_definition_specifications/get", destinationDefinitionId=LAKE)
    assert set(target["supportedDestinationSyncModes"]) == {"append", "overwrite", "append_dedup"}


def test_a_secret_goes_in_and_never_out(airbyte: Airbyte) -> None:
    config = airbyte.postgres_config()
    source = airbyte.source(config)
    shown = airbyte.post("sources/get", sourceId=source)
    assert shown["connectionConfiguration"] == {**config, "password": "**********"}
    listed = airbyte.post("sources/list", workspaceId=airbyte.workspace)
    assert config["password"] not in str(listed)
    with airbyte.own_database() as db:
        stored = db.execute("SELECT configuration::text FROM actors").fetchall()
    assert stored
    assert config["password"] not in str(stored)
    # An update with the mask keeps the secret; one without it takes the new one.
    body = {"sourceId": source, "name": "renamed"}
    airbyte.post("sources/update", **body, connectionConfiguration=shown["connectionConfiguration"])
    assert airbyte.post("sources/check_connection", sourceId=source)["status"] == "succeeded"
    airbyte.post(
        "sources/update", **body, connectionConfiguration={**config, "password": "not-it-at-all"}
    )
    refused = airbyte.post("sources/check_connection", sourceId=source)
    assert refused["status"] == "failed"
    assert "wrong password" in refused["message"]
    assert refused["jobInfo"]["failureReason"]["failureType"] == "config_error"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("sources/get", {"sourceId": str(uuid4())}),
        ("destinations/get", {"destinationId": str(uuid4())}),
        ("connections/get", {"connectionId": str(uuid4())}),
        ("connections/sync", {"connectionId": str(uuid4())}),
        ("jobs/get", {"id": 999_999_999}),
        ("state/get", {"connectionId": str(uuid4())}),
    ],
)
def test_what_does_not_exist_is_404(airbyte: Airbyte, path: str, body: dict[str, object]) -> None:
    answer = airbyte.raw(path, **body)
    assert answer.status_code == 404
    assert str(next(iter(body.values()))) in answer.json()["message"]
    assert answer.json()["exceptionClassName"]


def test_invalid_input_names_each_field(airbyte: Airbyte) -> None:
    answer = airbyte.raw("sources/create", name="x", workspaceId="not-a-uuid")
    assert answer.status_code == 422
    paths = {error["propertyPath"] for error in answer.json()["validationErrors"]}
    assert {"workspaceId", "sourceDefinitionId", "connectionConfiguration"} <= paths
    broken = airbyte.http.post("sources/get", content=b"{", headers={"content-type": "text/json"})
    assert broken.status_code == 422


def test_a_configuration_has_to_fit_the_specification(airbyte: Airbyte) -> None:
    config = airbyte.postgres_config(port="many", password=12)
    del config["host"]
    answer = airbyte.raw(
        "sources/create",
        workspaceId=airbyte.workspace,
        sourceDefinitionId=POSTGRES,
        name="x",
        connectionConfiguration=config,
    )
    assert answer.status_code == 422
    message = answer.json()["message"]
    assert "'host' is a required property" in message
    assert "$.port" in message
    assert "many" not in message


def test_deleting_a_source_ends_its_connections(airbyte: Airbyte) -> None:
    with airbyte.shop() as db:
        db.execute("CREATE TABLE IF NOT EXISTS doomed (id int PRIMARY KEY)")
    source = airbyte.source(airbyte.postgres_config())
    modes = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
    connection = airbyte.connect(source, "doomed", {"doomed": modes})
    assert airbyte.raw("sources/delete", sourceId=source).status_code == 204
    assert airbyte.raw("sources/get", sourceId=source).status_code == 404
    assert airbyte.post("connections/get", connectionId=connection)["status"] == "deprecated"
    assert airbyte.raw("connections/sync", connectionId=connection).status_code == 409


def test_a_connection_is_given_back_as_it_was_made(airbyte: Airbyte) -> None:
    with airbyte.shop() as db:
        db.execute("CREATE TABLE IF NOT EXISTS kept (id int PRIMARY KEY, at timestamptz)")
    source = airbyte.source(airbyte.postgres_config())
    modes = {
        "syncMode": "incremental",
        "destinationSyncMode": "append_dedup",
        "cursorField": ["at"],
    }
    schedule = {"cronExpression": "0 0 4 * * ?", "cronTimeZone": "Europe/Berlin"}
    connection = airbyte.connect(
        source, "kept", {"kept": modes}, scheduleType="cron", scheduleData={"cron": schedule}
    )
    shown = airbyte.post("connections/get", connectionId=connection)
    assert shown["scheduleData"] == {"cron": schedule}
    assert shown["syncCatalog"]["streams"][0]["config"]["primaryKey"] == [["id"]]
    assert shown["namespaceFormat"] == "kept"
    assert isinstance(shown["created_at"], int)
    for bad in ("0 4 * * *", "every day", "0 61 4 * * ?"):
        refused = airbyte.raw(
            "connections/update",
            connectionId=connection,
            scheduleType="cron",
            scheduleData={"cron": {"cronExpression": bad, "cronTimeZone": "UTC"}},
        )
        assert refused.status_code == 422, bad
    no_key = [{**s, "config": {**s["config"], "primaryKey": []}} for s in [_without_key(shown)]]
    refused = airbyte.raw(
        "connections/update", connectionId=connection, syncCatalog={"streams": no_key}
    )
    assert refused.status_code == 422
    assert "append_dedup needs a primary key" in refused.json()["message"]


def _without_key(shown: dict[str, object]) -> dict[str, object]:
    entry = shown["syncCatalog"]["streams"][0]  # type: ignore[index]
    return {**entry, "stream": {**entry["stream"], "sourceDefinedPrimaryKey": []}}
