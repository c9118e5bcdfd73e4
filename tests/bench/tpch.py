"""TPC-H over Flight from Iceberg on S3, beside bare DuckDB on the same tables in the same run.

`LAKELET_BENCH_TPCH` sets the scale factor (default 1), `LAKELET_BENCH_ROWS` the rows of the
table that is read whole (default 10,000,000).
"""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from duckdb_extensions import import_extension
from pyarrow import flight
from rich.console import Console

from services.common.settings import Settings
from tests.bench.report import Figure, at_least, at_most
from tests.support.dremio import Dremio, source_body
from tests.support.platform import services_in

SCALE = float(os.environ.get("LAKELET_BENCH_TPCH", "1"))
ROWS = int(os.environ.get("LAKELET_BENCH_ROWS", "10000000"))
_ROUNDS = 2
_WIDE = """
SELECT i AS id, CAST(hash(i) % 100000 AS INTEGER) AS customer, CAST(hash(i) % 1000 AS DOUBLE) / 7
  AS price, DATE '2020-01-01' + CAST(i % 1500 AS INTEGER) AS day,
  TIMESTAMP '2020-01-01' + INTERVAL 1 SECOND * CAST(i % 86400 AS INTEGER) AS at,
  'product ' || (i % 1000) AS product
FROM range({rows}) r(i)
"""


def measure_tpch() -> list[Figure]:
    """Generate the tables in a home of their own, and measure."""
    with (
        tempfile.TemporaryDirectory(prefix="lakelet-bench-") as folder,
        # Answered anew each time, as bare DuckDB does.
        services_in(
            Path(folder), "postgres", "storage", "dremio", DREMIO_RESULT_CACHE_MB="0"
        ) as home,
        _bare(home.settings, Path(folder)) as bare,
    ):
        settings = home.settings
        admin = Dremio(
            settings.dremio_url, settings.admin_user, settings.admin_password.get_secret_value()
        )
        body = source_body(settings, "gold", "/gold/lake")
        admin.http.put("/apiv2/source/gold", json=body).raise_for_status()
        _generate(bare)
        with _Flight(settings) as client:
            return [*_queries(bare, client), *_whole_table(bare, client), *_first_row(client)]


