"""SQL Server read through change tracking.

The random part: `LAKELET_SQLSERVER_ROUNDS` (2) says how many rounds, `LAKELET_CDC_SEED` which ones.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from services.common.waiting import wait_until
from tests.contract.airbyte.client import SQLSERVER, Airbyte, Json, end_continuous, lake, rows
from tests.support.sqlserver.fixture import SqlServer
from tests.support.workload import TABLES, Workload, difference

ROUNDS = int(os.environ.get("LAKELET_SQLSERVER_ROUNDS") or 2)
SEED = int(os.environ.get("LAKELET_CDC_SEED") or random.SystemRandom().randrange(10**6))
CDC = {"method": "CDC"}
RESYNC = {**CDC, "invalid_cdc_cursor_position_behavior": "Re-sync data"}
APPEND = {"syncMode": "incremental", "destinationSyncMode": "append"}
DEDUP = {"syncMode": "incremental", "destinationSyncMode": "append_dedup"}


def source(airbyte: Airbyte, server: SqlServer, **changes: Any) -> str:
    config = server.config(**{"replication_method": CDC, **changes})
    return airbyte.source(config, SQLSERVER, "sql server changes")


def tracked(server: SqlServer, name: str, columns: str, *statements: str) -> None:
    server.execute(
        f"CREATE TABLE {name} ({columns})",
        f"ALTER TABLE {name} ENABLE CHANGE_TRACKING",
        *statements,
    )


def committed(job: Json) -> int:
    return int(job["job"]["aggregatedStats"]["recordsCommitted"])


def test_inserts_updates_and_deletes(airbyte: Airbyte, sqlserver: SqlServer) -> None:
    tracked(
        sqlserver,
        "moves",
        "id int NOT NULL PRIMARY KEY, v nvarchar(max)",
        "INSERT INTO moves VALUES (1, N'1'), (2, N'2'), (3, N'3'), (4, N'4')",
    )
    made = source(airbyte, sqlserver)
    (stream,) = [s for s in airbyte.catalog(made) if s["stream"]["name"] == "moves"]
    assert stream["stream"]["sourceDefinedCursor"] is True
    assert stream["stream"]["defaultCursorField"] == ["_ab_cdc_cursor"]
    kept = airbyte.connect(made, "ct_kept", {"moves": DEDUP})
    history = airbyte.connect(made, "ct_history", {"moves": APPEND})
    for connection in (kept, history):
        assert committed(airbyte.sync(connection)) == 4
    sqlserver.transaction(
        "UPDATE moves SET v = N'changed' WHERE id = 1",
        "UPDATE moves SET id = 100 WHERE id = 2",
        "DELETE FROM moves WHERE id = 3",
        "DELETE FROM moves WHERE id = 4",
        "INSERT INTO moves VALUES (4, N'again'), (5, N'new'), (6, N'gone')",
    )
    sqlserver.execute("DELETE FROM moves WHERE id = 6")
    sqlserver.execute("BEGIN TRANSACTION", "INSERT INTO moves VALUES (7, N'never')", "ROLLBACK")
    for connection in (kept, history):
        airbyte.sync(connection)
    now = rows(airbyte.settings, "SELECT id, v FROM bronze.ct_kept.moves ORDER BY id")
    assert now == sqlserver.execute("SELECT id, v FROM moves ORDER BY id")
    told = rows(
        airbyte.settings,
        "SELECT id, v, _ab_cdc_deleted_at IS NOT NULL, _ab_cdc_updated_at LIKE '20__-__-__T%Z'"
        " FROM bronze.ct_history.moves WHERE _ab_cdc_cursor >"
        " (SELECT min(_ab_cdc_cursor) FROM bronze.ct_history.moves) ORDER BY id",
    )
    assert told == [
        (1, "changed", False, True),
        (2, None, True, True),
        (3, None, True, True),
        (4, "again", False, True),
        (5, "new", False, True),
        (6, None, True, True),
        (100, "2", False, True),
    ]
    assert committed(airbyte.sync(kept)) == 0


def test_columns_come_change_and_go(airbyte: Airbyte, sqlserver: SqlServer) -> None:
    tracked(
        sqlserver,
        "alters",
        "id int NOT NULL PRIMARY KEY, n int, gone nvarchar(9)",
        "INSERT INTO alters VALUES (1, 1, N'x')",
    )
    fields = {"nonBreakingChangesPreference": "propagate_columns"}
    connection = airbyte.connect(
        source(airbyte, sqlserver), "ct_alters", {"alters": DEDUP}, **fields
    )
    airbyte.sync(connection)
    sqlserver.execute(
        "ALTER TABLE alters ADD more decimal(8,2)",
        "ALTER TABLE alters ALTER COLUMN n bigint",
        "ALTER TABLE alters DROP COLUMN gone",
        "INSERT INTO alters (id, n, more) VALUES (2, 5000000000, 1.5)",
        "UPDATE alters SET n = 6000000000 WHERE id = 1",
    )
    airbyte.sync(connection)
    found = rows(airbyte.settings, "SELECT id, n, more FROM bronze.ct_alters.alters ORDER BY id")
    assert found == sqlserver.execute("SELECT id, n, more FROM alters ORDER BY id")


def test_what_is_not_set_up_is_named(airbyte: Airbyte, sqlserver: SqlServer) -> None:
    tracked(sqlserver, "seen", "id int NOT NULL PRIMARY KEY")
    made = source(airbyte, sqlserver)
    assert airbyte.post("sources/check_connection", sourceId=made)["status"] == "succeeded"
    sqlserver.execute("ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION OFF")
    try:
        answer = airbyte.post("sources/check_connection", sourceId=made)
    finally:
        sqlserver.execute("ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON")
    assert answer["status"] == "failed"
    assert "SET ALLOW_SNAPSHOT_ISOLATION ON" in answer["message"]
    sqlserver.execute("CREATE TABLE plain (id int NOT NULL PRIMARY KEY)")
    failure = airbyte.failure(airbyte.connect(made, "ct_plain", {"plain": DEDUP}))
    assert failure["failureType"] == "config_error"
    assert "ALTER TABLE [dbo].[plain] ENABLE CHANGE_TRACKING" in failure["externalMessage"]
    sqlserver.execute("DENY VIEW CHANGE TRACKING ON seen TO lake")
    failure = airbyte.failure(airbyte.connect(made, "ct_denied", {"seen": DEDUP}))
    assert "GRANT VIEW CHANGE TRACKING ON [dbo].[seen]" in failure["externalMessage"]


def test_lost_changes_are_explained_and_read_anew_only_when_asked(
    airbyte: Airbyte, sqlserver: SqlServer
) -> None:
    tracked(sqlserver, "lost", "id int NOT NULL PRIMARY KEY", "INSERT INTO lost VALUES (1), (2)")
    made = source(airbyte, sqlserver)
    connection = airbyte.connect(made, "ct_lost", {"lost": DEDUP})
    airbyte.sync(connection)
    sqlserver.execute("TRUNCATE TABLE lost", "INSERT INTO lost VALUES (2)")
    failure = airbyte.failure(connection)
    assert failure["failureType"] == "config_error"
    assert "the table was truncated" in failure["externalMessage"]
    held = rows(airbyte.settings, "SELECT id FROM bronze.ct_lost.lost ORDER BY id")
    assert held == [(1,), (2,)]
    config = sqlserver.config(replication_method=RESYNC)
    airbyte.post("sources/update", sourceId=made, name="again", connectionConfiguration=config)
    airbyte.sync(connection)
    assert rows(airbyte.settings, "SELECT id FROM bronze.ct_lost.lost") == [(2,)]


def test_a_continuous_connection_brings_changes(airbyte: Airbyte, sqlserver: SqlServer) -> None:
    tracked(
        sqlserver, "live", "id int NOT NULL PRIMARY KEY, v int", "INSERT INTO live VALUES (1, 1)"
    )
    method = {**CDC, "poll_interval_ms": 100}
    connection = airbyte.connect(
        source(airbyte, sqlserver, replication_method=method),
        "ct_live",
        {"live": DEDUP},
        continuous={"every": 0.2},
    )

    def seen() -> bool:
        wanted = sqlserver.execute("SELECT id, v FROM live ORDER BY id")
        try:
            found = rows(airbyte.settings, "SELECT id, v FROM bronze.ct_live.live ORDER BY id")
        except duckdb.CatalogException:  # the first snapshot is being written
            return False
        return bool(found == wanted)

    try:
        wait_until(seen, seconds=60, what="the snapshot")
        sqlserver.execute("INSERT INTO live VALUES (2, 2)", "DELETE FROM live WHERE id = 1")
        wait_until(seen, seconds=60, what="the changes")
    finally:
        end_continuous(airbyte, connection)


def _words(statement: str) -> str:
    """T-SQL's words for what the workload says in PostgreSQL's."""
    return statement.replace(" ADD COLUMN ", " ADD ").replace(" TYPE ", " ")


class Writer(threading.Thread):
    """Runs a round's random transactions."""

    def __init__(self, server: SqlServer, workload: Workload) -> None:
        super().__init__(name="writer", daemon=True)
        self._server, self._workload = server, workload
        self._stop_asked = threading.Event()
        self.problems: list[str] = []

    def run(self) -> None:
        for statements in self._workload.transactions(40, self._stop_asked):
            if statements[0].startswith("TRUNCATE"):  # tracked changes end there
                continue
            try:
                self._server.transaction(*map(_words, statements))
            except Exception as error:  # noqa: BLE001 - the test tells it
                self.problems.append(f"{error}: {statements}")
                return

    def end(self) -> None:
        """Stop after the present transaction."""
        self._stop_asked.set()
        self.join(timeout=60)


