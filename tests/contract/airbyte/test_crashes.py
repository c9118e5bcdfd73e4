"""Killed with -9 anywhere: nothing lost, nothing doubled, nothing half-visible."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator

import psutil
import psycopg
import pytest

from services.common.waiting import wait_until
from tests.contract.airbyte.client import Airbyte, lake, rows
from tests.support.platform import services_in

FULL = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
APPEND = {"syncMode": "incremental", "destinationSyncMode": "append", "cursorField": ["n"]}
DEDUP = {"syncMode": "incremental", "destinationSyncMode": "append_dedup", "cursorField": ["n"]}
ROWS = 400_000


class Crashing(Airbyte):
    """A server that tests may kill and start again."""

    process: subprocess.Popen[bytes]

    def restart(self) -> None:
        self.process = self.home.start_service("airbyte")

    def kill(self) -> None:
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        until = time.monotonic() + 15
        while any(map(_runs, children)):
            assert time.monotonic() < until, "the workers die with the server"
            time.sleep(0.02)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)  # dead, and not yet reaped by init
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def crashing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crashing]:
    folder = tmp_path_factory.mktemp("crashes")
    with services_in(folder, "postgres", "storage") as home:
        process = home.start_service("airbyte")
        server = Crashing(home)
        server.process = process
        with server.shop() as db:
            db.execute("CREATE TABLE crash (id int PRIMARY KEY, n bigint, v text)")
            db.execute(f"INSERT INTO crash SELECT i, i, 'v' FROM generate_series(1, {ROWS}) i")
        yield server


def count(server: Airbyte, table: str) -> tuple[int, int]:
    query = f"SELECT count(*), count(DISTINCT id) FROM bronze.{table}.crash"
    return tuple(rows(server.settings, query)[0])


def in_source(server: Airbyte) -> int:
    with server.shop() as db:
        return int(db.execute("SELECT count(*) FROM crash").fetchone()[0])


@pytest.mark.parametrize("delay", [0.05, 0.3, 0.5, 0.7, 0.9])
def test_the_server_is_killed_in_mid_sync(crashing: Crashing, delay: float) -> None:
    name = f"server{int(delay * 100)}"
    source = crashing.source(crashing.postgres_config())
    connection = crashing.connect(source, name, {"crash": APPEND})
    job = crashing.start(connection)
    time.sleep(delay)
    crashing.kill()
    crashing.restart()
    info = crashing.wait(job)
    assert info["job"]["status"] == "succeeded"
    wanted = in_source(crashing)
    assert count(crashing, name) == (wanted, wanted)
    lost = [a for a in info["attempts"] if a["attempt"]["status"] == "failed"]
    for attempt in lost:
        failure = attempt["attempt"]["failureSummary"]["failures"][0]
        assert failure["failureOrigin"] == "airbyte_platform"
    again = crashing.sync(connection)
    assert again["job"]["aggregatedStats"]["recordsCommitted"] == 0
    assert count(crashing, name) == (wanted, wanted)


def test_a_schedule_survives_and_what_was_missed_runs_once(crashing: Crashing) -> None:
    source = crashing.source(crashing.postgres_config())
    hourly = {"basicSchedule": {"units": 1, "timeUnit": "hours"}}
    connection = crashing.connect(
        source, "hourly", {"crash": FULL}, scheduleType="basic", scheduleData=hourly
    )

    def syncs() -> list[str]:
        found = crashing.post("jobs/list", configTypes=["sync"], configId=connection)["jobs"]
        return [one["job"]["status"] for one in found]

    wait_until(lambda: syncs() == ["succeeded"], seconds=90, what="the first run")
    crashing.kill()
    with crashing.own_database() as db:
        db.execute(
            "UPDATE jobs SET created_at = created_at - interval '9 hours' WHERE connection_id = %s",
            (connection,),
        )
    crashing.restart()
    wait_until(lambda: syncs() == ["succeeded"] * 2, seconds=90, what="the run that was missed")
    crashing.post("connections/update", connectionId=connection, status="inactive")


def test_the_worker_is_killed_in_mid_sync(crashing: Crashing) -> None:
    source = crashing.source(crashing.postgres_config())
    connection = crashing.connect(source, "worker", {"crash": APPEND})
    with crashing.shop() as db, db.transaction():
        # Whoever reads the table waits: the first attempt cannot be over before it is killed.
        db.execute("LOCK TABLE crash IN ACCESS EXCLUSIVE MODE")
        job = crashing.start(connection)
        wait_until(lambda: crashing.home.kill_workers() > 0, seconds=60, what="the job's worker")

    def second() -> bool:
        return len(crashing.post("jobs/get", id=job)["attempts"]) > 1

    wait_until(second, seconds=60, what="the second attempt")
    time.sleep(0.5)  # anywhere on its way, or over
    crashing.home.kill_workers()
    info = crashing.wait(job)
    assert info["job"]["status"] == "succeeded"
    assert "SIGKILL" in str(info["attempts"][0]["attempt"]["failureSummary"])
    wanted = in_source(crashing)
    assert count(crashing, "worker") == (wanted, wanted)


@pytest.mark.parametrize("mode", [APPEND, DEDUP, FULL], ids=["append", "dedup", "overwrite"])
def test_a_crash_between_commit_and_state(
    crashing: Crashing, mode: dict[str, object], request: pytest.FixtureRequest
) -> None:
    """The database as it would be if the server had died right after the table's commit."""
    name = f"between_{request.node.callspec.id}"
    source = crashing.source(crashing.postgres_config())
    connection = crashing.connect(source, name, {"crash": mode})
    crashing.sync(connection)
    with crashing.own_database() as db:
        before = db.execute(
            "SELECT name, state, version, generation FROM stream_states WHERE connection_id = %s",
            (connection,),
        ).fetchall()
    with crashing.shop() as db:
        db.execute("INSERT INTO crash SELECT max(id) + 1, max(n) + 1, 'new' FROM crash")
    wanted = in_source(crashing)
    job = crashing.start(connection)
    assert crashing.wait(job)["job"]["status"] == "succeeded"
    assert count(crashing, name) == (wanted, wanted)
    snapshots = rows(
        crashing.settings, f"SELECT count(*) FROM iceberg_snapshots(bronze.{name}.crash)"
    )
    crashing.kill()
    with crashing.own_database() as db:
        for stream, state, version, generation in before:
            db.execute(
                "UPDATE stream_states SET state = %s, version = %s, generation = %s"
                " WHERE connection_id = %s AND name = %s",
                (psycopg.types.json.Jsonb(state), version, generation, connection, stream),
            )
        db.execute("UPDATE attempts SET status = 'running' WHERE job_id = %s", (job,))
        db.execute("UPDATE attempts SET stream_stats = '{}' WHERE job_id = %s", (job,))
        db.execute("UPDATE jobs SET status = 'running' WHERE id = %s", (job,))
    crashing.restart()
    info = crashing.wait(job)
    assert info["job"]["status"] == "succeeded"
    assert len(info["attempts"]) == 2
    assert "committed it" in str(info["attempts"][1]["logs"])
    assert info["attempts"][1]["attempt"]["recordsSynced"] > 0
    assert count(crashing, name) == (wanted, wanted)
    after = rows(crashing.settings, f"SELECT count(*) FROM iceberg_snapshots(bronze.{name}.crash)")
    assert after == snapshots
    again = crashing.sync(connection)
    expected = wanted if mode is FULL else 0
    assert again["job"]["aggregatedStats"]["recordsCommitted"] == expected
    assert count(crashing, name) == (wanted, wanted)


