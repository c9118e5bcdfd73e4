"""Connectors of lakelet.yml: a command of this machine, a manifest; and their crashes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from bootstrap.clients.airbyte import Airbyte as Client
from bootstrap.dead_letters import DeadLetters
from bootstrap.platform_file import Platform
from bootstrap.provision.connectors import ensure_connectors
from services.common.settings import CHECKOUT
from tests.contract.airbyte.client import Airbyte, rows
from tests.support.mappers import equal, hashing, none_of, row_filter, sha

SCRIPT = CHECKOUT / "tests" / "support" / "connectors" / "scripted.py"
STREAM = {
    "name": "things",
    "json_schema": {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
    },
    "supported_sync_modes": ["full_refresh", "incremental"],
    "source_defined_cursor": True,
    "source_defined_primary_key": [["id"]],
}
APPEND = {"syncMode": "incremental", "destinationSyncMode": "append"}
COUNTED = "SELECT count(*), count(DISTINCT id), max(id) FROM bronze.{}.things"


def record(number: Any) -> dict[str, Any]:
    data = {"id": number, "name": "a thing"}
    return {"type": "RECORD", "record": {"stream": "things", "data": data, "emitted_at": 1}}


def state(at: int) -> dict[str, Any]:
    told = {"stream_descriptor": {"name": "things"}, "stream_state": {"at": at}}
    return {"type": "STATE", "state": {"type": "STREAM", "stream": told}}


@pytest.fixture(scope="module")
def scripted(airbyte: Airbyte) -> str:
    home = airbyte.home.folder
    manifest = CHECKOUT / "tests" / "support" / "connectors" / "orders.yaml"
    (home / "connectors" / "orders").mkdir(parents=True)
    (home / "connectors" / "orders" / "manifest.yaml").write_text(manifest.read_text())
    document = yaml.safe_load((CHECKOUT / "lakelet.yml").read_text())
    document["connectors"] = {
        "scripted": {"command": [sys.executable, str(SCRIPT)]},
        "orders": {"manifest": "connectors/orders/manifest.yaml"},
    }
    (home / "lakelet.yml").write_text(yaml.safe_dump(document))
    platform = Platform.model_validate({**document, "connections": {}, "reconcile": {}})
    first = ensure_connectors(Client(airbyte.settings), platform, airbyte.settings)
    again = ensure_connectors(Client(airbyte.settings), platform, airbyte.settings)
    assert first == again
    return first["scripted"]


def make(airbyte: Airbyte, definition: str, name: str, *messages: Any) -> tuple[str, str]:
    config = {"streams": [STREAM], "messages": list(messages), "token": "hush"}
    source = airbyte.source(config, definition, name)
    return source, airbyte.connect(source, name, {"things": APPEND})


def test_a_commands_rows_arrive(airbyte: Airbyte, scripted: str) -> None:
    _, connection = make(
        airbyte, scripted, "by_command", {"repeat": 20_000, "message": record("{i}")}, state(1)
    )
    airbyte.sync(connection)
    assert rows(airbyte.settings, COUNTED.format("by_command")) == [(20_000, 20_000, 19_999)]


def test_refused_records_are_kept_once_over_a_crash(airbyte: Airbyte, scripted: str) -> None:
    """What a state covers when the connector dies, and what is read again by the next attempt."""

    def bad(number: int) -> dict[str, Any]:
        return {"type": "RECORD", "record": {"stream": "things", "data": f"bad {number}"}}

    start = [record(1), bad(1), state(1), bad(2), record(2), {"kill": True}]
    steps = {"from the start": start, "and then": [bad(2), record(2), bad(3), state(2)]}
    _, connection = make(airbyte, scripted, "refusing", steps)
    info = airbyte.sync(connection)
    assert len(info["attempts"]) == 2
    assert rows(airbyte.settings, COUNTED.format("refusing")) == [(2, 2, 2)]
    letters = DeadLetters(airbyte.settings, Client(airbyte.settings))
    kept = [one["address"] for one in letters.listing() if one["connection"] == "refusing"]
    lines = [json.loads(line) for one in kept for line in letters.show(one).splitlines()]
    assert sorted(line["data"] for line in lines) == ["bad 1", "bad 2", "bad 3"]


def test_a_secret_that_a_connector_repeats_is_left_out(airbyte: Airbyte, scripted: str) -> None:
    """In its logs, its errors and its check, also as JSON and addresses write it."""
    secret = 'pa55 "word"/+'
    told = f"connecting with {secret}, {json.dumps({'token': secret})}, {quote(secret, safe='')}"
    trace = {"message": told, "internal_message": told, "stack_trace": told}
    error = {"type": "TRACE", "trace": {"type": "ERROR", "error": trace}}
    steps = [
        {"type": "LOG", "log": {"level": "INFO", "message": told}},
        {"stderr": told},
        {**error, "trace": {**error["trace"], "error": {**trace, "failure_type": "config_error"}}},
        {"exit": 1},
    ]
    status = {"status": "FAILED", "message": told}
    config = {"streams": [STREAM], "messages": steps, "token": secret, "status": status}
    source = airbyte.source(config, scripted, "tells")
    connection = airbyte.connect(source, "tells", {"things": APPEND})
    job = airbyte.start(connection)
    info = airbyte.wait(job)
    path = airbyte.settings.data_dir / "airbyte" / "logs" / str(job) / "0.jsonl"
    checked = airbyte.post("sources/check_connection", sourceId=source)
    debug = airbyte.post("jobs/get_debug_info", id=job)
    assert "connecting with **********" in path.read_text()
    assert checked["message"].count("**********") == 3
    failure = info["attempts"][0]["attempt"]["failureSummary"]["failures"][0]
    assert failure["externalMessage"].startswith("connecting with **********")
    with airbyte.own_database() as db:
        stored = db.execute("SELECT failures::text FROM attempts WHERE job_id = %s", (job,))
        everything = (path.read_text(), str(checked), str(info), str(debug), str(stored.fetchall()))
    for text in everything:
        for form in ("pa55", quote(secret, safe="")):
            assert form not in text


def test_its_rows_go_through_the_mappers_of_the_connection(airbyte: Airbyte, scripted: str) -> None:
    config = {"streams": [STREAM], "messages": [record(7), record(8), state(1)], "token": "hush"}
    source = airbyte.source(config, scripted, "map_command")
    mappers = [hashing("id"), row_filter(none_of(equal("id_hashed", sha("8"))))]
    dedup = {**APPEND, "destinationSyncMode": "append_dedup", "mappers": mappers}
    connection = airbyte.connect(source, "map_command", {"things": dedup})
    for _ in range(2):  # the second time over the rows that are there
        airbyte.sync(connection)
    query = "SELECT id_hashed, name FROM bronze.map_command.things"
    assert rows(airbyte.settings, query) == [(sha("7"), "a thing")]
    airbyte.without_mappers()


def test_killed_in_the_middle_it_goes_on_from_its_last_state(
    airbyte: Airbyte, scripted: str, tmp_path: Path
) -> None:
    """What a state covered is there once; the next attempt is given that state."""
    given = tmp_path / "given.json"
    start = [
        {"repeat": 500, "message": record("{i}")},
        state(500),
        record(500),
        {"kill": True},
    ]
    later = [{"given": str(given)}, record(500), state(501)]
    steps = {"from the start": start, "and then": later}
    _, connection = make(airbyte, scripted, "killed", steps)
    info = airbyte.wait(airbyte.start(connection))
    assert info["job"]["status"] == "succeeded"
    first = info["attempts"][0]["attempt"]["failureSummary"]["failures"][0]
    assert "by signal 9" in first["externalMessage"]
    assert json.loads(given.read_text())["state"][0]["stream"]["stream_state"] == {"at": 500}
    assert rows(airbyte.settings, COUNTED.format("killed")) == [(501, 501, 500)]


def test_a_changed_configuration_is_stored_encrypted(airbyte: Airbyte, scripted: str) -> None:
    config = {"streams": [STREAM], "messages": [], "token": "renewed"}
    control = {
        "type": "CONTROL",
        "control": {
            "type": "CONNECTOR_CONFIG",
            "emitted_at": 1,
            "connectorConfig": {"config": config},
        },
    }
    source, connection = make(airbyte, scripted, "renewing", control)
    airbyte.sync(connection)
    shown = airbyte.post("sources/get", sourceId=source)["connectionConfiguration"]
    assert shown["messages"] == []
    with airbyte.own_database() as db:
        row = db.execute("SELECT configuration::text FROM actors WHERE id = %s", (source,))
        [stored] = row.fetchone() or [""]
    assert "renewed" not in stored


def test_a_token_that_is_good_for_one_time_is_renewed_again_and_again(
    airbyte: Airbyte, scripted: str, tmp_path: Path
) -> None:
    """By a discovery, by the one before a sync, by the sync, and by one that fails."""
    config = {"streams": [STREAM], "messages": [record(1), state(1)], "token": "1"}
    config["vendor"] = str(tmp_path / "vendor")
    source = airbyte.source(config, scripted, "token")
    connection = airbyte.connect(source, "token", {"things": APPEND})
    # Then each sync looks at the source before.
    airbyte.post(
        "connections/update", connectionId=connection, nonBreakingChangesPreference="disable"
    )
    airbyte.sync(connection)
    first = int((tmp_path / "vendor").read_text())
    shown = airbyte.post("sources/get", sourceId=source)["connectionConfiguration"]
    error = {"message": "no more", "failure_type": "config_error"}
    steps = [{"type": "TRACE", "trace": {"type": "ERROR", "error": error}}, {"exit": 1}]
    airbyte.post(
        "sources/update",
        sourceId=source,
        name="token",
        connectionConfiguration={**shown, "messages": steps},
    )
    assert airbyte.failure(connection)["externalMessage"] == "no more"
    assert int((tmp_path / "vendor").read_text()) == first + 2, "two uses: discover and read"
    assert airbyte.post("sources/check_connection", sourceId=source)["status"] == "succeeded"


def test_nothing_of_a_run_is_left_on_disk(airbyte: Airbyte, scripted: str) -> None:
    error = {"message": "no more", "failure_type": "config_error"}
    refusal = {"type": "TRACE", "trace": {"type": "ERROR", "error": error, "emitted_at": 1.5}}
    _, connection = make(airbyte, scripted, "tidy", record(1), refusal, {"exit": 1})
    assert airbyte.failure(connection)["externalMessage"] == "no more"
    runs = airbyte.settings.data_dir / "airbyte" / "runs"
    assert list(runs.iterdir()) == []


def test_a_command_cannot_be_set_over_the_network(airbyte: Airbyte, scripted: str) -> None:
    for path, body in (
        ("source_definitions/update", {"sourceDefinitionId": scripted, "name": "mine"}),
        ("source_definitions/delete", {"sourceDefinitionId": scripted}),
    ):
        answer = airbyte.raw(path, **body)
        assert answer.status_code == 409
        assert "lakelet.yml" in answer.json()["message"]
    wanted = {
        "name": "x",
        "dockerRepository": "airbyte/source-x",
        "dockerImageTag": "1 --index-url=http://127.0.0.1:1",
        "connector": '{"kind": "command", "command": ["true"]}',
    }
    answer = airbyte.raw("source_definitions/create_custom", sourceDefinition=wanted)
    assert answer.status_code == 422
    assert "is not a version" in answer.json()["message"]
