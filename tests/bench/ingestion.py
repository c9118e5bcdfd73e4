"""Syncs of a million rows and of ten million, beside bare DuckDB in the same run."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from services.common.settings import Settings
from tests.bench.connectors import OVERWRITE, ROWS, from_connectors
from tests.bench.platform import bare_duckdb
from tests.bench.report import Figure, at_least, at_most
from tests.bench.runs import Run
from tests.contract.airbyte.client import FILE, Airbyte
from tests.support.platform import services_in

MANY = 10
# A second's measurement on a shared machine says little: each is taken so often, in turns.
_TURNS = 3
_BARE = "bare DuckDB, the same to Parquet on the same S3"

APPEND = {"syncMode": "incremental", "destinationSyncMode": "append", "cursorField": ["at"]}
DEDUP = {**APPEND, "destinationSyncMode": "append_dedup"}

_GENERATE = """
CREATE TABLE {name} (id bigint PRIMARY KEY, customer integer, name text, status text,
                     amount numeric(12, 2), day date, at timestamptz);
INSERT INTO {name}
SELECT n, (n * 7919) % 100000, 'customer number ' || n % 100000,
       (ARRAY['open', 'paid', 'sent', 'lost'])[1 + n % 4], (n * 37 % 2000000) / 100.0,
       date '2024-01-01' + (n % 700)::integer, timestamptz '2024-01-01' + n * interval '1 second'
FROM generate_series(1::bigint, {rows}) AS n;
CREATE INDEX ON {name} (at);
ANALYZE {name};
"""

Json = dict[str, Any]


def measure_ingestion() -> list[Figure]:
    """Run the storage, PostgreSQL and the sync server, and sync everything once or twice."""
    with (
        tempfile.TemporaryDirectory(prefix="lakelet-bench-") as folder,
        services_in(Path(folder), "postgres", "storage", "airbyte") as home,
    ):
        airbyte = Airbyte(home)
        with airbyte.shop() as db:
            db.execute(_GENERATE.format(name="rows_1", rows=ROWS))
        return [
            *_from_postgres(airbyte),
            *_from_files(airbyte),
            *from_connectors(airbyte),
            *_memory(airbyte),
        ]


def _from_postgres(airbyte: Airbyte) -> list[Figure]:
    source = airbyte.source(airbyte.postgres_config())
    figures: list[Figure] = []
    for name, mode in (("full refresh", OVERWRITE), ("append", APPEND), ("append_dedup", DEDUP)):
        bare, ours = [], []
        for turn in range(_TURNS):
            connection = airbyte.connect(
                source, f"{name}_{turn}".replace(" ", "_"), {"rows_1": mode}
            )
            bare.append(_bare_scan(airbyte.settings, "rows_1"))
            run = Run(airbyte, connection)
            assert run.records == ROWS
            ours.append(run.seconds)
        figures += _rates(f"PostgreSQL → bronze, {name}", median(ours), median(bare))
    with airbyte.shop() as db:
        db.execute("UPDATE rows_1 SET status = 'changed', at = clock_timestamp() WHERE id % 10 = 0")
    run = Run(airbyte, connection)
    assert run.records == ROWS // 10
    # Every file holds a changed row, so all of the table is written anew.
    rate = run.records / run.seconds
    return [*figures, at_least("append_dedup, a tenth of it changed", rate, "rows/s", 25_000)]


def _rates(name: str, ours: float, bare: float) -> list[Figure]:
    rate, limit = ROWS / ours, ROWS / bare
    return [
        at_least(name, rate, "rows/s", 500_000, limit=limit, limit_of=_BARE),
        at_least("… of what DuckDB alone does", rate / limit, "", 0.5),
    ]


def _bare_scan(settings: Settings, table: str) -> float:
    """Return the seconds that DuckDB alone takes to copy a table to `landing`."""
    duck = bare_duckdb(settings)
    duck.execute(f"ATTACH '{settings.postgres_dsn('shop')}' AS shop (TYPE postgres, READ_ONLY)")
    return _timed(duck, f"FROM shop.public.{table}", table)


def _timed(duck: duckdb.DuckDBPyConnection, query: str, name: str) -> float:
    began = time.monotonic()
    duck.execute(f"COPY ({query}) TO 's3://landing/bench/{name}.parquet' (COMPRESSION snappy)")
    return time.monotonic() - began


def _from_files(airbyte: Airbyte) -> list[Figure]:
    inbox = airbyte.settings.inbox_dir
    inbox.mkdir(parents=True, exist_ok=True)
    duck = bare_duckdb(airbyte.settings)
    duck.execute(f"ATTACH '{airbyte.settings.postgres_dsn('shop')}' AS shop (TYPE postgres)")
    duck.execute(f"COPY shop.public.rows_1 TO '{inbox}/rows.csv' (HEADER)")
    config = {
        "dataset_name": "rows",
        "format": "csv",
        "url": "/local/rows.csv",
        "provider": {"storage": "local"},
    }
    source = airbyte.source(config, FILE, "rows")
    connection = airbyte.connect(source, "from_csv", {"rows": OVERWRITE})
    # As the sync does, DuckDB looks at all rows for their types.
    bare = _timed(duck, f"FROM read_csv('{inbox}/rows.csv', sample_size = -1)", "csv")
    run = Run(airbyte, connection)
    assert run.records == ROWS
    rate, limit = ROWS / run.seconds, ROWS / bare
    return [
        at_least("a CSV file → bronze", rate, "rows/s", 0.5 * limit, limit=limit, limit_of=_BARE)
    ]


def _memory(airbyte: Airbyte) -> list[Figure]:
    """Ten times the rows must not take (much) more memory."""
    with airbyte.shop() as db:
        db.execute(_GENERATE.format(name="rows_10", rows=MANY * ROWS))
    source = airbyte.source(airbyte.postgres_config())
    peaks = {}
    for table in ("rows_1", "rows_10"):
        for name, mode in (("overwrite", OVERWRITE), ("append_dedup", DEDUP)):
            connection = airbyte.connect(source, f"memory_{name}", {table: mode})
            run = Run(airbyte, connection)
            peaks[table, name] = run.peak
    return [
        _few_changed(airbyte, connection, whole=run.seconds),
        *(
            at_most(
                f"peak memory of a sync of {MANY * ROWS:,} rows, {name}",
                peaks["rows_10", name],
                "MiB",
                1.5 * peaks["rows_1", name],
                limit=peaks["rows_1", name],
                limit_of=f"of {ROWS:,} rows",
            )
            for name in ("overwrite", "append_dedup")
        ),
    ]


def _few_changed(airbyte: Airbyte, connection: str, whole: float) -> Figure:
    """A few rows all over the large table: its files must not be written anew."""
    with airbyte.shop() as db:
        db.execute(
            "UPDATE rows_10 SET status = 'changed', at = clock_timestamp()"
            f" WHERE id % {ROWS // 10} = 1"
        )
    run = Run(airbyte, connection)
    assert run.records == 10 * MANY
    return at_most(
        f"{run.records} of {MANY * ROWS:,} rows changed, append_dedup",
        run.seconds,
        "s",
        0.25 * whole,
        limit=whole,
        limit_of="all of them the first time",
    )
