"""The heart of it: an answer with reflections is the answer without them, whatever happens.

`LAKELET_REFLECTION_CASES` sets how many cases are generated (default 10), and
`LAKELET_REFLECTION_SEED` where they begin.
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter

import pytest

from services.dremio.state.errors import DremioError
from tests.contract.reflections import cases
from tests.contract.reflections.conftest import Bench

CASES = int(os.environ.get("LAKELET_REFLECTION_CASES", "10"))
SEED = int(os.environ.get("LAKELET_REFLECTION_SEED", "1"))


def answer(bench: Bench, sql: str, on: bool) -> object:
    """Return schema and sorted rows, or the kind of error."""
    try:
        table = bench.table(sql, on=on)
    except DremioError as error:
        return error.kind
    return str(table.schema), sorted(map(repr, table.to_pylist()))


def compare(
    bench: Bench, rng: random.Random, count: int, seen: Counter[str], asked: list[str]
) -> None:
    """Ask new queries, and some that were asked before: plans of theirs may have been kept."""
    again = rng.sample(asked, min(len(asked), count // 3))
    for sql in [*again, *(cases.query(rng) for _ in range(count))]:
        asked.append(sql)
        with_them, without = answer(bench, sql, True), answer(bench, sql, False)
        assert with_them == without, f"seed case: {sql}\n{told(bench, sql)}"
        seen["queries"] += 1
        seen["errors"] += not isinstance(without, tuple)


def told(bench: Bench, sql: str) -> str:
    try:
        return str(bench.plan(sql))
    except DremioError as error:
        return str(error)


def fresh(bench: Bench, rng: random.Random) -> None:
    bench.clear()
    for name in reversed(cases.VIEWS):
        bench.table(f"DROP VIEW IF EXISTS sp.{name}")
    for table in ("f", "k", "u"):
        bench.table(f"DROP TABLE IF EXISTS gold.{table}")
    for sql in cases.create(rng):
        bench.table(sql)
    for name, text in cases.VIEWS.items():
        bench.table(f"CREATE VIEW sp.{name} AS {text}")


@pytest.mark.timeout(max(300, CASES * 30))
def test_generated_cases(bench: Bench) -> None:
    seen = Counter[str]()
    for seed in range(SEED, SEED + CASES):
        rng = random.Random(seed)  # noqa: S311 - the cases are to come again
        fresh(bench, rng)
        for number in range(rng.randint(3, 6)):
            bench.table(cases.reflection(rng, number))
        asked: list[str] = []
        compare(bench, rng, 2, seen, asked)  # while they are built
        bench.settle()
        broken = [
            (r.name, bench.reflections.refresher.state(r.id).error)
            for r in bench.reflections.all()
            if bench.reflections.built(r.id) is None
        ]
        assert not broken, (seed, broken)
        compare(bench, rng, 25, seen, asked)
        for _ in range(rng.randint(1, 3)):
            for sql in cases.change(rng):
                bench.table(sql)
            compare(bench, rng, 6, seen, asked)  # at once: stale, or with the rows appended since
            bench.settle()
            for each in bench.reflections.all():
                made = bench.reflections.built(each.id)
                seen["by partitions"] += made is not None and "partitions" in made.decision
            compare(bench, rng, 6, seen, asked)
        seen["cases"] += 1
    assert bench.reflections.refresher is not None
    bench.reflections.refresher.write_jobs()
    with bench.engine.core.pool.connection() as connection:
        for entries in connection.execute("SELECT body FROM job_reflection").fetchall():
            for entry in entries[0]:
                if entry["relationship"] == "CHOSEN":
                    seen[f"chosen {entry['reflectionType']}"] += 1
                    seen[f"on {entry['dataset'][-1]}"] += 1
                    seen["with a tail"] += "appended" in entry["reason"]
    print(dict(seen))
    assert seen["chosen RAW"] > seen["queries"] * 0.04, dict(seen)
    assert seen["chosen AGGREGATION"] > seen["queries"] * 0.03, dict(seen)
    assert seen["errors"] < seen["queries"] * 0.2, dict(seen)


def test_what_was_written_is_read(bench: Bench) -> None:
    """Readers beside a writer and the refreshes: whole commits only, and never an old one."""
    bench.clear()
    bench.table("DROP TABLE IF EXISTS gold.m")
    bench.table("CREATE TABLE gold.m (k INTEGER, v BIGINT)")
    bench.table("ALTER TABLE gold.m CREATE RAW REFLECTION rr USING DISPLAY (k, v)")
    bench.table("ALTER TABLE gold.m CREATE AGGREGATE REFLECTION ra USING DIMENSIONS (k) "
                "MEASURES (v (SUM, COUNT))")  # fmt: skip
    written, stop, wrong = [0], threading.Event(), []

    def write() -> None:
        for number in range(1, 25):
            bench.table(f"INSERT INTO gold.m VALUES (1, {number}), (2, -{number}), (3, 0), (4, 0)")
            written[0] = number
            if number % 8 == 0:
                bench.table("UPDATE gold.m SET v = v WHERE k = 1")
        stop.set()

    def read(sql: str) -> None:
        while not stop.is_set():
            least = written[0]
            try:
                row = bench.rows(sql)[0]
            except DremioError as error:
                wrong.append(str(error))
                return
            if row["n"] % 4 or row["n"] < least * 4 or (row["v"] or 0) != 0:
                wrong.append((sql, least, row))

    queries = [
        "SELECT COUNT(*) AS n, SUM(v) AS v FROM gold.m",
        "SELECT COUNT(*) AS n, SUM(v) AS v FROM (SELECT * FROM gold.m WHERE k > 0) q",
        "SELECT COUNT(*) AS n, SUM(a.v) AS v FROM gold.m a WHERE a.k IN (SELECT k FROM gold.m)",
    ]
    threads = [threading.Thread(target=read, args=(sql,)) for sql in queries]
    for thread in threads:
        thread.start()
    write()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:5]
