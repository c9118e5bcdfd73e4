"""PostgreSQL's log and what is done to tables as a whole: left out, renamed, made anew, parted."""

from __future__ import annotations

from typing import Any

import pytest

from services.common.waiting import wait_until
from tests.contract.airbyte.client import Airbyte
from tests.contract.airbyte.test_cdc import DEDUP, make

__all__ = ["make"]  # a fixture


def equal(cdc: Any, table: str, columns: str, where: str = "true") -> None:
    """Compare bronze with the source."""
    wanted = cdc.db.execute(f"SELECT {columns} FROM ONLY {table} WHERE {where} ORDER BY 1")
    assert cdc.table(table, columns) == wanted.fetchall()


def refresh(airbyte: Airbyte, connection: str, namespace: str, *names: str) -> None:
    named = [{"streamName": name, "streamNamespace": namespace} for name in names]
    asked = {"connectionId": connection, "streams": named, "refreshMode": "Truncate"}
    job = airbyte.wait(airbyte.post("connections/refresh", **asked)["job"]["id"])
    assert job["job"]["status"] == "succeeded", job


def test_what_the_publication_leaves_out_is_left_out_of_the_snapshot_too(make: Any) -> None:
    cdc = make(
        "cdc_parts",
        """CREATE TABLE made (id int PRIMARY KEY, a int, g int GENERATED ALWAYS AS (a * 2) STORED);
        CREATE TABLE listed (id int PRIMARY KEY, a int, secret int);
        CREATE TABLE filtered (id int PRIMARY KEY, a int);
        CREATE TABLE parent (id int PRIMARY KEY, a int);
        CREATE TABLE heir (b int, PRIMARY KEY (id)) INHERITS (parent)""",
    )
    cdc.db.execute(
        "ALTER PUBLICATION cdc_parts SET TABLE made, listed (id, a), filtered WHERE (id > 2),"
        " ONLY parent, ONLY heir"
    )
    tables = {"made": "id, a", "listed": "id, a", "filtered": "id, a", "parent": "id, a"}
    tables["heir"] = "id, a, b"
    for name in ("made", "listed", "filtered", "parent"):
        cdc.db.execute(f"INSERT INTO {name} (id, a) SELECT i, i FROM generate_series(1, 4) i")
    cdc.db.execute("INSERT INTO heir SELECT i, i, i FROM generate_series(11, 12) i")
    connection = cdc.connect(dict.fromkeys(tables, DEDUP))
    offered = {e["stream"]["name"]: e["stream"] for e in cdc.airbyte.catalog(cdc.source)}
    assert "g" not in offered["made"]["jsonSchema"]["properties"]
    assert "secret" not in offered["listed"]["jsonSchema"]["properties"]
    cdc.airbyte.sync(connection)
    where = {"filtered": "id > 2"}
    for name, columns in tables.items():
        equal(cdc, name, columns, where.get(name, "true"))
    for name in ("made", "listed", "filtered", "parent"):  # parent: its heir's rows as well
        cdc.db.execute(f"UPDATE {name} SET a = a + 100 WHERE id % 2 = 0")
        cdc.db.execute(
            f"UPDATE {name} SET id = 9 WHERE id = 1; UPDATE {name} SET id = 1 WHERE id = 3"
        )
    cdc.airbyte.sync(connection)
    for name, columns in tables.items():
        equal(cdc, name, columns, where.get(name, "true"))


