"""Queries with and without reflections, in the same run, on a sales table and its customers.

`LAKELET_BENCH_ROWS` sets the size of the sales table (default 10,000,000).
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.dremio.handlers import source
from services.dremio.sql.parse import parse
from services.dremio.sql.resolve import resolve
from services.dremio.sql.statements import Query
from services.dremio.state.engine import Engine
from services.dremio.state.execute.run import Run
from services.dremio.state.session import Session
from services.dremio.state.start import start_engine
from tests.bench.report import Figure, at_least, at_most
from tests.support.dremio import source_body
from tests.support.platform import services_in

ROWS = int(os.environ.get("LAKELET_BENCH_ROWS", "10000000"))
_BUILT = 1_000_000  # rows of the table whose building is timed

_SALES = """
SELECT CAST(i AS BIGINT) AS id, CAST(hash(i) % 100000 AS INTEGER) AS customer,
  CAST(hash(i + 7) % 500 AS INTEGER) AS product,
  ['web', 'shop', 'phone', 'partner'][1 + CAST(hash(i + 3) % 4 AS INTEGER)] AS channel,
  TIMESTAMP '2022-01-01' + INTERVAL 1 MINUTE * CAST(hash(i + 5) % 1051200 AS INTEGER) AS sold_at,
  CAST(hash(i + 11) % 100000 / 100 AS DECIMAL(12, 2)) AS amount,
  CAST(1 + hash(i + 13) % 9 AS INTEGER) AS quantity, md5(CAST(i AS VARCHAR)) AS note
FROM range({rows}) r(i)
"""
_CUSTOMERS = """
SELECT CAST(i AS INTEGER) AS customer, 'customer ' || i AS name,
  ['north', 'south', 'east', 'west'][1 + CAST(i % 4 AS INTEGER)] AS region FROM range(100000) r(i)