@contextlib.contextmanager
def writing(server: SqlServer, workload: Workload) -> Iterator[None]:
    """Change the tables while the block runs; afterwards all of the round's changes are made."""
    writer = Writer(server, workload)
    writer.start()
    try:
        yield
        writer.join(timeout=60)
    finally:
        writer.end()
    assert not writer.problems
    server.transaction(*workload.last())


@pytest.mark.timeout(300 + 60 * ROUNDS)
def test_random_changes_with_kills_in_between(airbyte: Airbyte, sqlserver: SqlServer) -> None:
    print(f"seed {SEED}")
    workload = Workload(SEED, ("int", "bigint", "nvarchar(40)", "decimal(12,2)", "nvarchar(max)"))
    made = [_words(s).replace("PRIMARY", "NOT NULL PRIMARY") for s in workload.create()]
    sqlserver.execute(*made, *(f"ALTER TABLE {t} ENABLE CHANGE_TRACKING" for t in TABLES))
    fields = {"nonBreakingChangesPreference": "propagate_columns"}
    connection = airbyte.connect(
        source(airbyte, sqlserver), "ct_random", dict.fromkeys(TABLES, DEDUP), **fields
    )
    chance = random.Random(SEED)  # noqa: S311 - to be repeated
    for number in range(ROUNDS):
        killed: list[str] = []
        with writing(sqlserver, workload):
            job = airbyte.start(connection)
            for _ in range(chance.randrange(1, 3)):
                threading.Event().wait(chance.random())
                if sqlserver.fake is not None and chance.random() < 0.5:
                    sqlserver.fake.drop_clients("lake")
                    killed.append("sessions")
                else:
                    killed.append(f"{airbyte.home.kill_workers()} workers")
            assert airbyte.wait(job)["job"]["status"] in ("succeeded", "failed")
        airbyte.sync(connection)
        columns = ", ".join(workload.columns)
        with lake(airbyte.settings) as duck:
            for table in TABLES:
                wanted = sqlserver.execute(workload.listing(table))
                assert wanted
                query = f"SELECT {columns} FROM bronze.ct_random.{table} ORDER BY id"
                said = difference(duck.execute(query).fetchall(), wanted)
                assert not said, (SEED, number, killed, table, said)
        print(
            f"round {number}: {' and '.join(killed)} killed; {len(wanted)} rows agree", flush=True
        )
        if number % 10 == 9:  # a long run's tables stay small
            sqlserver.transaction(*(f"DELETE FROM {t} WHERE id % 10 <> 1" for t in TABLES))
