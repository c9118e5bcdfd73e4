"""When syncs run and when they stop: schedules, restarts, one at a time, timeouts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from services.common.waiting import wait_until
from tests.contract.airbyte.client import Airbyte, rows

FULL = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
Json = dict[str, Any]


@pytest.fixture
def shop(airbyte: Airbyte, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """A source, and a table of its own in it."""
    table = request.node.name.removeprefix("test_")[:40]
    with airbyte.shop() as db:
        db.execute(f"DROP TABLE IF EXISTS {table}")
        db.execute(f"CREATE TABLE {table} AS SELECT 1 AS id")
    yield airbyte.source(airbyte.postgres_config()), table
    with airbyte.shop() as db:
        db.execute(f"DROP TABLE {table}")


def jobs_of(airbyte: Airbyte, connection: str) -> list[Json]:
    """The connection's syncs, oldest first."""
    found = airbyte.post("jobs/list", configTypes=["sync"], configId=connection)["jobs"]
    return sorted((one["job"] for one in found), key=lambda job: job["id"])


def wait_for(airbyte: Airbyte, connection: str, count: int) -> list[Json]:
    def enough() -> bool:
        done = [job for job in jobs_of(airbyte, connection) if job["status"] == "succeeded"]
        return len(done) >= count

    wait_until(enough, seconds=120, what=f"{count} syncs")
    return jobs_of(airbyte, connection)


def test_cron_runs_one_after_the_other(airbyte: Airbyte, shop: tuple[str, str]) -> None:
    source, table = shop
    cron = {"cron": {"cronExpression": "* * * * * ?", "cronTimeZone": "Europe/Berlin"}}
    connection = airbyte.connect(
        source, "by_cron", {table: FULL}, scheduleType="cron", scheduleData=cron
    )
    wait_for(airbyte, connection, 2)
    airbyte.post("connections/update", connectionId=connection, scheduleType="manual")
    seen = jobs_of(airbyte, connection)
    for before, after in itertools.pairwise(seen):
        assert before["updatedAt"] <= after["createdAt"], "one at a time"


def test_what_is_paused_or_manual_does_not_run(airbyte: Airbyte, shop: tuple[str, str]) -> None:
    source, table = shop
    each_second = {"cron": {"cronExpression": "* * * * * ?", "cronTimeZone": "UTC"}}
    paused = airbyte.connect(
        source,
        "paused",
        {table: FULL},
        status="inactive",
        scheduleType="cron",
        scheduleData=each_second,
    )
    manual = airbyte.connect(source, "manual", {table: FULL})
    running = airbyte.connect(
        source, "running", {table: FULL}, scheduleType="cron", scheduleData=each_second
    )
    wait_for(airbyte, running, 2)
    airbyte.post("connections/update", connectionId=running, status="inactive")
    assert jobs_of(airbyte, paused) == jobs_of(airbyte, manual) == []
    assert airbyte.raw("connections/sync", connectionId=paused).status_code == 409


def test_an_attempt_that_takes_too_long_is_ended(airbyte: Airbyte, shop: tuple[str, str]) -> None:
    source, table = shop
    connection = airbyte.connect(source, "too_long", {table: FULL}, syncTimeoutSeconds=4)
    with airbyte.shop() as db, db.transaction():
        db.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")  # whoever reads it waits
        job = airbyte.start(connection)

        def attempts() -> list[Json]:
            return [one["attempt"] for one in airbyte.post("jobs/get", id=job)["attempts"]]

        wait_until(
            lambda: bool(attempts()) and attempts()[0]["status"] == "failed",
            seconds=60,
            what="the end of the first attempt",
        )
        [failure] = attempts()[0]["failureSummary"]["failures"]
        assert "longer than 4 s" in failure["externalMessage"]
        assert failure["retryable"] is True
    # Tried again, and now no one is in the way.
    assert airbyte.wait(job)["job"]["status"] == "succeeded"
    assert rows(airbyte.settings, f"SELECT id FROM bronze.too_long.{table}") == [(1,)]
