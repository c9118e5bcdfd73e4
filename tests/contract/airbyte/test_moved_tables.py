"""A connection whose prefix is changed and changed back: every table gets all rows, once."""

from __future__ import annotations

import contextlib

from tests.contract.airbyte.client import Airbyte, rows
from tests.contract.airbyte.test_cdc import DEDUP, Cdc


def test_a_table_that_is_written_to_again_catches_up(airbyte: Airbyte) -> None:
    name = "moved"
    with airbyte.shop() as db:
        db.execute(f"CREATE SCHEMA {name}; CREATE TABLE {name}.t (id int PRIMARY KEY)")
    source = airbyte.source(airbyte.postgres_config(schemas=[name]))
    config = {"syncMode": "incremental", "destinationSyncMode": "append", "cursorField": ["id"]}
    connection = airbyte.connect(source, name, {"t": config})
    for number, prefix in enumerate(["", "x_", ""], 1):
        with airbyte.shop() as db:
            db.execute(f"INSERT INTO {name}.t VALUES (%s)", [number])
        airbyte.post("connections/update", connectionId=connection, prefix=prefix)
        airbyte.sync(connection)
        found = rows(airbyte.settings, f"SELECT id FROM bronze.{name}.{prefix}t ORDER BY 1")
        assert found == [(n,) for n in range(1, number + 1)]
    # What was read into it once goes on from there.
    assert airbyte.sync(connection)["attempts"][0]["attempt"]["recordsSynced"] == 0


def test_a_log_is_read_from_a_snapshot_again(airbyte: Airbyte) -> None:
    ddl = "CREATE TABLE t (id int PRIMARY KEY)"
    with contextlib.closing(Cdc(airbyte, "moved_log", ddl)) as cdc:
        connection = cdc.connect({"t": DEDUP})
        for number, prefix in enumerate(["", "x_", ""], 1):
            cdc.db.execute("INSERT INTO t VALUES (%s)", [number])
            airbyte.post("connections/update", connectionId=connection, prefix=prefix)
            airbyte.sync(connection)
            found = cdc.table(f"{prefix}t", "id")
            assert found == [(n,) for n in range(1, number + 1)]
        cdc.db.execute("DELETE FROM t WHERE id = 1")
        airbyte.sync(connection)
        assert cdc.table("t", "id") == [(2,), (3,)]