"""
_JOINED = """
SELECT s.id, s.sold_at, s.amount, s.quantity, s.channel, c.name, c.region, p.category
FROM gold.sales s JOIN gold.customers c ON s.customer = c.customer
JOIN gold.products p ON s.product = p.product
"""
_REFLECTIONS = (
    "ALTER TABLE gold.sales CREATE RAW REFLECTION by_customer "
    "USING DISPLAY (customer, sold_at, amount, quantity) LOCALSORT BY (customer)",
    "ALTER TABLE gold.sales CREATE AGGREGATE REFLECTION daily USING "
    "DIMENSIONS (channel, sold_at BY DAY) MEASURES (amount (SUM, COUNT), quantity (SUM))",
    "ALTER VIEW sp.joined CREATE AGGREGATE REFLECTION regions USING "
    "DIMENSIONS (region, category, channel, sold_at BY DAY) "
    "MEASURES (amount (SUM, COUNT), quantity (SUM, COUNT))",
)
# What each query is called in the origin documents, and by how much it is to be faster.
_QUERIES = (
    ("simple select", 10, "SELECT sold_at, amount FROM gold.sales WHERE customer = 4711"),
    (
        "aggregate",
        50,
        "SELECT channel, DATE_TRUNC('month', sold_at) AS m, SUM(amount) AS v, COUNT(*) AS n "
        "FROM gold.sales GROUP BY channel, DATE_TRUNC('month', sold_at)",
    ),
    (
        "complex join",
        60,
        "SELECT region, category, DATE_TRUNC('quarter', sold_at) AS q, SUM(amount) AS v, "
        "AVG(quantity) AS a FROM sp.joined WHERE channel <> 'phone' "
        "GROUP BY region, category, DATE_TRUNC('quarter', sold_at)",
    ),
    (
        "large scan",
        60,
        "SELECT COUNT(*) AS n, SUM(amount) AS v, SUM(quantity) AS q "
        "FROM gold.sales WHERE sold_at >= TIMESTAMP '2022-06-01 00:00:00'",
    ),
)
_DASHBOARD = (
    "SELECT channel, SUM(amount) AS v FROM gold.small GROUP BY channel",
    "SELECT DATE_TRUNC('week', sold_at) AS w, COUNT(*) AS n FROM gold.small "
    "WHERE channel = 'web' GROUP BY DATE_TRUNC('week', sold_at) ORDER BY w",
    "SELECT product, SUM(quantity) AS q FROM gold.small GROUP BY product ORDER BY q DESC, product "
    "LIMIT 10",
    "SELECT SUM(amount) AS v, COUNT(*) AS n, AVG(amount) AS a FROM gold.small "
    "WHERE sold_at >= TIMESTAMP '2023-01-01 00:00:00'",
)


def measure_reflections() -> list[Figure]:
    """Build the tables and reflections in a home of their own, and measure."""
    with (
        tempfile.TemporaryDirectory(prefix="lakelet-bench-") as folder,
        services_in(Path(folder), "postgres", "storage") as home,
    ):
        # Neither side is to be answered from results that were kept.
        settings = home.settings.model_copy(update={"dremio_result_cache_mb": 0})
        engine = start_engine(settings, threading.Event())
        try:
            core = engine.core
            source.put(
                core, core.users.list()[0], "gold", source_body(home.settings, "gold", "/gold/lake")
            )
            return _Bench(engine).figures()
        finally:
            engine.core.reflections.stop()
            engine.core.history.close()
            engine.core.database.close()
            engine.core.pool.close()


class _Bench:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.user = engine.core.users.list()[0]

    def run(self, sql: str, *, on: bool = True) -> Any:
        session = Session(self.user, options={} if on else {"reflections": "off"})
        return self.engine.execute(session, sql).table()

    def fill(self, name: str, sql: str, columns: str) -> None:
        self.run(f"CREATE TABLE gold.{name} ({columns})")
        found: Any = self.engine.core.catalog.relation(("gold", name))
        cursor = self.engine.core.database.cursor()
        cursor.execute(f'INSERT INTO "{found.database}"."{found.schema}"."{found.name}" {sql}')
        cursor.close()

    def built(self, name: str, seconds: float = 600) -> float:
        """Wait until a reflection is built; return how long its build took."""
        reflections = self.engine.core.reflections
        reflection = reflections.named(name)
        deadline = time.monotonic() + seconds
        while (made := reflections.built(reflection.id)) is None:
            assert time.monotonic() < deadline, reflections.refresher.state(reflection.id).error
            time.sleep(0.02)
        return (made.finished_at - made.created_at).total_seconds()

    def figures(self) -> list[Figure]:
        figures = self.small()
        sales = (
            "id BIGINT, customer INTEGER, product INTEGER, channel VARCHAR, sold_at TIMESTAMP, "
            "amount DECIMAL(12, 2), quantity INTEGER, note VARCHAR"
        )
        self.fill("sales", _SALES.format(rows=ROWS), sales)
        self.fill("customers", _CUSTOMERS, "customer INTEGER, name VARCHAR, region VARCHAR")
        self.fill(
            "products",
            "SELECT CAST(i AS INTEGER), 'category ' || (i % 20) FROM range(500) r(i)",
            "product INTEGER, category VARCHAR",
        )
        self.run(f"CREATE VIEW sp.joined AS {_JOINED}")
        for sql in _REFLECTIONS:
            self.run(sql)
        for name in ("by_customer", "daily", "regions"):
            took = self.built(name)
            figures.append(at_most(f"build {name}, {ROWS:,} rows", took, "s", 60 * ROWS / 1e7))
        for name, factor, sql in _QUERIES:
            with_them, without = self.pair(sql)
            figures.append(
                at_least(
                    f"{name}: {without * 1000:.0f} ms → {with_them * 1000:.1f} ms",
                    without / with_them,
                    "× faster",
                    factor,
                )
            )
        return figures

    def small(self) -> list[Figure]:
        self.run("CREATE SPACE sp")
        columns = (
            "id BIGINT, customer INTEGER, product INTEGER, channel VARCHAR, sold_at TIMESTAMP, "
            "amount DECIMAL(12, 2), quantity INTEGER, note VARCHAR"
        )
        self.fill("small", _SALES.format(rows=_BUILT), columns)
        self.fill("other", "SELECT 1, 'a'", "k INTEGER, s VARCHAR")
        dashboards = (("by_product", "product"), ("small_daily", "channel, sold_at BY DAY"))
        for name, dimensions in dashboards:
            self.run(
                f"ALTER TABLE gold.small CREATE AGGREGATE REFLECTION {name} USING DIMENSIONS "
                f"({dimensions}) MEASURES (amount (SUM, COUNT), quantity (SUM))"
            )
        self.built("by_product")
        took = self.built("small_daily")
        times = []
        for _ in range(25):
            for sql in _DASHBOARD:
                began = time.perf_counter()
                self.run(sql)
                times.append(time.perf_counter() - began)
        slow = statistics.quantiles(times, n=20)[-1] * 1000
        return [
            at_most(f"build an aggregation on {_BUILT:,} rows", took, "s", 1),
            at_most("dashboard queries on 1,000,000 rows, p95", slow, "ms", 50),
            at_most("planning when no reflection matches", self.overhead(), "ms", 1),
        ]

    def overhead(self) -> float:
        """Return what looking for reflections costs a query that none answers (ms)."""
        session = Session(self.user)
        run = Run(self.engine.core, session, self.engine.core.database.cursor())
        worst = 0.0
        for sql in (
            "SELECT k, s FROM gold.other WHERE k > 1",  # a table without reflections
            "SELECT note, customer FROM gold.small WHERE id = 7",  # one whose reflection lacks it
        ):
            statement = parse(sql)
            assert isinstance(statement, Query)
            tree = resolve(statement.tree, (), run)
            accelerate: Callable[..., object] = self.engine.core.reflections.accelerate
            times = []
            for _ in range(200):
                began = time.perf_counter()
                assert accelerate(run, tree) is None
                times.append(time.perf_counter() - began)
            worst = max(worst, statistics.median(times) * 1000)
        run.cursor.close()
        return worst

    def pair(self, sql: str) -> tuple[float, float]:
        """Return the best of five times with reflections and without, after checking both."""
        with_them = self.run(sql).to_pylist()
        without = self.run(sql, on=False).to_pylist()
        assert sorted(map(repr, with_them)) == sorted(map(repr, without)), sql
        best = []
        for on in (True, False):
            times = []
            for _ in range(5):
                began = time.perf_counter()
                self.run(sql, on=on)
                times.append(time.perf_counter() - began)
            best.append(min(times))
        return best[0], best[1]


if __name__ == "__main__":
    from rich.console import Console

    from tests.bench.report import print_report

    print_report(Console(width=160), measure_reflections())