@pytest.mark.parametrize("root", ["off", "on"])
def test_partitions_are_one_table(make: Any, root: str) -> None:
    name = f"cdc_parted_{root}"
    cdc = make(
        name,
        """CREATE TABLE t (id int, d int, a text, PRIMARY KEY (id, d)) PARTITION BY RANGE (d);
        CREATE TABLE low PARTITION OF t FOR VALUES FROM (0) TO (10);
        CREATE TABLE high PARTITION OF t FOR VALUES FROM (10) TO (20)""",
    )
    cdc.db.execute(f"ALTER PUBLICATION {name} SET TABLE t")
    cdc.db.execute(f"ALTER PUBLICATION {name} SET (publish_via_partition_root = {root})")
    cdc.db.execute("INSERT INTO t SELECT i, i, 'x' FROM generate_series(1, 19) i")
    connection = cdc.connect({"t": DEDUP})
    cdc.airbyte.sync(connection)
    cdc.db.execute("UPDATE t SET d = 15 WHERE id = 3; DELETE FROM t WHERE id = 4")
    cdc.db.execute("CREATE TABLE later PARTITION OF t FOR VALUES FROM (20) TO (30)")
    cdc.db.execute("INSERT INTO t VALUES (21, 21, 'new'); UPDATE t SET d = 22 WHERE id = 12")
    told = cdc.airbyte.sync(connection)["attempts"][-1]["logs"]["logLines"]
    assert any(f"{name}.t has other partitions than at the last sync (3, was 2)" in x for x in told)
    wanted = cdc.db.execute("SELECT id, d, a FROM t ORDER BY 1").fetchall()
    assert cdc.table("t", "id, d, a") == wanted
    cdc.db.execute("TRUNCATE t; INSERT INTO t VALUES (1, 1, 'a'), (12, 12, 'b')")
    told = cdc.airbyte.sync(connection)["attempts"][-1]["logs"]["logLines"]
    assert not any("has other partitions" in line for line in told)
    assert cdc.table("t", "id, d, a") == [(1, 1, "a"), (12, 12, "b")]
    if root == "on":  # PostgreSQL's log says nothing of a single partition's truncate
        return
    cdc.db.execute("TRUNCATE low")
    failure = cdc.airbyte.failure(connection)
    assert failure["failureType"] == "config_error"
    assert "its partition cdc_parted_off.low was truncated" in failure["externalMessage"]
    assert cdc.table("t", "id, d, a") == [(1, 1, "a"), (12, 12, "b")]
    refresh(cdc.airbyte, connection, name, "t")
    assert cdc.table("t", "id, d, a") == [(12, 12, "b")]


def test_a_table_that_is_renamed_or_made_anew(make: Any) -> None:
    cdc = make(
        "cdc_anew",
        "CREATE TABLE a (id int PRIMARY KEY, v int); CREATE TABLE b (LIKE a INCLUDING ALL)",
    )
    for name in ("a", "b"):
        cdc.db.execute(f"INSERT INTO {name} VALUES (1, 1), (2, 2)")
    connection = cdc.connect({"a": DEDUP, "b": DEDUP})
    cdc.airbyte.sync(connection)
    # Under another name for a while.
    cdc.db.execute("INSERT INTO a VALUES (3, 3); ALTER TABLE a RENAME TO away")
    cdc.db.execute("INSERT INTO away VALUES (4, 4)")
    failure = cdc.airbyte.failure(connection)
    assert (
        "table cdc_anew.a is not in publication 'cdc_anew', and not in the database"
        in failure["externalMessage"]
    )
    cdc.db.execute("ALTER TABLE away RENAME TO a; DELETE FROM a WHERE id = 1")
    cdc.airbyte.sync(connection)
    equal(cdc, "a", "id, v")
    # Another table under its name.
    cdc.db.execute("DROP TABLE a; CREATE TABLE a (id int PRIMARY KEY, v int)")
    advice = "ALTER PUBLICATION cdc_anew ADD TABLE cdc_anew.a"
    assert f"'cdc_anew': {advice}, or" in cdc.airbyte.failure(connection)["externalMessage"]
    cdc.db.execute(f"{advice}; INSERT INTO a VALUES (7, 7)")
    cdc.db.execute("INSERT INTO b VALUES (3, 3)")
    failure = cdc.airbyte.failure(connection)
    assert failure["failureType"] == "config_error"
    assert (
        "table cdc_anew.a (publication 'cdc_anew') is not the one that was read"
        in failure["externalMessage"]
    )
    assert "connections/refresh" in failure["externalMessage"]
    refresh(cdc.airbyte, connection, cdc.name, "a")
    equal(cdc, "a", "id, v")
    equal(cdc, "b", "id, v")
    # Out of the publication for a while.
    cdc.db.execute("ALTER PUBLICATION cdc_anew SET TABLE a, b; INSERT INTO b VALUES (4, 4)")
    cdc.airbyte.sync(connection)
    equal(cdc, "b", "id, v")
    cdc.db.execute("ALTER PUBLICATION cdc_anew DROP TABLE b; INSERT INTO b VALUES (5, 5)")
    cdc.db.execute("ALTER PUBLICATION cdc_anew ADD TABLE b")
    failure = cdc.airbyte.failure(connection)
    assert "cdc_anew.b was taken out of publication" in failure["externalMessage"]
    refresh(cdc.airbyte, connection, cdc.name, "b")
    equal(cdc, "b", "id, v")
    # Two exchange their names, with leave to read anew.
    config = cdc.config(invalid_cdc_cursor_position_behavior="Re-sync data")
    cdc.airbyte.post(
        "sources/update", sourceId=cdc.source, name=cdc.name, connectionConfiguration=config
    )
    cdc.db.execute(
        "ALTER TABLE a RENAME TO c; ALTER TABLE b RENAME TO a; ALTER TABLE c RENAME TO b"
    )
    cdc.db.execute("INSERT INTO a VALUES (8, 8)")
    cdc.airbyte.sync(connection)
    equal(cdc, "a", "id, v")
    equal(cdc, "b", "id, v")


