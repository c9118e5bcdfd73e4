"""What a sync brings into bronze, compared with the source row by row."""

from __future__ import annotations

import psycopg
import pytest

from services.common.waiting import wait_until
from tests.contract.airbyte.client import Airbyte, rows

FULL = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
FULL_APPEND = {"syncMode": "full_refresh", "destinationSyncMode": "append"}
APPEND = {"syncMode": "incremental", "destinationSyncMode": "append", "cursorField": ["at"]}
DEDUP = {"syncMode": "incremental", "destinationSyncMode": "append_dedup", "cursorField": ["at"]}


@pytest.fixture
def table(airbyte: Airbyte, request: pytest.FixtureRequest) -> str:
    name = request.node.name.removeprefix("test_")[:50]
    with airbyte.shop() as db:
        db.execute(f"DROP TABLE IF EXISTS {name}")
        db.execute(
            f"CREATE TABLE {name} (id int PRIMARY KEY, name text, price numeric(10, 2),"
            " at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )
        db.execute(
            f"INSERT INTO {name} SELECT i, 'n' || i, i * 1.01 FROM generate_series(1, 500) i"
        )
    return name


def in_source(airbyte: Airbyte, table: str) -> list[tuple[object, ...]]:
    with airbyte.shop() as db:
        return db.execute(f"SELECT id, name, price, at FROM {table} ORDER BY id, at").fetchall()


def in_bronze(airbyte: Airbyte, table: str) -> list[tuple[object, ...]]:
    query = f'SELECT id, name, price, "at" FROM bronze.modes.{table} ORDER BY 1, 4'
    return rows(airbyte.settings, query)


def test_overwrite_replaces_and_counts_generations(airbyte: Airbyte, table: str) -> None:
    source = airbyte.source(airbyte.postgres_config())
    connection = airbyte.connect(source, "modes", {table: FULL})
    info = airbyte.sync(connection)
    assert in_bronze(airbyte, table) == in_source(airbyte, table)
    assert info["job"]["aggregatedStats"]["recordsCommitted"] == 500
    attempt = info["attempts"][0]["attempt"]
    assert attempt["streamStats"][0]["streamName"] == table
    assert attempt["recordsSynced"] == 500
    assert attempt["bytesSynced"] > 0
    assert any("500 records" in line for line in info["attempts"][0]["logs"]["logLines"])
    with airbyte.shop() as db:
        db.execute(f"DELETE FROM {table} WHERE id > 100")
    airbyte.sync(connection)
    assert in_bronze(airbyte, table) == in_source(airbyte, table)
    meta = rows(
        airbyte.settings,
        "SELECT count(DISTINCT _airbyte_raw_id), count(DISTINCT _airbyte_extracted_at),"
        " min(_airbyte_generation_id), max(_airbyte_generation_id),"
        f" count(*) FILTER (_airbyte_meta.changes <> []) FROM bronze.modes.{table}",
    )
    assert meta == [(100, 1, 2, 2, 0)]
    with airbyte.shop() as db:
        db.execute(f"DELETE FROM {table}")
    airbyte.sync(connection)
    assert in_bronze(airbyte, table) == []


def test_full_refresh_append_keeps_every_run(airbyte: Airbyte, table: str) -> None:
    source = airbyte.source(airbyte.postgres_config())
    connection = airbyte.connect(source, "modes", {table: FULL_APPEND})
    airbyte.sync(connection)
    airbyte.sync(connection)
    assert len(in_bronze(airbyte, table)) == 1000


def test_incremental_append_brings_each_version_once(airbyte: Airbyte, table: str) -> None:
    source = airbyte.source(airbyte.postgres_config())
    connection = airbyte.connect(source, "modes", {table: APPEND})
    airbyte.sync(connection)
    again = airbyte.sync(connection)
    assert again["job"]["aggregatedStats"]["recordsCommitted"] == 0
    with airbyte.shop() as db:
        # A tie with the last cursor value, which a bare `>` would lose and a `>=` would double.
        db.execute(f"INSERT INTO {table} SELECT 900, 'tie', 1, max(at) FROM {table}")
        db.execute(f"UPDATE {table} SET name = 'changed', at = clock_timestamp() WHERE id <= 3")
    changed = airbyte.sync(connection)
    assert changed["job"]["aggregatedStats"]["recordsCommitted"] == 4
    found = in_bronze(airbyte, table)
    assert len(found) == 504
    assert set(in_source(airbyte, table)) <= set(found)


def test_rows_that_commit_late_arrive_once(airbyte: Airbyte, table: str) -> None:
    source = airbyte.source(airbyte.postgres_config())
    connection = airbyte.connect(source, "modes", {table: APPEND})
    airbyte.sync(connection)
    with psycopg.connect(airbyte.settings.postgres_dsn("shop")) as open_one, airbyte.shop() as db:
        open_one.execute(f"INSERT INTO {table} VALUES (1000, 'late', 1)")
        open_one.execute("SAVEPOINT inner_one")
        open_one.execute(f"INSERT INTO {table} VALUES (1001, 'late in a savepoint', 1)")
        open_one.execute("RELEASE inner_one")
        db.execute(f"INSERT INTO {table} VALUES (1002, 'in between', 1)")
        meanwhile = airbyte.sync(connection)
        assert meanwhile["job"]["aggregatedStats"]["recordsCommitted"] == 1
        open_one.commit()
    airbyte.sync(connection)
    airbyte.sync(connection)
    assert in_bronze(airbyte, table) == in_source(airbyte, table)


def test_dedup_keeps_the_latest_version(airbyte: Airbyte, table: str) -> None:
    source = airbyte.source(airbyte.postgres_config())
    connection = airbyte.connect(source, "modes", {table: DEDUP})
    airbyte.sync(connection)
    for turn in range(3):
        with airbyte.shop() as db:
            db.execute(
                f"UPDATE {table} SET price = price + 1, at = clock_timestamp()"
                f" WHERE id % 7 = {turn}"
            )
            db.execute(f"INSERT INTO {table} VALUES ({2000 + turn}, 'new', 5)")
        airbyte.sync(connection)
        assert in_bronze(airbyte, table) == in_source(airbyte, table)


def test_reset_empties_and_the_next_sync_starts_anew(airbyte: Airbyte, table: str) -> None:
    source = airbyte.source(airbyte.postgres_config())
    connection = airbyte.connect(source, "modes", {table: APPEND})
    airbyte.sync(connection)
    assert airbyte.post("state/get", connectionId=connection)["stateType"] == "stream"
    airbyte.sync(connection, "reset")
    assert in_bronze(airbyte, table) == []
    assert airbyte.post("state/get", connectionId=connection)["stateType"] == "not_set"
    airbyte.sync(connection)
    assert in_bronze(airbyte, table) == in_source(airbyte, table)


def test_a_refresh_reads_anew(airbyte: Airbyte, table: str) -> None:
    source = airbyte.source(airbyte.postgres_config())
    connection = airbyte.connect(source, "modes", {table: DEDUP})
    airbyte.sync(connection)
    before = in_source(airbyte, table)
    with airbyte.shop() as db:
        # What a cursor never sees: a row that is gone, one whose cursor stayed as it was.
        db.execute(f"DELETE FROM {table} WHERE id = 1")
        db.execute(f"UPDATE {table} SET name = 'silently' WHERE id = 2")
    airbyte.sync(connection)
    assert in_bronze(airbyte, table)[0] == before[0]
    named = [{"streamName": table, "streamNamespace": "public"}]

    def refresh(mode: str) -> None:
        asked = {"connectionId": connection, "streams": named, "refreshMode": mode}
        job = airbyte.post("connections/refresh", **asked)["job"]
        assert job["configType"] == "refresh"
        assert airbyte.wait(job["id"])["job"]["status"] == "succeeded"

    refresh("Merge")
    merged = in_bronze(airbyte, table)
    assert merged[0] == before[0], "what is gone from the source stays"
    assert set(in_source(airbyte, table)) <= set(merged)
    refresh("Truncate")
    assert in_bronze(airbyte, table) == in_source(airbyte, table)
    again = airbyte.sync(connection)
    assert again["job"]["aggregatedStats"]["recordsCommitted"] == 0


def test_a_state_set_by_hand_is_followed(airbyte: Airbyte, table: str) -> None:
    source = airbyte.source(airbyte.postgres_config())
    connection = airbyte.connect(source, "modes", {table: APPEND})
    airbyte.sync(connection)
    state = airbyte.post("state/get", connectionId=connection)
    with airbyte.shop() as db:
        middle = db.execute(f"SELECT at::text FROM {table} WHERE id = 400").fetchone()[0]
        above = f"SELECT count(*) FROM {table} WHERE at > %s::timestamptz"
        newer = db.execute(above, (middle,)).fetchone()[0]
    state["streamState"][0]["streamState"]["cursor"] = middle
    airbyte.post("state/create_or_update", connectionId=connection, connectionState=state)
    again = airbyte.sync(connection)
    assert newer >= 95
    assert again["job"]["aggregatedStats"]["recordsCommitted"] == newer


def test_columns_may_come_widen_and_go(airbyte: Airbyte, table: str) -> None:
    source = airbyte.source(airbyte.postgres_config())
    connection = airbyte.connect(
        source, "modes", {table: DEDUP}, nonBreakingChangesPreference="propagate_columns"
    )
    airbyte.sync(connection)
    with airbyte.shop() as db:
        db.execute(f"ALTER TABLE {table} ADD note text, ALTER price TYPE numeric(14, 2)")
        db.execute(f"ALTER TABLE {table} DROP name, ALTER id TYPE bigint")
        db.execute(
            f"UPDATE {table} SET note = 'x', price = 123456789012.34, at = clock_timestamp()"
            " WHERE id = 1"
        )
    airbyte.sync(connection)
    found = rows(
        airbyte.settings, f"SELECT id, name, price, note FROM bronze.modes.{table} ORDER BY id"
    )
    assert [str(value) for value in found[0]] == ["1", "None", "123456789012.34", "x"]
    assert found[1][1] == "n2"
    assert found[1][3] is None
    with airbyte.shop() as db:
        db.execute(f"ALTER TABLE {table} ALTER note TYPE int USING 7")
        db.execute(f"ALTER TABLE {table} ALTER price TYPE text")
        db.execute(f"INSERT INTO {table} (id, price, note) VALUES (3000, 'dear', 7)")
    failure = airbyte.failure(connection)
    assert failure["failureOrigin"] == "destination"
    assert failure["failureType"] == "config_error"
    assert "'price'" in failure["externalMessage"]
    assert "connections/clear" in failure["externalMessage"]


def test_streams_are_read_side_by_side(airbyte: Airbyte) -> None:
    names = [f"side_{letter}" for letter in "abcd"]
    with airbyte.shop() as db:
        for name in names:
            db.execute(f"CREATE TABLE {name} AS SELECT i AS id FROM generate_series(1, 50) i")
    source = airbyte.source(airbyte.postgres_config())
    connection = airbyte.connect(source, "side", dict.fromkeys(names, FULL))
    with airbyte.shop() as db, db.transaction():
        db.execute("LOCK TABLE side_a IN ACCESS EXCLUSIVE MODE")  # its reader has to wait
        job = airbyte.start(connection)

        def committed() -> set[str]:
            attempts = airbyte.post("jobs/get", id=job)["attempts"]
            stats = attempts[-1]["attempt"].get("streamStats", []) if attempts else []
            return {s["streamName"] for s in stats if s["stats"]["recordsCommitted"] == 50}

        wait_until(
            lambda: committed() == {"side_b", "side_c", "side_d"},
            seconds=90,
            what="the streams beside the one that waits",
        )
    info = airbyte.wait(job)
    assert info["job"]["status"] == "succeeded"
    assert info["job"]["aggregatedStats"]["recordsCommitted"] == 200
    for name in names:
        query = f"SELECT count(*), count(DISTINCT _airbyte_raw_id) FROM bronze.side.{name}"
        assert rows(airbyte.settings, query) == [(50, 50)]