@contextmanager
def _bare(settings: Settings, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with as much memory and as many threads as the engine has, on the same bucket."""
    connection = duckdb.connect(
        config={
            "extension_directory": str(folder / "extensions"),
            "memory_limit": settings.dremio_memory_limit,
            "threads": str(settings.dremio_threads),
        }
    )
    for name in ("httpfs", "avro", "iceberg", "icu", "tpch"):
        import_extension(name, con=connection)
        connection.execute(f"LOAD {name}")
    secret = settings.dremio_s3_secret_key.get_secret_value()
    connection.execute(
        f"CREATE SECRET s (TYPE s3, KEY_ID 'dremio', SECRET '{secret}', URL_STYLE 'path', "
        f"ENDPOINT '{settings.s3_endpoint}', USE_SSL false, REGION 'us-east-1')"
    )
    connection.execute(
        f"CREATE SECRET i (TYPE iceberg, CLIENT_ID 'dremio', CLIENT_SECRET '{secret}', "
        f"OAUTH2_SERVER_URI '{settings.iceberg_uri}/v1/oauth/tokens')"
    )
    connection.execute(
        f"ATTACH 'gold' AS gold (TYPE iceberg, ENDPOINT '{settings.iceberg_uri}', SECRET i)"
    )
    try:
        yield connection
    finally:
        connection.close()


def _generate(bare: duckdb.DuckDBPyConnection) -> None:
    bare.execute("CREATE SCHEMA IF NOT EXISTS gold.lake")
    bare.execute(f"CALL dbgen(sf = {SCALE})")
    tables = [name for (name,) in bare.execute("SHOW TABLES").fetchall()]
    for name in tables:
        bare.execute(f"CREATE TABLE gold.lake.{name} AS SELECT * FROM {name}")
        bare.execute(f"DROP TABLE {name}")
    for name, rows in (("wide", ROWS), ("tenth", ROWS // 10)):
        bare.execute(f"CREATE TABLE gold.lake.{name} AS {_WIDE.format(rows=rows)}")
    bare.execute("USE gold.lake")


class _Flight:
    def __init__(self, settings: Settings) -> None:
        self._client = flight.FlightClient(settings.flight_uri)
        token = self._client.authenticate_basic_token(
            settings.admin_user, settings.admin_password.get_secret_value()
        )
        self._options = flight.FlightCallOptions(headers=[token])

    def __enter__(self) -> _Flight:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def stream(self, sql: str) -> flight.FlightStreamReader:
        info = self._client.get_flight_info(flight.FlightDescriptor.for_command(sql), self._options)
        return self._client.do_get(info.endpoints[0].ticket, self._options)

    def rows(self, sql: str) -> int:
        return sum(chunk.data.num_rows for chunk in self.stream(sql))


def _best(work: Callable[[], object], rounds: int = _ROUNDS) -> float:
    """Return the least of the times that `work` takes (s), after one time that is not counted."""
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times[1:])


def _queries(bare: duckdb.DuckDBPyConnection, client: _Flight) -> list[Figure]:
    queries = bare.execute("SELECT query_nr, query FROM tpch_queries()").fetchall()
    bare.execute("USE gold.lake")
    ratios, ours_all, theirs_all = [], 0.0, 0.0
    console = Console(width=160)
    for number, sql in queries:
        text = sql.strip().rstrip(";")
        counted = len(bare.execute(text).fetchall())
        inside = _in_gold(text)
        assert client.rows(inside) == counted, f"query {number} gives another number of rows"
        theirs = _best(lambda text=text: bare.execute(text).to_arrow_table())  # type: ignore[misc]
        ours = _best(lambda inside=inside: client.rows(inside))  # type: ignore[misc]
        ratios.append(ours / theirs)
        ours_all, theirs_all = ours_all + ours, theirs_all + theirs
        console.print(f"  query {number}: {ours * 1000:.0f} ms, bare {theirs * 1000:.0f} ms")
    mean = math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))
    name = f"TPC-H at scale {SCALE:g} over Flight"
    return [
        at_most(f"{name}: 22 queries to bare DuckDB, geometric mean", mean, "×", 1.3),
        at_most(
            f"{name}: 22 queries together", ours_all, "s", 1.3 * theirs_all,
            limit=theirs_all, limit_of="bare DuckDB on the same tables",
        ),
    ]  # fmt: skip


_TABLES = ("customer", "lineitem", "nation", "orders", "partsupp", "part", "region", "supplier")


def _in_gold(sql: str) -> str:
    """Return a query of TPC-H with its tables where the engine has them."""
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(sql, read="duckdb")
    for table in tree.find_all(exp.Table):
        if table.name.lower() in _TABLES and not table.db:
            table.set("db", exp.to_identifier("gold"))
    return tree.sql("dremio")


def _whole_table(bare: duckdb.DuckDBPyConnection, client: _Flight) -> list[Figure]:
    def fetched(name: str) -> int:
        reader = bare.execute(f"SELECT * FROM {name}").to_arrow_reader(16_384)
        return sum(batch.num_rows for batch in reader)

    inside = ROWS / _best(lambda: fetched("wide"), 2) / 1e6
    over = ROWS / _best(lambda: client.rows("SELECT * FROM gold.wide"), 2) / 1e6
    tenth = ROWS / 10 / _best(lambda: client.rows("SELECT * FROM gold.tenth"), 2) / 1e6
    return [
        at_least(
            f"{ROWS:,} rows × 6 columns over Flight", over, "M rows/s", 0.8 * inside,
            limit=inside, limit_of="fetched in the process",
        ),
        at_least("ten times the rows: speed kept", over / tenth, "×", 0.8),
    ]  # fmt: skip


def _first_row(client: _Flight) -> list[Figure]:
    def first(sql: str) -> None:
        stream = client.stream(sql)
        assert stream.read_chunk().data.num_rows == 1
        stream.cancel()

    figures = []
    for what, sql in (
        ("of a constant", "SELECT 1"),
        ("of a small table", "SELECT n_name FROM gold.nation WHERE n_nationkey = 7"),
    ):
        times = []
        for _ in range(30):
            began = time.perf_counter()
            first(sql)
            times.append((time.perf_counter() - began) * 1000)
        figures.append(at_most(f"first row {what}, median", statistics.median(times), "ms", 10))
    return figures


if __name__ == "__main__":
    from tests.bench.report import print_report

    print_report(Console(width=160), measure_tpch())
