"""What is deleted or changed while it is at work, by several clients at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from bootstrap.clients import airbyte as bootstrap_airbyte
from tests.contract.airbyte.client import Airbyte, rows

FULL = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
Post = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def table(airbyte: Airbyte) -> str:
    with airbyte.shop() as db:
        db.execute("CREATE TABLE living (id int PRIMARY KEY)")
    return "living"


@pytest.fixture
def locked(airbyte: Airbyte, table: str) -> Iterator[psycopg.Connection[Any]]:
    """Whoever reads the table waits, until this ends."""
    with airbyte.shop() as db, db.transaction():
        db.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield db


@pytest.fixture
def connection(airbyte: Airbyte, table: str) -> str:
    return airbyte.connect(airbyte.source(airbyte.postgres_config()), "living", {table: FULL})


@pytest.fixture
def post(airbyte: Airbyte) -> Post:
    """A call with a connection of its own, for threads."""

    def call(path: str, **body: Any) -> httpx.Response:
        url = f"{airbyte.settings.airbyte_url}/api/v1/{path}"
        return httpx.post(url, json=body, auth=airbyte.http.auth, timeout=60)

    return call


def status(airbyte: Airbyte, job: int) -> str:
    return str(airbyte.post("jobs/get", id=job)["job"]["status"])


def test_of_many_syncs_at_once_one_begins(
    airbyte: Airbyte, connection: str, locked: object, post: Post
) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(post, "connections/sync", connectionId=connection) for _ in range(8)]
    codes = sorted(one.result().status_code for one in asked)
    assert codes == [200] + [409] * 7
    job = next(one.result().json()["job"]["id"] for one in asked if one.result().is_success)
    with ThreadPoolExecutor(4) as pool:
        ended = [pool.submit(post, "jobs/cancel", id=job) for _ in range(4)]
    assert sorted(one.result().status_code for one in ended) == [200, 409, 409, 409]
    assert status(airbyte, job) == "cancelled"


@pytest.mark.parametrize("end", ["source", "destination", "connection"])
def test_deleting_an_end_stops_the_sync(
    airbyte: Airbyte, connection: str, locked: object, end: str
) -> None:
    shown = airbyte.post("connections/get", connectionId=connection)
    job = airbyte.start(connection)
    path = f"{end}s/delete"
    assert airbyte.raw(path, **{f"{end}Id": shown[f"{end}Id"]}).status_code == 204
    assert status(airbyte, job) == "cancelled"
    listed = airbyte.post("connections/list", workspaceId=airbyte.workspace)["connections"]
    assert connection not in {one["connectionId"] for one in listed}
    listed = airbyte.post("connections/list_all", workspaceId=airbyte.workspace)["connections"]
    assert connection in {one["connectionId"] for one in listed}
    # What is gone is neither started nor changed, but can be looked at.
    for operation in ("sync", "clear", "reset", "update"):
        answer = airbyte.raw(f"connections/{operation}", connectionId=connection)
        assert answer.status_code == 409, answer.text
    seen = airbyte.post("web_backend/connections/get", connectionId=connection)
    assert (seen["status"], seen["latestSyncJobStatus"]) == ("deprecated", "cancelled")


def test_a_sync_and_its_connections_end_at_once(
    airbyte: Airbyte, connection: str, locked: object, post: Post
) -> None:
    """Whichever comes first, nothing runs afterwards."""
    with ThreadPoolExecutor(2) as pool:
        started = pool.submit(post, "connections/sync", connectionId=connection)
        ended = pool.submit(post, "connections/delete", connectionId=connection)
    assert started.result().status_code in (200, 409)
    assert ended.result().status_code == 204
    found = airbyte.post("jobs/list", configTypes=["sync"], configId=connection)["jobs"]
    assert {one["job"]["status"] for one in found} <= {"cancelled"}


def test_no_change_is_lost_to_another_at_the_same_time(
    airbyte: Airbyte, connection: str, post: Post
) -> None:
    for number in range(1, 6):
        changes: list[dict[str, Any]] = [
            {"maxRefusedRecords": number},
            {"syncTimeoutSeconds": number},
            {"notifySchemaChanges": number % 2 == 0},
        ]
        with ThreadPoolExecutor(3) as pool:
            asked = [
                pool.submit(post, "connections/update", connectionId=connection, **one)
                for one in changes
            ]
        assert all(one.result().is_success for one in asked)
        with airbyte.own_database() as db:
            found = db.execute("SELECT options FROM connections WHERE id = %s", (connection,))
            [(options,)] = found.fetchall()
        assert all(one.items() <= options.items() for one in changes), options


def test_a_change_during_a_sync_is_of_the_next_one(
    airbyte: Airbyte, connection: str, table: str
) -> None:
    with airbyte.shop() as db, db.transaction():
        db.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        job = airbyte.start(connection)
        airbyte.post("connections/update", connectionId=connection, name="renamed")
        assert status(airbyte, job) in ("pending", "running")
    assert airbyte.wait(job)["job"]["status"] == "succeeded"
    assert airbyte.post("connections/get", connectionId=connection)["name"] == "renamed"


def test_the_command_syncs_after_a_reset_and_beside_others(
    airbyte: Airbyte, table: str, post: Post
) -> None:
    with airbyte.shop() as db:
        db.execute(f"INSERT INTO {table} VALUES (1) ON CONFLICT DO NOTHING")
    connection = airbyte.connect(
        airbyte.source(airbyte.postgres_config()), "beside_reset", {table: FULL}
    )
    airbyte.sync(connection)
    clients = [bootstrap_airbyte.Airbyte(airbyte.settings) for _ in range(5)]
    post("connections/reset", connectionId=connection)
    with ThreadPoolExecutor(len(clients)) as pool:
        ended = [pool.submit(one.sync, "beside_reset") for one in clients]
    jobs = [one.result()["job"] for one in ended]
    assert {job["configType"] for job in jobs} == {"sync"}
    found = rows(airbyte.settings, f"SELECT id FROM bronze.beside_reset.{table}")
    assert found == [(1,)]


@pytest.mark.parametrize("operation", ["reset", "clear", "refresh"])
def test_a_reset_ends_the_sync_that_runs(
    airbyte: Airbyte, connection: str, table: str, operation: str
) -> None:
    """As Airbyte's: users have no other way with a connection that syncs all the time."""
    with airbyte.shop() as db, db.transaction():
        db.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        sync = airbyte.start(connection)
        body = {"refreshMode": "Merge"} if operation == "refresh" else {}
        asked = airbyte.post(f"connections/{operation}", connectionId=connection, **body)
        assert status(airbyte, sync) == "cancelled"
    assert airbyte.wait(asked["job"]["id"])["job"]["status"] == "succeeded"


