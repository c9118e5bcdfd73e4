"""`lakelet refresh`, `clear` and `cancel`, typed as a user types them."""

from __future__ import annotations

import psycopg
import pytest

from services.common.waiting import wait_until
from tests.contract.airbyte.client import Airbyte, rows

NEW = {"syncMode": "incremental", "destinationSyncMode": "append_dedup", "cursorField": ["id"]}
TABLES = ("by_hand", "by_foot")


@pytest.fixture(scope="module")
def connection(airbyte: Airbyte) -> str:
    with airbyte.shop() as db:
        for table in TABLES:
            db.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, v text)")
            db.execute(f"INSERT INTO {table} VALUES (1, 'one'), (2, 'two')")
    source = airbyte.source(airbyte.postgres_config())
    return airbyte.connect(source, "by_hand", dict.fromkeys(TABLES, NEW))


def texts(airbyte: Airbyte, table: str) -> list[str]:
    query = f"SELECT v FROM bronze.by_hand.{table} ORDER BY id"
    return [text for (text,) in rows(airbyte.settings, query)]


def test_streams_are_read_anew_and_emptied(airbyte: Airbyte, connection: str) -> None:
    def typed(*words: str) -> str:
        done = airbyte.home.lakelet(*words)
        assert done.returncode == 0, done.stderr
        return done.stderr

    airbyte.sync(connection)
    with airbyte.shop() as db:
        for table in TABLES:
            db.execute(f"DELETE FROM {table} WHERE id = 2")  # no cursor sees that
    airbyte.sync(connection)
    both = ["one", "two"]
    assert texts(airbyte, "by_hand") == texts(airbyte, "by_foot") == both
    assert "refresh by_hand (public.by_hand)  1 rows" in typed(
        "refresh", "by_hand", "-s", "by_hand"
    )
    assert texts(airbyte, "by_hand") == both
    typed("refresh", "by_hand", "--stream", "public.by_hand", "--truncate")
    assert texts(airbyte, "by_hand") == ["one"]
    assert texts(airbyte, "by_foot") == both
    typed("refresh", "by_hand", "--truncate")
    assert texts(airbyte, "by_foot") == ["one"]
    typed("clear", "by_hand", "--stream", "by_foot", "--yes")
    assert texts(airbyte, "by_foot") == []
    assert texts(airbyte, "by_hand") == ["one"]
    airbyte.sync(connection)
    assert texts(airbyte, "by_foot") == ["one"]
    unknown = airbyte.home.lakelet("clear", "by_hand", "--stream", "by_hnd", "--yes")
    assert unknown.returncode != 0
    assert "connection 'by_hand' has no stream 'by_hnd'; did you mean by_hand?" in unknown.stderr
    assert texts(airbyte, "by_hand") == ["one"]


def test_what_runs_is_ended(airbyte: Airbyte, connection: str) -> None:
    asked = airbyte.home.lakelet("cancel", "by_hand")
    assert (asked.returncode, asked.stdout) == (0, "no job of 'by_hand' runs\n")
    with psycopg.connect(airbyte.settings.postgres_dsn("shop")) as db:
        db.execute("LOCK TABLE by_hand")  # the sync waits for it
        job = airbyte.start(connection)

        def runs() -> bool:
            return bool(airbyte.post("jobs/get", id=job)["job"]["status"] == "running")

        wait_until(runs, seconds=60, what="the sync to begin")
        asked = airbyte.home.lakelet("cancel", "by_hand")
        assert asked.returncode == 0, asked.stderr
        assert asked.stdout == f"sync of 'by_hand' (job {job}): cancelled\n"
        assert airbyte.wait(job)["job"]["status"] == "cancelled"
