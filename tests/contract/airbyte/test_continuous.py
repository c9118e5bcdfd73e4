"""A connection that brings changes all the time: steered, restarted, told of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import httpx
import psycopg
import pytest
from pyiceberg.catalog.rest import RestCatalog

from bootstrap.clients import airbyte as bootstrap_airbyte
from bootstrap.commands.continuous import continuous_lines
from services.airbyte.destination.catalog import LakeConfig, open_catalog
from services.airbyte.destination.history import remove_history
from services.airbyte.destination.table import StreamTable
from services.common.errors import PermanentError
from services.common.waiting import wait_until
from services.supervisor.orphans import end_processes
from tests.contract.airbyte.client import MYSQL, Airbyte, Json, lake
from tests.contract.airbyte.test_cdc import DEDUP, Cdc
from tests.contract.airbyte.test_crashes import Crashing
from tests.support.mariadb import MariaDB
from tests.support.platform import Home

STEPS = {"every": 0.2, "history": 60}
QUERY = "SELECT id, v FROM bronze.steady.t ORDER BY id"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crashing]:
    home = Home(tmp_path_factory.mktemp("continuous"), POSTGRES_SLOT_WAL_MB="64")
    try:
        for name in ("postgres", "storage"):
            home.start_service(name)
        process = home.start_service("airbyte")
        server = Crashing(home)
        server.process = process
        yield server
    finally:
        end_processes(home.settings)


def jobs(airbyte: Airbyte, connection: str) -> list[Json]:
    listing = airbyte.post("jobs/list", configTypes=["sync"], configId=connection)
    return [entry["job"] for entry in listing["jobs"]]


def running(airbyte: Airbyte, connection: str) -> list[int]:
    return [job["id"] for job in jobs(airbyte, connection) if job["status"] == "running"]


def public(airbyte: Airbyte, method: str, connection: str, **body: Any) -> Json:
    """Call the public API about a connection."""
    settings = airbyte.settings
    answer = httpx.request(
        method,
        f"http://127.0.0.1:{settings.airbyte_public_port}/api/public/v1/connections/{connection}",
        json=body or None,
        auth=(settings.admin_user, settings.admin_password.get_secret_value()),
    )
    assert answer.is_success, answer.text
    return dict(answer.json())


class Reader:
    """A reader of bronze that stays connected; a table that is not there yet has no rows."""

    def __init__(self, airbyte: Airbyte) -> None:
        self.settings = airbyte.settings
        self.duck = lake(self.settings)

    def rows(self, query: str) -> list[Any]:
        try:
            return self.duck.execute(query).fetchall()
        except duckdb.CatalogException:
            self.duck.close()  # DuckDB keeps in mind which namespaces there are
            self.duck = lake(self.settings)
            return []

    def sees(self, query: str, wanted: list[Any]) -> None:
        """Wait until the query gives these rows."""
        wait_until(lambda: self.rows(query) == wanted, seconds=60, what=f"{query}: {wanted}")


@pytest.fixture(scope="module")
def reader(server: Crashing) -> Iterator[Reader]:
    found = Reader(server)
    yield found
    found.duck.close()


def test_it_is_steered_and_survives_a_restart(server: Crashing, reader: Reader) -> None:
    cdc = Cdc(server, "steady", "CREATE TABLE t (id int PRIMARY KEY, v text)")
    cdc.db.execute("INSERT INTO t VALUES (1, 'a')")
    connection = cdc.connect({"t": DEDUP}, continuous=STEPS)
    read = server.post("connections/get", connectionId=connection)
    assert read["scheduleType"] == "manual"
    assert read["continuous"] == STEPS
    wait_until(lambda: bool(running(server, connection)), seconds=60, what="a job to run")
    wait_until(
        lambda: (
            "upToDateAt"
            in server.post("connections/get", connectionId=connection)["continuousStatus"]
        ),
        seconds=60,
        what="the snapshot",
    )
    reader.sees(QUERY, [(1, "a")])
    cdc.db.execute("INSERT INTO t VALUES (2, 'b')")
    reader.sees(QUERY, [(1, "a"), (2, "b")])
    again = server.raw("connections/sync", connectionId=connection)
    assert again.status_code == 409
    # The way of `lakelet sync`: all that the source holds now, with the job going on.
    cdc.db.execute("UPDATE t SET v = 'B' WHERE id = 2")
    client = bootstrap_airbyte.Airbyte(server.settings)
    job = client.sync(cdc.name)
    assert reader.rows(QUERY) == [(1, "a"), (2, "B")]
    assert job["job"]["status"] == "running"
    (line,) = [line for line in continuous_lines(server.settings) if line.startswith(cdc.name)]
    assert " s behind" in line
    read = public(server, "GET", connection)
    assert read["continuous"] == STEPS
    # Paused: the job ends, and none follows; what is changed meanwhile comes after.
    client.pause(cdc.name, paused=True)
    wait_until(lambda: not running(server, connection), seconds=60, what="the job to end")
    assert jobs(server, connection)[0]["status"] == "succeeded"
    cdc.db.execute("DELETE FROM t WHERE id = 1")
    refused = server.raw("connections/sync", connectionId=connection)
    assert refused.status_code == 409
    assert not running(server, connection)
    with pytest.raises(PermanentError, match="lakelet resume steady"):
        client.sync(cdc.name)
    steps = {"every": 0.3}
    answer = public(server, "PATCH", connection, status="active", continuous=steps)
    assert (answer["status"], answer["continuous"]) == ("active", steps)
    reader.sees(QUERY, [(2, "B")])
    # Killed: the next server goes on.
    server.kill()
    cdc.db.execute("INSERT INTO t VALUES (3, 'c')")
    server.restart()
    reader.sees(QUERY, [(2, "B"), (3, "c")])
    # Cancelled: it stays so until a sync is asked for.
    (job_id,) = running(server, connection)
    server.post("jobs/cancel", id=job_id)
    assert jobs(server, connection)[0]["status"] == "cancelled"
    cdc.db.execute("INSERT INTO t VALUES (4, 'd')")
    assert server.start(connection) == job_id + 1
    reader.sees(QUERY, [(2, "B"), (3, "c"), (4, "d")])
    assert len(jobs(server, connection)) == 3
    server.post("connections/update", connectionId=connection, status="inactive")
    wait_until(lambda: not running(server, connection), seconds=60, what="the job to end")
    cdc.close()


def test_several_run_beside_the_syncs_of_others(
    server: Crashing, reader: Reader, mysql: MariaDB
) -> None:
    mysql.execute("CREATE TABLE beside (id int PRIMARY KEY)", "INSERT INTO beside VALUES (1)")
    source = server.source(mysql.config(replication_method={"method": "CDC"}), MYSQL, "beside")
    # More than the server runs at a time of the others.
    steady = [
        server.connect(source, f"beside_{n}", {"beside": DEDUP}, continuous=True) for n in range(3)
    ]
    mysql.execute("INSERT INTO beside VALUES (2)")
    for number in range(3):
        query = f"SELECT id FROM bronze.beside_{number}.beside ORDER BY id"
        reader.sees(query, [(1,), (2,)])
    assert [len(running(server, one)) for one in steady] == [1, 1, 1]
    plain = server.connect(source, "beside_plain", {"beside": DEDUP})
    assert server.sync(plain)["job"]["status"] == "succeeded"
    # DDL, a truncate and several tables in one go.
    mysql.execute("ALTER TABLE beside ADD v text", "TRUNCATE TABLE beside")
    mysql.execute("INSERT INTO beside VALUES (9, 'x')")
    query = "SELECT id FROM bronze.beside_0.beside"
    reader.sees(query, [(9,)])
    for one in steady:
        server.post("connections/delete", connectionId=one)


def test_what_cannot_be_continuous_is_said(server: Crashing) -> None:
    source = server.source(server.postgres_config())
    with server.shop() as db:
        db.execute("CREATE TABLE plain (id int PRIMARY KEY)")
    entries = [e for e in server.catalog(source) if e["stream"]["name"] == "plain"]
    body = {
        "sourceId": source,
        "destinationId": server.destination(),
        "syncCatalog": {"streams": entries},
        "status": "active",
        "continuous": True,
    }
    answer = server.raw("connections/create", **body)
    assert answer.status_code == 422
    assert "replication_method to CDC" in answer.text
    body["scheduleType"] = "basic"
    body["scheduleData"] = {"basicSchedule": {"units": 1, "timeUnit": "hours"}}
    answer = server.raw("connections/create", **body)
    assert answer.status_code == 422
    assert "scheduleType" in answer.text


def bronze(server: Airbyte) -> RestCatalog:
    """The catalog as the sync server opens it."""
    secret = server.settings.airbyte_s3_secret_key.get_secret_value()
    return open_catalog(
        LakeConfig.parse(
            {
                "access_key_id": "airbyte",
                "secret_access_key": secret,
                "s3_bucket_name": "bronze",
                "s3_bucket_region": "us-east-1",
                "s3_endpoint": f"http://{server.settings.s3_endpoint}",
                "warehouse_location": "s3://bronze/",
                "main_branch_name": "main",
                "catalog_type": {
                    "catalog_type": "REST",
                    "server_uri": server.settings.iceberg_uri,
                    "namespace": "bronze",
                },
            }
        )
    )


def test_old_snapshots_of_a_continuous_table_go(server: Crashing) -> None:
    cdc = Cdc(server, "aged", "CREATE TABLE t (id int PRIMARY KEY, v int)")
    cdc.db.execute("INSERT INTO t SELECT i, 0 FROM generate_series(1, 100) i")
    connection = cdc.connect({"t": DEDUP})
    server.sync(connection)
    for turn in range(2):
        cdc.db.execute("UPDATE t SET v = v + 1 WHERE id %% 2 = %s", [turn])
        server.sync(connection)
    catalog = bronze(server)

    def table() -> StreamTable:
        return StreamTable(catalog, ("aged", "t"))

    def files() -> set[str]:
        place = table().table.location()
        return {file for (file,) in cdc.rows(f"SELECT file FROM glob('{place}/data/**')")}

    before = files()
    assert remove_history(table(), 3600, worth=1) == 0
    assert files() == before
    assert remove_history(table(), 0, worth=2) == 2
    assert files() == set(table().files)
    wanted = cdc.db.execute("SELECT * FROM t ORDER BY 1").fetchall()
    assert cdc.table("t", "id, v") == wanted
    assert cdc.rows("SELECT count(*) FROM iceberg_snapshots(bronze.aged.t)") == [(1,)]
    cdc.db.execute("UPDATE t SET v = -1")
    server.sync(connection)
    assert cdc.rows("SELECT count(*), max(v) FROM bronze.aged.t") == [(100, -1)]
    cdc.close()


def test_the_tables_of_a_transaction_are_seen_together(server: Crashing) -> None:
    cdc = Cdc(
        server, "pair", "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)"
    )
    connection = cdc.connect({"a": DEDUP, "b": DEDUP}, continuous={"every": 0.1})
    catalog = bronze(server)

    def at(name: str) -> Any:
        notes = StreamTable(catalog, ("pair", name)).notes(connection)
        return notes[0].state["lsn"] if notes and notes[0].state else None

    for name in ("a", "b"):
        cdc.db.execute(f"INSERT INTO {name} VALUES (0)")
    wait_until(lambda: at("a") is not None and at("b") is not None, seconds=60, what="the tables")
    seen, number = set(), 0
    while len(seen) < 3:
        number += 1
        assert number < 500, seen
        with cdc.db.transaction():
            cdc.db.execute("INSERT INTO a VALUES (%s)", [number])
            cdc.db.execute("INSERT INTO b VALUES (%s)", [number])
        first, other, again = at("a"), at("b"), at("a")
        if first == again:  # nothing was committed while b was looked at
            assert other == first
            seen.add(first)
    server.post("connections/delete", connectionId=connection)
    cdc.close()


def test_a_slot_whose_log_is_gone_is_told_and_read_anew_only_when_asked(server: Crashing) -> None:
    cdc = Cdc(server, "aside", "CREATE TABLE t (id int PRIMARY KEY)")
    cdc.db.execute("INSERT INTO t VALUES (1), (2)")
    connection = cdc.connect({"t": DEDUP})
    server.sync(connection)
    cdc.db.execute("DELETE FROM t WHERE id = 1")
    with psycopg.connect(server.settings.postgres_dsn("postgres"), autocommit=True) as admin:

        def lost() -> bool:  # the limit holds from the next checkpoint on
            admin.execute("SELECT pg_switch_wal() FROM pg_logical_emit_message(false, 'x', 'x')")
            admin.execute("CHECKPOINT")
            query = "SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'aside'"
            return bool(admin.execute(query).fetchone() == ("lost",))

        wait_until(lost, seconds=60, what="the slot to be lost")
    failure = server.failure(connection)
    assert failure["failureType"] == "config_error"
    assert "was invalidated: the server has removed log" in failure["externalMessage"]
    assert "connections/reset" in failure["externalMessage"]
    assert cdc.table("t", "id") == [(1,), (2,)]
    config = cdc.config(invalid_cdc_cursor_position_behavior="Re-sync data")
    server.post(
        "sources/update", sourceId=cdc.source, name=cdc.name, connectionConfiguration=config
    )
    server.sync(connection)
    assert cdc.table("t", "id") == [(2,)]
    cdc.close()