def test_readers_see_all_of_a_sync_or_nothing(crashing: Crashing) -> None:
    source = crashing.source(crashing.postgres_config())
    connection = crashing.connect(source, "readers", {"crash": FULL})
    crashing.sync(connection)
    seen: set[tuple[int, int]] = set()
    stop = threading.Event()

    def read() -> None:
        with lake(crashing.settings) as duck:
            while not stop.is_set():
                query = "SELECT count(*), count(DISTINCT _airbyte_generation_id) FROM"
                seen.add(tuple(duck.execute(f"{query} bronze.readers.crash").fetchall()[0]))

    def until_read(size: int) -> None:
        wait_until(lambda: size in {number for number, _ in seen}, seconds=60, what=f"{size} rows")

    reader = threading.Thread(target=read)
    reader.start()
    sizes = [in_source(crashing)]
    try:
        until_read(sizes[0])
        for _ in range(3):
            with crashing.shop() as db:
                db.execute(
                    "INSERT INTO crash SELECT m + i, m + i, 'more'"
                    " FROM generate_series(1, 1000) i, (SELECT max(id) AS m FROM crash) AS top"
                )
            sizes.append(in_source(crashing))
            crashing.sync(connection)
            until_read(sizes[-1])
    finally:
        stop.set()
        reader.join()
    assert seen == {(size, 1) for size in sizes}
