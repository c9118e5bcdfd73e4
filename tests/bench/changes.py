"""Changes from PostgreSQL and MariaDB: how many a second, how late in bronze and in gold."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import yaml

from bootstrap.clients.dremio import Dremio
from bootstrap.pipeline import run_pipeline
from bootstrap.platform_file import read_platform
from bootstrap.progress import Progress
from bootstrap.up import provision
from services.airbyte.cdk.catalog import configured_streams
from services.airbyte.cdk.log import Limits
from services.airbyte.cdk.source import Environment
from services.airbyte.sources.mysql.cdc import log as mysql_log
from services.airbyte.sources.postgres.cdc import log as postgres_log
from services.common.postgres_programs import postgres_programs
from services.common.settings import CHECKOUT
from services.common.waiting import wait_until
from tests.bench.platform import generate_orders
from tests.bench.report import Figure, at_least, at_most
from tests.contract.airbyte.client import MYSQL, Airbyte, lake
from tests.support.mariadb import MariaDB, mariadb
from tests.support.platform import services_in

CHANGES = int(os.environ.get("BENCH_CHANGES", "500000"))
MARKS = 40
_IN_ONE_TRANSACTION = 10_000
DEDUP = {"syncMode": "incremental", "destinationSyncMode": "append_dedup"}
_COLUMNS = "id bigint PRIMARY KEY, customer integer, name varchar(60), amount decimal(12, 2)"


def measure_changes() -> list[Figure]:
    """Run the servers and measure; nothing is left of it."""
    with (
        tempfile.TemporaryDirectory(prefix="lakelet-bench-") as folder,
        services_in(Path(folder), "postgres", "storage", "airbyte") as home,
    ):
        airbyte = Airbyte(home)
        figures = _from_postgres(airbyte, Path(folder))
        with mariadb("--max-binlog-size=1073741824") as server:
            figures += _from_mariadb(airbyte, server, Path(folder))
        return [*figures, *_latency(airbyte)]


def measure_speed_layer() -> list[Figure]:
    """A change in the shop until it is in gold, through the pipeline's own models and tests."""
    with (
        tempfile.TemporaryDirectory(prefix="lakelet-bench-") as folder,
        services_in(Path(folder), "postgres", "storage", "dremio", "airbyte") as home,
    ):
        return _to_gold(home)


# --- how many a second -------------------------------------------------------------------------


def _statements(numbers: str) -> list[str]:
    """Three inserts to two updates, in large transactions; `numbers` is SQL of first and last."""
    inserts, updates = CHANGES * 3 // 5, CHANGES * 2 // 5
    row = "n, n % 1000, concat('customer number ', n % 100000), n % 20000 / 100.0"
    found = []
    for first in range(1, inserts, _IN_ONE_TRANSACTION):
        last = min(first + _IN_ONE_TRANSACTION - 1, inserts)
        found.append(f"INSERT INTO moves SELECT {row} FROM {numbers.format(first, last)}")
    for first in range(1, updates, _IN_ONE_TRANSACTION):
        last = min(first + _IN_ONE_TRANSACTION - 1, updates)
        found.append(f"UPDATE moves SET amount = amount + 1 WHERE id BETWEEN {first} AND {last}")
    return found


