"""A stream of the log is read anew while the others go on."""

from __future__ import annotations

import contextlib

from tests.contract.airbyte.client import Airbyte
from tests.contract.airbyte.test_cdc import DEDUP, Cdc


def test_one_stream_is_refreshed_and_the_other_goes_on(airbyte: Airbyte) -> None:
    ddl = "CREATE TABLE a (id int PRIMARY KEY, v int); CREATE TABLE b (id int PRIMARY KEY, v int)"
    with contextlib.closing(Cdc(airbyte, "cdc_refresh", ddl)) as cdc:
        for name in ("a", "b"):
            cdc.db.execute(f"INSERT INTO {name} SELECT i, 0 FROM generate_series(1, 50) i")
        connection = cdc.connect({"a": DEDUP, "b": DEDUP})
        airbyte.sync(connection)
        cdc.db.execute("UPDATE a SET v = 1 WHERE id < 4; UPDATE b SET v = 1 WHERE id < 3")
        cdc.db.execute("DELETE FROM a WHERE id = 50; INSERT INTO b VALUES (51, 5)")
        named = [{"streamName": "a", "streamNamespace": "cdc_refresh"}]
        asked = {"connectionId": connection, "streams": named, "refreshMode": "Truncate"}
        job = airbyte.post("connections/refresh", **asked)["job"]["id"]
        info = airbyte.wait(job)
        assert info["job"]["status"] == "succeeded", info
        stats = {s["streamName"]: s["stats"] for s in info["attempts"][0]["attempt"]["streamStats"]}
        assert stats["a"]["recordsCommitted"] == 49, "all of it"
        assert stats["b"]["recordsCommitted"] == 3, "only what changed"
        for name in ("a", "b"):
            expected = cdc.db.execute(f"SELECT id, v FROM {name} ORDER BY 1").fetchall()
            assert cdc.table(name, "id, v") == expected


def test_old_rows_get_a_new_column(airbyte: Airbyte) -> None:
    ddl = "CREATE TABLE a (id int PRIMARY KEY, v int); CREATE TABLE b (id int PRIMARY KEY, v int)"
    with contextlib.closing(Cdc(airbyte, "cdc_backfill", ddl)) as cdc:
        for name in ("a", "b"):
            cdc.db.execute(f"INSERT INTO {name} SELECT i, 0 FROM generate_series(1, 5) i")
        options = {
            "nonBreakingChangesPreference": "propagate_fully",
            "backfillPreference": "enabled",
        }
        connection = cdc.connect({"a": DEDUP, "b": DEDUP}, **options)
        airbyte.sync(connection)
        cdc.db.execute("UPDATE a SET v = 1 WHERE id = 2; DELETE FROM a WHERE id = 3")
        cdc.db.execute("ALTER TABLE a ADD tip int DEFAULT 7")
        cdc.db.execute("UPDATE a SET tip = 8 WHERE id = 4; INSERT INTO a VALUES (6, 6, 6)")
        cdc.db.execute("INSERT INTO b VALUES (6, 6)")
        info = airbyte.sync(connection)
        stats = {s["streamName"]: s["stats"] for s in info["attempts"][0]["attempt"]["streamStats"]}
        assert stats["b"]["recordsCommitted"] == 1, "the other table goes on from its state"
        told = info["job"]["streamAggregatedStats"]
        assert [s["streamName"] for s in told if s.get("wasBackfilled")] == ["a"]
        assert cdc.table("a", "id, v, tip") == [
            (1, 0, 7),
            (2, 1, 7),
            (4, 0, 8),
            (5, 0, 7),
            (6, 6, 6),
        ]
        assert cdc.table("b", "id, v") == [*((i, 0) for i in range(1, 6)), (6, 6)]
        cdc.db.execute("DELETE FROM a WHERE id = 1; UPDATE a SET v = 9 WHERE id = 5")
        airbyte.sync(connection)
        expected = [(2, 1, 7), (4, 0, 8), (5, 9, 7), (6, 6, 6)]
        assert cdc.table("a", "id, v, tip") == expected
