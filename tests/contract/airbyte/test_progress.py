"""What a client sees while a sync runs, and in the logs afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from services.common.settings import CHECKOUT
from services.common.waiting import wait_until
from tests.contract.airbyte.client import Airbyte

FULL = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
ROWS, GATE = 400_000, 4711


@pytest.fixture(scope="module")
def connection(airbyte: Airbyte) -> str:
    """A stream that stops before its end until nobody holds the lock GATE."""
    with airbyte.shop() as db:
        db.execute(
            "CREATE FUNCTION gate() RETURNS text LANGUAGE plpgsql VOLATILE AS"
            f" $$ BEGIN PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN 'open'; END $$"
        )
        db.execute(
            "CREATE VIEW gated AS SELECT i AS id, md5(i::text) AS m,"
            f" CASE WHEN i = {ROWS - 1000} THEN gate() END AS g FROM generate_series(1, {ROWS}) i"
        )
    source = airbyte.source(airbyte.postgres_config())
    return airbyte.connect(source, "watched", {"gated": FULL})


@pytest.fixture
def closed(airbyte: Airbyte) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with airbyte.shop() as db:
        db.execute("SELECT pg_advisory_lock(%s)", (GATE,))
        yield db


def test_counts_grow_while_a_stream_runs(
    airbyte: Airbyte, connection: str, closed: psycopg.Connection[tuple[object, ...]]
) -> None:
    job = airbyte.start(connection)

    def emitted() -> int:
        stats = airbyte.post("jobs/get", id=job)["job"]["aggregatedStats"]
        assert stats["recordsCommitted"] == 0
        return int(stats["recordsEmitted"])

    wait_until(lambda: emitted() > 100_000, seconds=60, what="rows")
    assert emitted() < ROWS
    shown = airbyte.post("connections/sync_progress", connectionId=connection)
    assert shown["jobId"] == job
    assert shown["streams"][0]["streamName"] == "gated"
    assert 100_000 < shown["recordsEmitted"] < ROWS
    status = airbyte.post("connections/status", connectionIds=[connection])[0]
    assert status["connectionSyncStatus"] == "running"
    assert status["activeJob"]["id"] == job
    closed.execute("SELECT pg_advisory_unlock(%s)", (GATE,))
    info = airbyte.wait(job)
    stats = info["job"]["aggregatedStats"]
    assert (stats["recordsEmitted"], stats["recordsCommitted"]) == (ROWS, ROWS)
    status = airbyte.post("connections/status", connectionIds=[connection])[0]
    assert status["connectionSyncStatus"] == "synced"


def test_cancel_stops_what_hangs(
    airbyte: Airbyte, connection: str, closed: psycopg.Connection[tuple[object, ...]]
) -> None:
    job = airbyte.start(connection)

    def reading() -> bool:
        found = closed.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ).fetchone()
        return found is not None and found[0] == 1

    wait_until(reading, seconds=60, what="the sync at the gate")
    assert airbyte.post("jobs/cancel", id=job)["job"]["status"] == "cancelled"
    status = airbyte.post("connections/status", connectionIds=[connection])[0]
    assert status["connectionSyncStatus"] == "incomplete"
    closed.execute("SELECT pg_advisory_unlock(%s)", (GATE,))
    # The worker is gone: its session at the source ends, and the next sync may begin at once.
    airbyte.sync(connection)


def test_follow_and_the_jobs_log(
    airbyte: Airbyte, connection: str, closed: psycopg.Connection[tuple[object, ...]]
) -> None:
    command = [sys.executable, "-m", "bootstrap", "sync", "watched", "--follow", "--json"]
    running = subprocess.Popen(
        command,
        env=airbyte.home.environment,
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    seen: list[str] = []
    while not any(line.startswith("watched.gated: 3") for line in seen):
        seen.append(running.stderr.readline())
        assert seen[-1], seen
    closed.execute("SELECT pg_advisory_unlock(%s)", (GATE,))
    output, rest = running.communicate(timeout=60)
    assert running.returncode == 0, rest
    assert f"watched.gated: {ROWS:,} rows" in rest
    assert "done" in rest
    job = json.loads(output)["watched"]["job"]["id"]
    path = airbyte.settings.data_dir / "airbyte" / "logs" / str(job) / "0.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) > 2
    for line in lines:
        assert line["job_id"] == job
        assert line["connection_id"] == connection
        assert line["correlation_id"] == f"{job}-0"
        assert {"timestamp", "level", "source", "message"} <= set(line)