def test_a_snapshot_that_waits_for_a_writer_says_so(make: Any) -> None:
    cdc = make("cdc_waits", "CREATE TABLE t (id int PRIMARY KEY)")
    connection = cdc.connect({"t": DEDUP})
    with cdc.airbyte.shop() as other:
        other.autocommit = False
        other.execute("INSERT INTO cdc_waits.t VALUES (1)")
        pid = other.info.backend_pid
        job = cdc.airbyte.start(connection)

        def told() -> bool:
            lines = cdc.airbyte.post("jobs/get", id=job)["attempts"][0]["logs"]["logLines"]
            return any(f"to end; the oldest: process {pid} of user" in line for line in lines)

        wait_until(told, seconds=60, what="the log line")
        cdc.db.execute("INSERT INTO t VALUES (2)")
        other.commit()
    assert cdc.airbyte.wait(job)["job"]["status"] == "succeeded"
    cdc.airbyte.sync(connection)
    equal(cdc, "t", "id")


def test_what_the_log_tells_otherwise_than_the_table_is_refused(make: Any) -> None:
    cdc = make(
        "cdc_unlike",
        """CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (10);
        CREATE TABLE high PARTITION OF parted FOR VALUES FROM (10) TO (20);
        CREATE TABLE secured (id int PRIMARY KEY, a text);
        ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
        CREATE POLICY seen ON secured USING (a <> 'hidden')""",
    )
    cdc.db.execute("ALTER PUBLICATION cdc_unlike SET TABLE parted, secured")
    cdc.db.execute("INSERT INTO parted VALUES (1), (11)")
    connection = cdc.connect({"parted": DEDUP, "secured": DEDUP})  # its owner sees all rows

    def refused(words: str) -> None:
        offered = {e["stream"]["name"]: e["stream"] for e in cdc.airbyte.catalog(cdc.source)}
        name = "secured" if "security" in words else "parted"
        assert offered[name]["supportedSyncModes"] == ["full_refresh"]
        failure = cdc.airbyte.failure(connection)
        assert failure["failureType"] == "config_error"
        assert words in failure["externalMessage"]

    cdc.db.execute("ALTER TABLE high SET UNLOGGED")
    refused("the log does not tell of cdc_unlike.parted's partition cdc_unlike.high")
    cdc.db.execute("ALTER TABLE high SET LOGGED")
    cdc.db.execute("ALTER PUBLICATION cdc_unlike SET TABLE low, secured")
    refused("publish the table with all of its partitions")
    cdc.db.execute("ALTER PUBLICATION cdc_unlike SET TABLE parted, secured")
    cdc.db.execute("ALTER TABLE secured FORCE ROW LEVEL SECURITY")
    refused("row level security decides which rows of cdc_unlike.secured")
    cdc.db.execute("ALTER TABLE secured DISABLE ROW LEVEL SECURITY")
    cdc.db.execute("INSERT INTO secured VALUES (1, 'hidden')")
    cdc.airbyte.sync(connection)
    cdc.db.execute("INSERT INTO parted VALUES (2), (12); UPDATE secured SET a = 'b'")
    cdc.airbyte.sync(connection)
    assert cdc.table("parted", "id") == [(1,), (2,), (11,), (12,)]
    assert cdc.table("secured", "id, a") == [(1, "b")]


def test_a_key_that_the_log_does_not_tell_is_refused_before_the_snapshot(make: Any) -> None:
    cdc = make("cdc_identity", "CREATE TABLE t (id int PRIMARY KEY, code int UNIQUE NOT NULL)")
    cdc.db.execute("INSERT INTO t VALUES (1, 10), (2, 20)")
    connection = cdc.connect({"t": DEDUP})
    for identity in ("NOTHING", "USING INDEX t_code_key"):
        cdc.db.execute(f"ALTER TABLE t REPLICA IDENTITY {identity}")
        failure = cdc.airbyte.failure(connection)
        assert failure["failureType"] == "config_error"
        assert "the log does not tell id of deleted rows" in failure["externalMessage"]
    cdc.db.execute("ALTER TABLE t REPLICA IDENTITY FULL")
    cdc.airbyte.sync(connection)
    cdc.db.execute("UPDATE t SET id = 3 WHERE id = 2; DELETE FROM t WHERE id = 1")
    cdc.airbyte.sync(connection)
    equal(cdc, "t", "id, code")