@pytest.mark.parametrize("state", ["active", "inactive"])
def test_the_web_application_refreshes_what_is_set_otherwise(
    airbyte: Airbyte, table: str, state: str
) -> None:
    name = f"skip_reset_{state}"
    source = airbyte.source(airbyte.postgres_config())
    config = {"syncMode": "incremental", "destinationSyncMode": "append", "cursorField": ["id"]}
    connection = airbyte.connect(source, name, {table: config})
    airbyte.sync(connection)
    kinds = ["sync", "refresh"]

    def change(mode: str, **body: Any) -> list[dict[str, Any]]:
        shown = airbyte.post("connections/get", connectionId=connection)["syncCatalog"]
        shown["streams"][0]["config"]["destinationSyncMode"] = mode
        body = {"connectionId": connection, "syncCatalog": shown, "status": state, **body}
        airbyte.post("web_backend/connections/update", **body)
        found = airbyte.post("jobs/list", configTypes=kinds, configId=connection)["jobs"]
        return [one["job"] for one in found]

    def kept() -> str:
        return str(airbyte.post("state/get", connectionId=connection)["stateType"])

    assert len(change("append_dedup", skipReset=True)) == 1
    assert len(change("append_dedup")) == 1, "nothing is set otherwise"
    assert kept() == "stream"
    found = change("append")
    if state == "active":
        assert [one["configType"] for one in found] == ["refresh", "sync"]
        assert airbyte.wait(found[0]["id"])["job"]["status"] == "succeeded"
        assert kept() == "stream"
    else:
        assert len(found) == 1
        assert kept() == "not_set", "the next sync reads it from the start"


def test_a_retry_of_a_clock_that_was_set_back_is_not_waited_for(
    airbyte: Airbyte, connection: str
) -> None:
    with airbyte.own_database() as db:
        [(job,)] = db.execute(
            "INSERT INTO jobs (connection_id, config_type, next_attempt_at)"
            " VALUES (%s, 'sync', now() + interval '4 years') RETURNING id",
            [connection],
        ).fetchall()
    # The server looks for jobs when another one is asked for.
    shown = airbyte.post("connections/get", connectionId=connection)
    another = airbyte.connect(shown["sourceId"], "living_too", {"living": FULL})
    airbyte.sync(another)
    assert airbyte.wait(job)["job"]["status"] == "succeeded"
