"""A small platform with something of everything in it: databases, tables, objects, files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bootstrap.backup.lake import storage_client
from bootstrap.clients.dremio import Dremio
from bootstrap.platform_file import read_platform
from bootstrap.provision.dremio import ensure_layers
from services.supervisor.control import Supervisor
from services.supervisor.orphans import end_processes
from tests.support.platform import Home

SMALL = ("postgres", "storage", "dremio")
TABLES = ("gold.facts", "gold.never_written", "gold.changed", "silver.nested.deep", "silver.wide")

_STATEMENTS = (
    "CREATE TABLE gold.facts PARTITION BY (kind) AS SELECT * FROM (VALUES "
    "(1, 'a', CAST(12.34 AS DECIMAL(18,2)), DATE '2024-02-29', 'Grüße, 世界'), "
    "(2, 'b', CAST(-0.01 AS DECIMAL(18,2)), DATE '1969-12-31', NULL), "
    "(3, 'a', NULL, NULL, '')) AS t(id, kind, amount, day, note)",
    "CREATE TABLE gold.never_written (id BIGINT, name VARCHAR)",
    "CREATE TABLE gold.changed AS SELECT 1 AS id, 'one' AS name",
    "INSERT INTO gold.changed VALUES (2, 'two'), (3, 'three')",
    "UPDATE gold.changed SET name = 'zwei' WHERE id = 2",
    "DELETE FROM gold.changed WHERE id = 1",
    "CREATE TABLE gold.dropped AS SELECT 1 AS id",
    "DROP TABLE gold.dropped",
    "CREATE TABLE silver.wide AS SELECT CAST(1 AS DOUBLE) / 3 AS third, "
    "TIMESTAMP '2024-01-02 03:04:05.678' AS t, TRUE AS yes, CAST(NULL AS INT) AS nothing",
    "ALTER TABLE silver.wide ADD COLUMNS (later VARCHAR)",
    'CREATE TABLE silver.nested.deep AS SELECT 42 AS "The Answer"',
)
_SHOP = """
    CREATE TABLE sold (id bigint PRIMARY KEY, at timestamptz, price float8, what jsonb, raw bytea);
    INSERT INTO sold SELECT n, timestamptz '2024-01-01+02' + n * interval '1 h', n / 3.0::float8,
        jsonb_build_object('n', n), decode(md5(n::text), 'hex') FROM generate_series(1, 500) n;
    CREATE TABLE empty_one (id int);
    CREATE VIEW dear AS SELECT * FROM sold WHERE price > 100;
    CREATE SEQUENCE next_one START 77;
    SELECT nextval('next_one')"""


def dremio_of(home: Home) -> Dremio:
    """Log in to the home's query engine, its layers set up for where it is now."""
    dremio = Dremio(home.settings)
    ensure_layers(dremio, read_platform(home.settings), home.settings)
    return dremio


def every_row(home: Home) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table of the lake, sorted."""
    dremio = dremio_of(home)
    return {
        name: sorted(dremio.sql(f"SELECT * FROM {name}"), key=lambda row: str(row))
        for name in TABLES
    }


def shop_rows(home: Home) -> list[tuple[Any, ...]]:
    """Return what the operational database holds, its sequence too."""
    with psycopg.connect(home.settings.postgres_dsn("shop")) as connection:
        rows = connection.execute("SELECT * FROM sold ORDER BY id").fetchall()
        dear = connection.execute("SELECT count(*) FROM dear").fetchall()
        return [*rows, *dear, *connection.execute("SELECT last_value FROM next_one").fetchall()]


def start(home: Home) -> None:
    """Have the small platform run under its supervisor."""
    Supervisor(home.settings).start_only(SMALL)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The platform, with data in it, at work."""
    home = Home(tmp_path_factory.mktemp("backup") / "home", MY_SOURCE_PASSWORD="p w#d")
    try:
        start(home)
        (home.settings.data_dir / "runtime").write_text("embedded\n")
        dremio = dremio_of(home)
        for statement in _STATEMENTS:
            dremio.sql(statement)
        with psycopg.connect(home.settings.postgres_dsn("shop")) as connection:
            connection.execute(_SHOP)
        storage = storage_client(home.settings)
        for key, content in (("in/a.csv", b"a,b\n1,2\n"), ("in/ä ü.bin", bytes(range(256)) * 900)):
            storage.put_object("landing", key, io.BytesIO(content), len(content))
        inbox = home.settings.inbox_dir / "sub"
        inbox.mkdir(parents=True)
        (inbox / "flights.csv").write_text("x\n1\n")
        yield home
    finally:
        end_processes(home.settings)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the backups."""
    return tmp_path_factory.mktemp("backups") / "place"
