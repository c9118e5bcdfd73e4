"""The platform with a million generated orders: start, memory, sync, dbt."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import duckdb
import duckdb_extensions
import psycopg
import yaml

from bootstrap.clients.airbyte import Airbyte
from bootstrap.dbt import run_layers
from bootstrap.pipeline import sync_connections
from bootstrap.platform_file import Platform, read_platform
from bootstrap.progress import Progress
from bootstrap.samples.shop import create_tables
from bootstrap.up import provision
from services.common.settings import CHECKOUT, Settings
from services.supervisor.control import Supervisor
from services.supervisor.orphans import end_processes
from tests.bench.report import Figure, at_least, at_most
from tests.support.platform import Home

ORDERS, CUSTOMERS = 1_000_000, 100_000

_GENERATE = """
INSERT INTO purchases
SELECT n, 1 + (n::bigint * 7919) % {customers}, date '2024-01-01' + (n % 700)::integer,
       1 + (n % 5)::integer, round((n::bigint * 37 % 20000) / 100.0, 2)
FROM generate_series(1, {orders}) AS n
"""


def measure_platform() -> list[Figure]:
    """Bring up a platform of its own and measure it; nothing is left of it."""
    with tempfile.TemporaryDirectory(prefix="lakelet-bench-") as folder:
        home = Home(Path(folder))
        definition = yaml.safe_load((CHECKOUT / "lakelet.yml").read_text())
        (home.folder / "lakelet.yml").write_text(
            yaml.safe_dump({**definition, "samples": ["nycflights"]})
        )
        supervisor = Supervisor(home.settings)
        try:
            return _measure(home.settings, supervisor)
        finally:
            supervisor.stop()
            end_processes(home.settings)


def _measure(settings: Settings, supervisor: Supervisor) -> list[Figure]:
    progress = Progress()
    slowest = 0.0
    begun: dict[str, float] = {}

    def tell(name: str, state: str) -> None:
        nonlocal slowest
        if state == "starting":
            begun[name] = time.monotonic()
        else:
            slowest = max(slowest, time.monotonic() - begun[name])

    started = time.monotonic()
    supervisor.start(tell)
    up = time.monotonic() - started
    generate_orders(settings)
    platform = read_platform(settings)
    provision(platform, settings, progress)
    figures = [
        at_most(
            "first start, all healthy",
            up,
            "s",
            30,
            limit=slowest,
            limit_of="the slowest service by itself",
        ),
        *_measure_sync(settings, progress),
    ]
    sync_connections(Airbyte(settings), ["nycflights"], progress)
    figures += _measure_dbt(settings, platform, progress)
    memory = sum(row.memory for row in supervisor.status()) / 1e6
    return [*figures, at_most("memory of all processes (PSS)", memory, "MB", 1500)]


def generate_orders(settings: Settings) -> None:
    """Fill `shop` with generated customers and orders of the sample's tables."""
    with psycopg.connect(settings.postgres_dsn("shop")) as connection:
        query = _GENERATE.format(customers=CUSTOMERS, orders=ORDERS)
        create_tables(connection, lambda: connection.execute(query).rowcount)


def _measure_sync(settings: Settings, progress: Progress) -> list[Figure]:
    rows = ORDERS + CUSTOMERS
    started = time.monotonic()
    sync_connections(Airbyte(settings), ["shop"], progress)
    seconds = time.monotonic() - started
    bare = _bare_copy(settings)
    return [
        at_least(
            "sync from PostgreSQL to bronze",
            rows / seconds,
            "rows/s",
            500_000,
            limit=rows / bare,
            limit_of="bare DuckDB, PostgreSQL → Parquet on the same S3",
        )
    ]


def _bare_copy(settings: Settings) -> float:
    """Return the seconds that DuckDB alone takes to copy the same tables to `landing`."""
    connection = bare_duckdb(settings)
    connection.execute(
        f"ATTACH '{settings.postgres_dsn('shop')}' AS shop (TYPE postgres, READ_ONLY)"
    )
    started = time.monotonic()
    for table in ("customers", "orders"):
        connection.execute(
            f"COPY (FROM shop.public.{table}) TO 's3://landing/bench/{table}.parquet'"
        )
    return time.monotonic() - started


def _measure_dbt(settings: Settings, platform: Platform, progress: Progress) -> list[Figure]:
    started = time.monotonic()
    run_layers(settings, platform.dbt.layers, progress)
    seconds = time.monotonic() - started
    connection = bare_duckdb(settings)
    started = time.monotonic()
    connection.execute(
        "COPY (FROM read_parquet(['s3://landing/bench/orders.parquet'])) "
        "TO 's3://landing/bench/again.parquet'"
    )
    bare = time.monotonic() - started
    return [
        at_most(
            "dbt build and tests on them",
            seconds,
            "s",
            10,
            limit=bare,
            limit_of="bare DuckDB, one scan and write of the orders",
        )
    ]


def bare_duckdb(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Return DuckDB by itself, with access to the storage."""
    connection = duckdb.connect()
    for extension in ("httpfs", "postgres"):
        duckdb_extensions.import_extension(extension)
        connection.load_extension(extension)
    connection.execute(
        "CREATE SECRET (TYPE s3, KEY_ID ?, SECRET ?, ENDPOINT ?, URL_STYLE 'path', USE_SSL false)",
        [
            settings.minio_root_user,
            settings.minio_root_password.get_secret_value(),
            settings.s3_endpoint,
        ],
    )
    return connection