def _from_postgres(airbyte: Airbyte, folder: Path) -> list[Figure]:
    with airbyte.shop() as db:
        db.execute(f"CREATE TABLE moves ({_COLUMNS})")
        db.execute("CREATE PUBLICATION moves FOR TABLE moves")
        for slot in ("bare", "decoded"):
            db.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [slot])
        start = db.execute("SELECT pg_current_wal_lsn() - '0/0'").fetchone()[0]
    method = {"method": "CDC", "replication_slot": "moves", "publication": "moves"}
    config = airbyte.postgres_config(schemas=["public"], replication_method=method)
    source = airbyte.source(config)
    connection = airbyte.connect(source, "changes_postgres", {"moves": DEDUP})
    airbyte.sync(connection)
    with airbyte.shop() as db:
        for statement in _statements("generate_series({}, {}) AS n"):
            db.execute(statement)  # type: ignore[call-overload]
        end = db.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()[0]
    bare = _seconds(lambda: _receive(airbyte.settings.postgres_dsn("shop"), end))
    config["replication_method"] = {**method, "replication_slot": "decoded"}
    state = {"state_type": "log_based", "lsn": int(start), "system_identifier": ""}
    entries = airbyte.catalog(source)
    decoded = _seconds(lambda: _decode(postgres_log.open_log, config, entries, state, folder))
    rate = _synced(airbyte, connection)
    with airbyte.shop() as db:
        for slot in ("bare", "decoded"):
            db.execute("SELECT pg_drop_replication_slot(%s)", [slot])
    limit = {"limit": CHANGES / bare, "limit_of": "pg_recvlogical, to nowhere"}
    return [
        at_least("PostgreSQL's changes → bronze", rate, "changes/s", 50_000, **limit),
        at_least("… decoded into Arrow only", CHANGES / decoded, "changes/s", 50_000, **limit),
    ]


def _receive(dsn: str, end: str) -> None:
    command = [
        str(postgres_programs() / "pg_recvlogical"), "--dbname", dsn, "--slot=bare", "--start",
        "--no-loop", f"--endpos={end}", "--option=proto_version=1",
        "--option=publication_names=moves", "--file=/dev/null",
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=300)


def _decode(
    open_log: Callable[..., Any], config: Any, entries: Any, state: Any, folder: Path
) -> None:
    chosen = [
        {**entry, "config": {**entry["config"], **DEDUP}}
        for entry in entries
        if entry["stream"]["name"] == "moves"
    ]
    streams = configured_streams({"streams": chosen})
    env = Environment(folder, "", "", "", log=lambda *_: None, dead_letters=lambda *_: "")
    rows = 0
    with open_log(config, streams, {s.key: state for s in streams}, duckdb.connect(), env) as log:
        while not log.caught_up:
            rows += sum(changes.batch.num_rows for changes in log.window(Limits()))
    assert rows == CHANGES, rows


def _from_mariadb(airbyte: Airbyte, server: MariaDB, folder: Path) -> list[Figure]:
    server.execute(f"CREATE TABLE moves ({_COLUMNS})")
    source = airbyte.source(server.config(replication_method={"method": "CDC"}), MYSQL, "maria")
    connection = airbyte.connect(source, "changes_mariadb", {"moves": DEDUP})
    airbyte.sync(connection)
    told = airbyte.post("state/get", connectionId=connection)["globalState"]["shared_state"]
    server.execute(*_statements("(SELECT seq AS n FROM seq_{}_to_{}) AS numbers"))
    bare = _seconds(lambda: _copy_log(server, folder))
    entries = airbyte.catalog(source)
    config = server.config(replication_method={"method": "CDC"})
    decoded = _seconds(lambda: _decode(mysql_log.open_log, config, entries, told, folder))
    rate = _synced(airbyte, connection)
    limit = {"limit": CHANGES / bare, "limit_of": "mariadb-binlog --raw, to a file"}
    return [
        at_least("MariaDB's changes → bronze", rate, "changes/s", 50_000, **limit),
        at_least("… decoded into Arrow only", CHANGES / decoded, "changes/s", 50_000, **limit),
    ]


def _copy_log(server: MariaDB, folder: Path) -> None:
    command = [
        "mariadb-binlog", "--no-defaults", "--read-from-remote-server", "--raw", "--to-last-log",
        f"--socket={server.folder / 's.sock'}", "--user=root", f"--result-file={folder}/copied-",
        "binlog.000001",
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=300)


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _synced(airbyte: Airbyte, connection: str) -> float:
    """Sync what there is; return the changes per second of the whole job."""
    began = time.monotonic()
    info = airbyte.wait(airbyte.start(connection), seconds=600)
    seconds = time.monotonic() - began
    assert info["job"]["status"] == "succeeded", info["attempts"]
    assert info["job"]["aggregatedStats"]["recordsCommitted"] == CHANGES
    print(f"  {CHANGES:,} changes in {seconds:.2f} s")
    return CHANGES / seconds


