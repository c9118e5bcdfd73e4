"""Random changes on PostgreSQL and MariaDB, everything killed at random: bronze is what they are.

`LAKELET_CDC_ROUNDS` (5) says how many rounds, `LAKELET_CDC_SEED` which ones: a failure names its.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator

import duckdb
import httpx
import psutil
import psycopg
import pymysql
import pytest

from services.airbyte.destination.deletes import MERGE_ON_READ, MODE
from services.common.waiting import wait_until
from tests.contract.airbyte.client import MYSQL, Airbyte, Json, bronze_table, lake
from tests.contract.airbyte.test_cdc import APPEND, DEDUP
from tests.support.mariadb import DATABASE, MariaDB, mariadb
from tests.support.platform import Home, services_in
from tests.support.workload import TABLES, Workload, difference

ROUNDS = int(os.environ.get("LAKELET_CDC_ROUNDS") or 5)
SEED = int(os.environ.get("LAKELET_CDC_SEED") or random.SystemRandom().randrange(10**6))
NAMESPACES = ("kills_postgres", "kills_mariadb")
HISTORY = "kills_history"
PROPAGATE = {"nonBreakingChangesPreference": "propagate_columns"}


class Victims:
    """What can be killed: each is started again at once, as the supervisor would."""

    def __init__(self, home: Home, maria: MariaDB) -> None:
        self._home, self._maria = home, maria
        self.kills: dict[str, Callable[[], object]] = {
            "airbyte": lambda: self._service("airbyte"),
            "worker": self._home.kill_workers,
            "storage": lambda: self._service("storage"),
            "postgres": lambda: self._service("postgres"),
            "mariadb": self._mariadb,
        }

    def start(self, *names: str) -> None:
        for name in names:
            self._home.start_service(name)

    def _service(self, name: str) -> None:
        service = self._home.running[name]
        process = psutil.Process(service.pid)
        family = [process, *process.children(recursive=True)]
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        service.wait()
        psutil.wait_procs(family[1:], timeout=10)
        self.start(name)

    def _mariadb(self) -> None:
        self._maria.kill()
        self._maria.start()


class Postgres:
    """The source in PostgreSQL."""

    def __init__(self, airbyte: Airbyte) -> None:
        self._dsn = airbyte.settings.postgres_dsn("shop")
        self.workload = Workload(SEED, ("int", "bigint", "text", "numeric(12,2)", "text"))

    def run(self, statements: list[str]) -> None:
        with psycopg.connect(self._dsn, connect_timeout=5) as db:
            db.execute("SET search_path = kills")
            for statement in statements:
                db.execute(statement)  # type: ignore[call-overload]

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self._dsn) as db:
            db.execute("SET search_path = kills")
            return db.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]


class Maria:
    """The source in MariaDB."""

    def __init__(self, maria: MariaDB) -> None:
        self._maria = maria
        self.workload = Workload(
            SEED + 1, ("int", "bigint", "varchar(60)", "decimal(12,2)", "longtext")
        )

    def run(self, statements: list[str]) -> None:
        with self._maria.root(database=DATABASE) as db, db.cursor() as cursor:
            db.begin()
            for statement in statements:
                cursor.execute(statement)
            db.commit()

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in self._maria.execute(query)]


Database = Postgres | Maria


class Arena:
    """Both sources, both continuous connections, and what can be killed."""

    def __init__(self, home: Home, maria: MariaDB) -> None:
        self.victims = Victims(home, maria)
        self.victims.start("postgres", "storage", "airbyte")
        self.airbyte = Airbyte(home)
        self.databases: tuple[Database, ...] = (Postgres(self.airbyte), Maria(maria))
        with self.airbyte.shop() as db:
            db.execute("CREATE SCHEMA kills")
        for database in self.databases:
            database.run(database.workload.create())
        with self.airbyte.shop() as db:
            db.execute(
                f"CREATE PUBLICATION kills FOR TABLE {', '.join(f'kills.{t}' for t in TABLES)}"
            )

        def postgres(slot: str) -> str:
            method = {"method": "CDC", "replication_slot": slot, "publication": "kills"}
            config = self.airbyte.postgres_config(schemas=["kills"], replication_method=method)
            return self.airbyte.source(config, name=slot)

        by_maria = maria.config(replication_method={"method": "CDC"})
        self.connections = [
            self.airbyte.connect(
                source,
                namespace,
                dict.fromkeys(TABLES, mode),
                continuous={"every": 0.3},
                **PROPAGATE,
            )
            for source, namespace, mode in (
                (postgres("kills"), NAMESPACES[0], DEDUP),
                (self.airbyte.source(by_maria, MYSQL, "maria"), NAMESPACES[1], DEDUP),
                (postgres("history"), HISTORY, APPEND),
            )
        ]

    def status(self, connection: str) -> Json:
        return dict(self.airbyte.post("connections/get", connectionId=connection))

    def caught_up(self) -> None:
        """Wait until bronze holds what both sources hold now."""
        asked = time.time()

        def reached() -> bool:
            try:
                return all(
                    self.status(c)["continuousStatus"].get("upToDateAt", 0) >= asked
                    for c in self.connections
                )
            except (httpx.HTTPError, AssertionError):  # it is being started
                return False

        try:
            wait_until(reached, seconds=120, what="bronze")
        except Exception as error:
            raise AssertionError(self._failures()) from error

    def _failures(self) -> str:
        found = []
        for connection in self.connections:
            listing = self.airbyte.post("jobs/list", configTypes=["sync"], configId=connection)
            job = self.airbyte.post("jobs/get", id=listing["jobs"][0]["job"]["id"])
            found.append(
                f"{self.status(connection)['continuousStatus']} {job['job']['status']}"
                f" {[a['attempt'].get('failureSummary') for a in job['attempts'][-2:]]}"
            )
        return "bronze does not catch up: " + "; ".join(found)


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    options = ("--binlog-row-metadata=FULL",)  # to alter tables while their log is being read
    with mariadb(*options) as maria, services_in(tmp_path_factory.mktemp("kills")) as home:
        yield Arena(home, maria)


def disturb(database: Database, count: int, stop: threading.Event, problems: list[str]) -> None:
    """Run random transactions; a server that is being killed leaves some out."""
    for statements in database.workload.transactions(count, stop):
        until = time.monotonic() + 90
        # DDL has to happen for the workload to know its columns; of rows any may be left out.
        ddl = statements[0].startswith("ALTER")
        done = set[str]()
        while True:
            try:
                for part in [[s] for s in statements if s not in done] if ddl else [statements]:
                    database.run(part)
                    done.update(part)
                break
            except (psycopg.OperationalError, pymysql.OperationalError, pymysql.InterfaceError):
                if time.monotonic() > until:
                    problems.append(f"the source did not come back for {statements}")
                    return
                time.sleep(0.05)
                if not ddl:
                    break
            except (psycopg.Error, pymysql.Error) as error:
                if ddl and ("uplicate" in str(error) or "exist" in str(error)):
                    break  # it had happened before the answer was lost
                problems.append(f"{error}: {statements}")
                return


def in_history(duck: duckdb.DuckDBPyConnection, table: str) -> str:
    """Return what is wrong with the appended changes, of which a doubled one would be two rows.

    An id is inserted once at most, and every update of its row adds 0.01 to `n`.
    """
    rows = f"(FROM bronze.{HISTORY}.{table} WHERE id IS NOT NULL)"
    (found,) = duck.execute(
        "SELECT count(*) - count(DISTINCT (_ab_cdc_lsn, id, _ab_cdc_deleted_at IS NULL)),"
        f" (SELECT count(*) FROM (SELECT id FROM {rows} WHERE _ab_cdc_deleted_at IS NULL"
        " GROUP BY id HAVING (count(*) - 1) * 0.01 <> max(n) - min(n))), count(*) > 100"
        f" FROM {rows}"
    ).fetchall()
    return (
        "" if found == (0, 0, True) else f"{found[0]} changes doubled, of {found[1]} rows some lost"
    )


@pytest.mark.timeout(300 + 60 * ROUNDS)
def test_nothing_is_lost_or_doubled_whatever_is_killed(arena: Arena) -> None:
    chance = random.Random(SEED)  # noqa: S311 - to be repeated, not to be a secret
    arena.caught_up()
    for table in TABLES:  # the one's files are written anew, the other's rows deleted by position
        settings = arena.airbyte.settings
        with bronze_table(settings, NAMESPACES[0], table).transaction() as change:
            change.set_properties({MODE: MERGE_ON_READ})
    for number in range(ROUNDS):
        problems: list[str] = []
        stop = threading.Event()
        threads = [
            threading.Thread(target=disturb, args=(database, 40, stop, problems))
            for database in arena.databases
        ]
        for thread in threads:
            thread.start()
        # Every kind in turn, in a long run another one, too; at whatever moment of whatever window.
        kinds = list(arena.victims.kills)
        told = []
        for kind in (kinds[number % len(kinds)], *chance.sample(kinds, int(ROUNDS > 5))):
            time.sleep(chance.uniform(0.0, 1.5))
            arena.victims.kills[kind]()
            told.append(kind)
        for thread in threads:
            thread.join()
        stop.set()
        assert not problems, (SEED, number, told, problems)
        for database in arena.databases:
            database.run(database.workload.last())
        arena.caught_up()
        with lake(arena.airbyte.settings) as duck:
            for database, namespace in zip(arena.databases, NAMESPACES, strict=True):
                for table in TABLES:
                    query = database.workload.listing(table)
                    wanted = database.rows(query)
                    found = duck.execute(
                        query.replace(f"FROM {table}", f"FROM bronze.{namespace}.{table}")
                    ).fetchall()
                    said = difference(found, wanted)
                    assert not said, (SEED, number, told, namespace, table, said)
                    assert not (said := in_history(duck, table)), (SEED, number, told, table, said)
        print(f"round {number}: {' and '.join(told)} killed; {len(wanted)} rows agree")
