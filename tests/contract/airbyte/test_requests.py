"""What clients may send: filters and pages that count, and bodies that are refused, never a 500."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.contract.airbyte.client import Airbyte

FULL = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def ends(airbyte: Airbyte) -> tuple[str, str]:
    """A source and a connection from it."""
    with airbyte.shop() as db:
        db.execute("CREATE TABLE asked (id int PRIMARY KEY)")
    source = airbyte.source(airbyte.postgres_config(), name="asked source")
    return source, airbyte.connect(source, "asked", {"asked": FULL})


WRONG: list[tuple[str, Json, str]] = [
    ("connections/update", {"name": "a\0b"}, "body"),
    ("connections/update", {"syncCatalog": {"streams": None}}, "syncCatalog.streams"),
    ("connections/update", {"syncCatalog": {"streams": ["x"]}}, "syncCatalog.streams.0"),
    (
        "connections/update",
        {"syncCatalog": {"streams": [{"stream": {"name": ["x"]}, "config": {}}]}},
        "syncCatalog.streams.0.stream.name",
    ),
    (
        "connections/update",
        {"syncCatalog": {"streams": [{"stream": {"name": "x"}, "config": {"syncMode": []}}]}},
        "syncCatalog.streams.0.config.syncMode",
    ),
    (
        "connections/update",
        {"scheduleType": "cron", "scheduleData": {"cron": {"cronExpression": ["0 0 4 * * ?"]}}},
        "scheduleData.cron.cronExpression",
    ),
    (
        "connections/update",
        {
            "scheduleType": "basic",
            "scheduleData": {"basicSchedule": {"units": 10**9, "timeUnit": "months"}},
        },
        "scheduleData.basicSchedule.units",
    ),
    # Without its streams it would have emptied every table.
    ("connections/reset/stream", {}, "streams"),
    ("connections/clear/stream", {"streams": []}, "streams"),
    ("jobs/list", {"configTypes": ["synch"]}, "configTypes.0"),
    ("jobs/list", {"configTypes": []}, "configTypes"),
    ("jobs/list", {"configTypes": ["sync"], "statuses": ["done"]}, "statuses.0"),
    (
        "state/create_or_update",
        {"connectionState": {"stateType": "stream", "streamState": [{"streamState": {}}]}},
        "connectionState.streamState.0.streamDescriptor",
    ),
    # Without its part it would have forgotten the state.
    (
        "state/create_or_update",
        {"connectionState": {"stateType": "global"}},
        "connectionState.globalState",
    ),
]


@pytest.mark.parametrize(("path", "body", "named"), WRONG)
def test_a_wrong_body_is_refused_by_the_fields_name(
    airbyte: Airbyte, ends: tuple[str, str], path: str, body: Json, named: str
) -> None:
    answer = airbyte.raw(path, connectionId=ends[1], **body)
    assert answer.status_code == 422, answer.text
    assert named in {one["propertyPath"] for one in answer.json()["validationErrors"]}


@pytest.mark.parametrize("path", ["jobs?offset=99999999999999999999", "jobs/²", "jobs/0x1"])
def test_numbers_that_are_none_are_refused(airbyte: Airbyte, path: str) -> None:
    base = f"http://127.0.0.1:{airbyte.settings.airbyte_public_port}/api/public/v1"
    answer = httpx.get(f"{base}/{path}", auth=airbyte.http.auth, timeout=60)
    assert answer.status_code == 400
    assert answer.json()["title"] == "bad-request"


def test_a_backslash_before_u0000_is_a_text(airbyte: Airbyte, ends: tuple[str, str]) -> None:
    body = json.dumps({"connectionId": ends[1], "name": "a\\u0000"})
    answer = airbyte.http.post("connections/update", content=body)
    assert answer.json()["name"] == "a\\u0000"


def test_a_stream_is_not_synced_twice(airbyte: Airbyte, ends: tuple[str, str]) -> None:
    streams = airbyte.post("connections/get", connectionId=ends[1])["syncCatalog"]["streams"]
    answer = airbyte.raw(
        "connections/update", connectionId=ends[1], syncCatalog={"streams": streams * 2}
    )
    assert answer.status_code == 422
    assert "asked is named twice" in answer.json()["message"]


def test_pages_and_filters_of_lists(airbyte: Airbyte, ends: tuple[str, str]) -> None:
    space = airbyte.post("workspaces/create", name="paged")["workspaceId"]
    chosen = {"workspaceIds": [space]}
    assert airbyte.post("workspaces/list_paginated", **chosen, pagination={})["workspaces"] == [
        airbyte.post("workspaces/get", workspaceId=space)
    ]
    assert airbyte.post("sources/list_paginated", **chosen, pagination={})["sources"] == []
    mine = {"workspaceIds": [airbyte.workspace], "nameContains": "ASKED"}
    whole = airbyte.post("sources/list_paginated", **mine, pagination={"pageSize": 5})["sources"]
    assert [one["sourceId"] for one in whole] == [ends[0]]
    after = {"pageSize": 5, "rowOffset": 1}
    assert airbyte.post("sources/list_paginated", **mine, pagination=after)["sources"] == []
    named = {"sourceName": "Postgres", "connectionConfiguration": {"database": "shop"}}
    found = airbyte.post("sources/search", name="asked source", **named)["sources"]
    assert [one["sourceId"] for one in found] == [ends[0]]
    named["connectionConfiguration"] = {"database": "another"}
    assert airbyte.post("sources/search", name="asked source", **named)["sources"] == []
    airbyte.post("workspaces/delete", workspaceId=space)


def test_a_workspace_is_made_once_under_an_id(airbyte: Airbyte) -> None:
    body = {"id": str(uuid4()), "name": "once"}
    first = airbyte.post("workspaces/create_if_not_exist", **body)
    assert first["workspaceId"] == body["id"]
    assert airbyte.post("workspaces/create_if_not_exist", **body) == first
    names = [one["name"] for one in airbyte.post("workspaces/list")["workspaces"]]
    assert names.count("once") == 1
    airbyte.post("workspaces/delete", workspaceId=body["id"])


def test_a_tags_name_is_taken_once(airbyte: Airbyte) -> None:
    space = {"workspaceId": airbyte.workspace}
    first, second = (
        airbyte.post("tags/create", **space, name=name, color="00ff00")["tagId"]
        for name in ("taken", "free")
    )
    answer = airbyte.raw("tags/update", **space, tagId=second, name="taken", color="00ff00")
    assert answer.status_code == 409
    for tag in (first, second):
        airbyte.post("tags/delete", **space, tagId=tag)


def test_the_page_with_a_job(airbyte: Airbyte, ends: tuple[str, str]) -> None:
    made = [int(airbyte.sync(ends[1])["job"]["id"]) for _ in range(3)]
    asked = {"configTypes": ["sync"], "configId": ends[1], "pagination": {"pageSize": 2}}

    def page(**more: Any) -> list[int]:
        listed = airbyte.post("jobs/list", **asked, **more)["jobs"]
        return [one["job"]["id"] for one in listed]

    assert page() == made[:0:-1]
    assert page(includingJobId=made[0]) == made[::-1], "whole pages, until it is there"
    assert page(includingJobId=10**9) == []
    statuses = {"workspaceId": airbyte.workspace, "pagination": {"pageSize": 10}}
    of_job = airbyte.post("stream_statuses/list", **statuses, jobId=made[1])["streamStatuses"]
    assert [one["jobId"] for one in of_job] == [made[1]]
    no_such = {**statuses, "jobId": made[1], "attemptNumber": 1}
    assert airbyte.post("stream_statuses/list", **no_such)["streamStatuses"] == []
    job = airbyte.wait(airbyte.start(ends[1], "reset"))["job"]
    assert job["resetConfig"] == {"streamsToReset": [{"name": "asked", "namespace": "public"}]}


def test_a_part_of_a_configuration_is_changed(airbyte: Airbyte, ends: tuple[str, str]) -> None:
    """Fields inside of a part stay, unless the part takes another form."""
    source, _ = ends
    url = f"http://127.0.0.1:{airbyte.settings.airbyte_public_port}/api/public/v1/sources/{source}"

    def patch(**changes: Any) -> Json:
        answer = httpx.patch(
            url, json={"configuration": changes}, auth=airbyte.http.auth, timeout=60
        )
        assert answer.is_success, answer.text
        assert answer.json()["configuration"]["password"] == "**********"
        return dict(answer.json()["configuration"]["replication_method"])

    cdc = {"method": "CDC", "replication_slot": "s", "publication": "p"}
    assert patch(replication_method=cdc) == cdc
    later = {"initial_waiting_seconds": 300}
    assert patch(replication_method=later) == {**cdc, **later}
    assert patch(replication_method={"method": "Standard"}) == {"method": "Standard"}
    assert airbyte.post("sources/check_connection", sourceId=source)["status"] == "succeeded"


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("0 0 4 * * ? *", "0 0 4 * * ? * UTC"),
        ("0 0 4 * * ? 2030", "0 0 4 * * ? 2030 UTC"),
        ("0 0 4 ? * MON", "0 0 4 ? * MON UTC"),
        ("0 0 4 * * ? Europe/Berlin", "0 0 4 * * ? Europe/Berlin"),
        ("0 0 4 * * ? */2 America/New_York", "0 0 4 * * ? */2 America/New_York"),
    ],
)
def test_a_cron_expression_may_end_with_year_and_zone(
    airbyte: Airbyte, ends: tuple[str, str], expression: str, shown: str
) -> None:
    base = f"http://127.0.0.1:{airbyte.settings.airbyte_public_port}/api/public/v1"
    answer = httpx.patch(
        f"{base}/connections/{ends[1]}",
        json={"schedule": {"scheduleType": "cron", "cronExpression": expression}},
        auth=airbyte.http.auth,
        timeout=60,
    )
    assert answer.json()["schedule"] == {"scheduleType": "cron", "cronExpression": shown}
    manual = airbyte.post("connections/update", connectionId=ends[1], scheduleType="manual")
    assert "scheduleData" not in manual