# --- how late ----------------------------------------------------------------------------------


def _latency(airbyte: Airbyte) -> list[Figure]:
    """Seconds from a commit in the source until the catalog has the snapshot with it."""
    with airbyte.shop() as db:
        db.execute("CREATE TABLE marks (id int PRIMARY KEY, v int)")
        db.execute("INSERT INTO marks SELECT n, 0 FROM generate_series(1, 100000) AS n")
        db.execute("CREATE PUBLICATION marks FOR TABLE marks")
    method = {"method": "CDC", "replication_slot": "marks", "publication": "marks"}
    source = airbyte.source(
        airbyte.postgres_config(schemas=["public"], replication_method=method), name="marks"
    )
    connection = airbyte.connect(source, "late", {"marks": DEDUP}, continuous=True)
    wait_until(lambda: _told(airbyte, connection), seconds=120, what="the snapshot")
    found = []
    with airbyte.shop() as db, lake(airbyte.settings) as duck:
        for mark in range(MARKS):
            db.execute("UPDATE marks SET v = %s WHERE id %% 1000 = 7 OR id = 5", [mark + 1])
            began = time.monotonic()
            query = f"SELECT 1 FROM bronze.late.marks WHERE id = 5 AND v = {mark + 1}"
            while not duck.execute(query).fetchall():
                time.sleep(0.02)
            found.append(time.monotonic() - began)
            time.sleep(0.05 * (mark % 10))  # at any moment of a window
    airbyte.post("connections/delete", connectionId=connection)
    found.sort()
    p95 = statistics.quantiles(found, n=20)[-1]
    print(f"  {MARKS} changes: median {statistics.median(found):.2f} s, p95 {p95:.2f} s")
    return [at_most("a change until it is seen in bronze, p95", p95, "s", 3)]


def _told(airbyte: Airbyte, connection: str) -> bool:
    read = airbyte.post("connections/get", connectionId=connection)
    return "upToDateAt" in read["continuousStatus"]


def _to_gold(home: Any) -> list[Figure]:
    settings, progress = home.settings, Progress()
    generate_orders(settings)
    document = yaml.safe_load((CHECKOUT / "lakelet.yml").read_text())
    document["samples"] = ["nycflights"]
    shop = document["connections"]["shop"]
    shop["schedule"] = "continuous"
    document["sources"]["shop"]["configuration"]["replication_method"] = {
        "method": "CDC",
        "replication_slot": "shop",
        "publication": "shop",
    }
    for stream in shop["streams"].values():
        del stream["cursor"]
    (home.folder / "lakelet.yml").write_text(yaml.safe_dump(document))
    with psycopg.connect(settings.postgres_dsn("shop"), autocommit=True) as db:
        db.execute("CREATE PUBLICATION shop FOR TABLE customers, orders")
        platform = read_platform(settings)
        provision(platform, settings, progress)
        run_pipeline(platform, settings, progress)
        seconds = []
        for turn in range(2):
            db.execute(
                "UPDATE orders SET amount = amount + 0.01, updated_at = clock_timestamp()"
                " WHERE order_id %% 1000 = %s",
                [turn],
            )
            began = time.monotonic()
            run_pipeline(platform, settings, progress)
            seconds.append(time.monotonic() - began)
            wanted = db.execute("SELECT sum(amount) FROM orders").fetchone()
            (row,) = Dremio(settings).sql("SELECT sum(amount) AS total FROM gold.fct_orders")
            assert wanted == (row["total"],), (wanted, row)
    return [at_most("a change until it is in gold, all tests run", max(seconds), "s", 60)]
