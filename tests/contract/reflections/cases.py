"""Generated tables, views, reflections, queries and changes, from a seed."""

from __future__ import annotations

import random

COLUMNS = {
    "i": "INTEGER",
    "b": "BIGINT",
    "d": "DECIMAL(10, 2)",
    "w": "DECIMAL(18, 4)",
    "x": "DOUBLE",
    "s": "VARCHAR",
    "c": "VARCHAR",
    "t": "TIMESTAMP",
    "dt": "DATE",
    "ok": "BOOLEAN",
}
VIEWS = {
    "v_line": "SELECT s AS city, d AS money, t, i, UPPER(c) AS up FROM gold.f WHERE i > 1",
    "v_star": "SELECT * FROM gold.f",
    "v_join": "SELECT f.s, f.d, f.t, k.region, f.i FROM gold.f f JOIN gold.k k ON f.s = k.s",
    "v_left": "SELECT f.s, f.d, k.region FROM gold.f f LEFT JOIN gold.k k ON f.s = k.s",
    "v_label": "SELECT f.s, f.c, f.d, f.i, f.t, f.ok, u.label FROM gold.f f "
    "LEFT JOIN gold.u u ON u.s = f.s",
    "v_wide": "SELECT f.s, f.d, f.i AS number, k.region, u.label FROM gold.f f "
    "JOIN gold.u u ON f.s = u.s JOIN gold.k k ON k.s = f.s WHERE f.i > 0",
    "v_sums": "SELECT s, c, SUM(d) AS total, COUNT(*) AS n FROM gold.f GROUP BY s, c",
    "v_over": "SELECT city, money FROM sp.v_line WHERE money IS NOT NULL",
    # Views on views on views: renamed, filtered, computed, joined, summed and put together.
    "v_deep2": "SELECT city AS town, money AS paid, t AS at_time, i AS number FROM sp.v_line "
    "WHERE i < 6",
    "v_deep3": "SELECT UPPER(town) AS town, paid, at_time, number + 1 AS number FROM sp.v_deep2",
    "v_deep4": "SELECT town, paid, at_time FROM sp.v_deep3 WHERE number <> 4 OR town IS NULL",
    "v_deepjoin": "SELECT j.s, j.region, j.d, j.t, w.label FROM sp.v_join j "
    "JOIN sp.v_label w ON w.s = j.s AND w.i = j.i",
    "v_daily": "SELECT town, DATE_TRUNC('day', at_time) AS day_of, SUM(paid) AS paid, "
    "COUNT(*) AS n FROM sp.v_deep4 GROUP BY town, DATE_TRUNC('day', at_time)",
    "v_both": "SELECT s, d, i FROM gold.f WHERE i > 2 UNION ALL SELECT s, d, i FROM gold.f "
    "WHERE i <= 2",
    "v_where": "SELECT s, c, d, t, ok, i, dt FROM sp.v_star WHERE s IS NOT NULL OR d IS NULL",
}
# How often a value is NULL: a case has columns without any, with some, and of nothing else.
NULLS = [0.0, 0.1, 0.15, 0.3, 0.7, 1.0]


def value(rng: random.Random, kind: str, nulls: float = 0.15) -> str:
    if rng.random() < nulls:
        return f"CAST(NULL AS {kind})"
    if kind == "INTEGER":
        return f"CAST({rng.randint(-3, 6)} AS INTEGER)"
    if kind == "BIGINT":
        return f"CAST({rng.choice([0, 1, 7, 2**40, -(2**41), 2**52])} AS BIGINT)"
    if kind.startswith("DECIMAL(10"):
        return f"CAST({rng.randint(-99999, 99999) / 100} AS {kind})"
    if kind.startswith("DECIMAL(18"):
        return f"CAST('{rng.randint(-(10**9), 10**9) / 10000:.4f}' AS {kind})"
    if kind == "DOUBLE":
        return f"CAST({rng.randint(-400, 400) / 4} AS DOUBLE)"
    if kind == "VARCHAR":
        return "'" + rng.choice(["a", "b", "ab", "", "ä", "A", "x y"]) + "'"
    if kind == "TIMESTAMP":
        clock = rng.choice(["00:00:00", "00:00:00", "23:59:59.999", "12:30:00", "00:00:00.001"])
        return f"TIMESTAMP '{_day(rng)} {clock}'"
    if kind == "DATE":
        return f"DATE '{_day(rng)}'"
    return rng.choice(["true", "false"])


def _day(rng: random.Random) -> str:
    return rng.choice(
        [
            "2023-12-31", "2024-01-01", "2024-02-29", "2024-03-01", "2024-12-30", "1969-12-31",
            "2024-03-10", "2024-11-03", "2024-06-30", "2000-01-01",
        ]
    )  # fmt: skip


def rows(rng: random.Random, count: int) -> str:
    nulls = [rng.choice(NULLS[:5] if rng.random() < 0.9 else NULLS) for _ in COLUMNS]
    lines = [
        [value(rng, kind, own) for kind, own in zip(COLUMNS.values(), nulls, strict=True)]
        for _ in range(count)
    ]
    lines += [rng.choice(lines) for _ in range(count // 4)]  # duplicates
    return ", ".join("(" + ", ".join(line) + ")" for line in lines)


def create(rng: random.Random) -> list[str]:
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    parts = rng.choice(["", "", "(dt)", "(month(t))", "(ok, year(dt))", "(i)", "(day(t), i)"])
    made = [f"CREATE TABLE gold.f ({columns})" + (f" PARTITION BY {parts}" if parts else "")]
    if rng.random() < 0.85:
        made.append(f"INSERT INTO gold.f VALUES {rows(rng, rng.choice([1, 8, 40]))}")
    made.append("CREATE TABLE gold.k (s VARCHAR, region VARCHAR)")
    made.append("INSERT INTO gold.k VALUES ('a', 'N'), ('b', 'S'), ('ab', 'N'), ('a', 'E')")
    made.append("CREATE TABLE gold.u (s VARCHAR, label VARCHAR)")
    labels = rng.choice(["('a', 'x'), ('b', 'y')", "('a', 'x'), ('b', 'y'), ('a', 'z'), ('', 'y')"])
    made.append(f"INSERT INTO gold.u VALUES {labels}, ('ab', 'x'), ('A', 'x'), ('x y', NULL)")
    return made


def reflection(rng: random.Random, number: int) -> str:
    dataset, columns = rng.choice(
        [
            *[("gold.f", list(COLUMNS))] * 9,
            ("sp.v_line", ["city", "money", "t", "i", "up"]),
            ("sp.v_join", ["s", "d", "t", "region", "i"]),
            ("sp.v_left", ["s", "d", "region"]),
            ("sp.v_label", ["s", "c", "d", "i", "t", "ok", "label"]),
            ("sp.v_label", ["s", "c", "d", "i", "t", "ok", "label"]),
            ("sp.v_wide", ["s", "d", "number", "region", "label"]),
            ("sp.v_sums", ["s", "c", "total", "n"]),
            ("sp.v_over", ["city", "money"]),
            ("sp.v_deep2", ["town", "paid", "at_time", "number"]),
            ("sp.v_deep3", ["town", "paid", "at_time", "number"]),
            ("sp.v_deep4", ["town", "paid", "at_time"]),
            ("sp.v_deepjoin", ["s", "region", "d", "t", "label"]),
            ("sp.v_daily", ["town", "day_of", "paid", "n"]),
            ("sp.v_both", ["s", "d", "i"]),
            ("sp.v_where", ["s", "c", "d", "t", "ok", "i", "dt"]),
        ]
    )
    if rng.random() < 0.45:
        kept = columns if rng.random() < 0.5 else rng.sample(columns, rng.randint(1, len(columns)))
        sort = f" LOCALSORT BY ({rng.choice(kept)})" if rng.random() < 0.5 else ""
        return (
            f"ALTER DATASET {dataset} CREATE RAW REFLECTION r{number} "
            f"USING DISPLAY ({', '.join(kept)}){sort}"
        )
    names = [c for c in columns if c not in ("d", "w", "x", "money", "total", "paid")]
    dims = rng.sample(names, rng.randint(min(3, len(names)), len(names)))
    numbers = [
        c
        for c in columns
        if c in ("d", "w", "x", "i", "b", "money", "total", "n", "s", "t", "paid", "number")
    ]
    measures = []
    for name in rng.sample(numbers, rng.randint(1, len(numbers))):
        if name in ("s", "t"):
            distinct = rng.choice(["", ", APPROX_COUNT_DISTINCT", ", APPROX_COUNT_DISTINCT"])
            measures.append(f"{name} (COUNT, MIN, MAX{distinct})")
        else:
            kinds = rng.sample(
                ["SUM", "COUNT", "MIN", "MAX", "APPROX_COUNT_DISTINCT"], rng.choice([1, 2, 4, 5])
            )
            measures.append(f"{name} ({', '.join(kinds)})")
    by = [
        f"{d} BY DAY" if d in ("t", "at_time", "day_of") and rng.random() < 0.6 else d for d in dims
    ]
    return (
        f"ALTER DATASET {dataset} CREATE AGGREGATE REFLECTION r{number} "
        f"USING DIMENSIONS ({', '.join(by)}) MEASURES ({', '.join(measures)})"
    )


_DIMS = [
    "s", "s", "c", "ok", "i", "dt", "DATE_TRUNC('month', t)", "DATE_TRUNC('day', t)",
    "CAST(t AS DATE)", "EXTRACT(YEAR FROM t)", "YEAR(t)", "UPPER(s)", "t", "QUARTER(t)",
    "CASE WHEN i > 2 THEN 'high' ELSE s END", "DATE_TRUNC('hour', t)", "COALESCE(s, c)", "b",
    "DATE_TRUNC('week', t)", "DATE_TRUNC('quarter', t)", "DATE_TRUNC('year', t)",
    "DATE_TRUNC('decade', t)", "DATE_TRUNC('minute', t)", "DATE_TRUNC('month', dt)",
    "DATE_TRUNC('week', dt)", "EXTRACT(DOW FROM t)", "EXTRACT(HOUR FROM t)", "MONTH(t)",
    "WEEK(t)", "DAYOFYEAR(dt)", "LAST_DAY(t)", "TO_CHAR(t, 'YYYY-MM')", "s IS NULL",
    "CONVERT_TIMEZONE('UTC', 'America/New_York', t)",
    "DATE_TRUNC('day', CONVERT_TIMEZONE('UTC', 'America/New_York', t))",
    "DATE_TRUNC('month', CONVERT_TIMEZONE('Asia/Kolkata', t))",
    "CAST(CONVERT_TIMEZONE('UTC', 'Europe/Berlin', t) AS DATE)",
    "DATE_TRUNC('month', DATE_TRUNC('day', t))", "DATE_TRUNC('day', t + INTERVAL '1' DAY)",
    "DATE_TRUNC('day', t - INTERVAL '5' HOUR)", "TIMESTAMPADD(MONTH, 1, t)", "NULLIF(s, 'a')",
]  # fmt: skip
# No STDDEV and no sums of inexact DOUBLEs: without reflections too their last digits change from
# run to run, with the order in which files are read.
_SUMS = [
    "SUM(d)", "NDV(s)", "NDV(i)", "SUM(i)", "COUNT(*)", "COUNT(d)", "COUNT(s)", "AVG(d)", "AVG(i)",
    "AVG(w)", "AVG(b)",
    "MIN(d)", "MAX(t)", "MIN(s)", "MAX(x)", "COUNT(DISTINCT s)", "SUM(x)", "SUM(d * 2)", "SUM(b)",
    "COUNT(DISTINCT i)", "SUM(d) + SUM(w)", "SUM(i) / COUNT(*)", "MEDIAN(i)", "COUNT(1)",
    "SUM(CASE WHEN ok THEN d ELSE 0 END)", "MIN(DISTINCT s)", "SUM(w)", "MAX(UPPER(s))",
    "COUNT(t)", "MIN(t)", "MAX(d) - MIN(d)", "ROUND(SUM(d) / 3, 2)", "COUNT(DISTINCT t)",
    "SUM(DISTINCT i)", "BOOL_OR(ok)", "COUNT(s || c)",
    "NDV(s)", "APPROX_COUNT_DISTINCT(i)", "NDV(t)", "APPROX_COUNT_DISTINCT(d)", "NDV(c)",
    "APPROX_COUNT_DISTINCT(UPPER(s))", "COUNT(DISTINCT CASE WHEN ok THEN s END)",
    "MAX(DATE_TRUNC('month', t))", "COUNT(DISTINCT DATE_TRUNC('month', t))", "MIN(dt)",
    "AVG(CASE WHEN s IS NULL THEN 0 ELSE i END)", "COUNT(*) - COUNT(s)", "MAX(t)", "SUM(i) * 2",
]  # fmt: skip
_FILTERS = [
    "s = 'a'", "s IN ('a', 'b')", "i > 1", "t >= TIMESTAMP '2024-01-01 00:00:00'",
    "t < TIMESTAMP '2024-03-01 00:00:00'", "t > TIMESTAMP '2024-01-01 00:00:00'",
    "t <= TIMESTAMP '2024-02-29 00:00:00'", "t < TIMESTAMP '2024-02-29 12:00:00'",
    "dt = DATE '2024-01-01'", "d IS NULL", "s LIKE 'a%'", "ok", "NOT ok", "s IS NULL", "d > 10",
    "t >= DATE '2024-01-01'", "CAST(t AS DATE) = DATE '2024-02-29'", "s <> 'a' OR c = 'b'",
    "YEAR(t) = 2024", "s IS NOT NULL",
    "s IS NOT DISTINCT FROM NULL", "COALESCE(s, '') = ''",
    "DATE_TRUNC('month', t) = TIMESTAMP '2024-02-01 00:00:00'", "dt >= DATE '2024-02-29'",
    "CONVERT_TIMEZONE('UTC', 'America/New_York', t) >= TIMESTAMP '2024-01-01 00:00:00'",
    "t >= CONVERT_TIMEZONE('America/New_York', 'UTC', TIMESTAMP '2024-03-10 02:00:00')",
    "NOT (t < TIMESTAMP '2024-01-01 00:00:00')", "TIMESTAMP '2024-01-01 00:00:00' <= t",
    "t >= '2024-01-01'", "(c IS NULL) = (s IS NULL)", "NOT (s = 'a')", "t IS NULL",
    "EXTRACT(QUARTER FROM t) = 1", "dt IS NULL OR t >= DATE '2024-01-01'", "i BETWEEN 0 AND 3",
    "t BETWEEN TIMESTAMP '2024-01-01 00:00:00' AND "
    "TIMESTAMP '2024-02-29 00:00:00'", "1 = 0", "UPPER(s) = 'A'", "x > 0", "i IN (1, 2, NULL)",
]  # fmt: skip


def query(rng: random.Random) -> str:
    ways = [_grouped, _grouped, _grouped, _plain, _plain, _special, _views, _joins]
    return rng.choice(ways)(rng)


def _where(rng: random.Random, common: bool = False) -> str:
    among = _FILTERS[:6] if common else _FILTERS
    picked = rng.sample(among, rng.choice([0, 0, 1] if common else [0, 0, 1, 1, 2]))
    return " WHERE " + " AND ".join(f"({f})" for f in picked) if picked else ""


def _source(rng: random.Random) -> str:
    return rng.choice(
        [
            "gold.f",
            "gold.f",
            "gold.f AS z",
            "(SELECT * FROM gold.f) AS q",
            "(SELECT * FROM gold.f WHERE i > 0) AS q",
            "sp.v_star",
            "(SELECT s, c, d, w, x, t, dt, ok, i, b FROM gold.f WHERE s IS NOT NULL) AS q",
            "(SELECT c AS s, s AS c, d, w, x, t, dt, ok, i + 1 AS i, b FROM gold.f) AS q",
            "(SELECT * FROM (SELECT * FROM (SELECT * FROM gold.f WHERE i < 6) AS p WHERE ok) AS q) "
            "AS r",
            "(SELECT * FROM sp.v_star WHERE d IS NOT NULL) AS q",
        ]
    )


def _grouped(rng: random.Random) -> str:
    common = rng.random() < 0.6  # what dashboards ask, and reflections are made for
    dims = rng.sample(_DIMS[:6] if common else _DIMS, rng.choice([0, 1, 1, 2, 2 if common else 3]))
    sums = rng.sample(_SUMS[:12] if common else _SUMS, rng.choice([1, 1, 2, 3]))
    outputs = [f"{e} AS g{n}" for n, e in enumerate(dims)]
    outputs += [f"{e} AS m{n}" for n, e in enumerate(sums)]
    text = f"SELECT {', '.join(outputs)} FROM {_source(rng)}{_where(rng, common)}"
    if dims:
        way = rng.random()
        if way < 0.6:
            text += " GROUP BY " + ", ".join(dims)
        elif way < 0.8:
            text += " GROUP BY " + ", ".join(str(n + 1) for n in range(len(dims)))
        else:
            text += " GROUP BY " + ", ".join(f"g{n}" for n in range(len(dims)))
        if rng.random() < 0.25:
            text += rng.choice([" HAVING COUNT(*) > 1", " HAVING SUM(d) > 0", " HAVING m0 > 1"])
        if rng.random() < 0.4:
            text += " ORDER BY " + ", ".join(f"g{n}" for n in range(len(dims)))
            if rng.random() < 0.5:
                text += f" LIMIT {rng.randint(1, 4)}"
    return text


def _plain(rng: random.Random) -> str:
    columns = rng.sample(list(COLUMNS), rng.randint(1, 4))
    outputs = rng.choice(["*", ", ".join(columns), ", ".join(columns), "i + 1 AS j, s"])
    if rng.random() < 0.2:
        outputs = "DISTINCT " + rng.choice(["s", "s, c", "i", "YEAR(t) AS y", "t"])
    return f"SELECT {outputs} FROM {_source(rng)}{_where(rng)}"


def _special(rng: random.Random) -> str:
    return rng.choice(
        [
            "SELECT k.region, SUM(f.d) AS v FROM gold.f f JOIN gold.k k ON f.s = k.s GROUP BY 1",
            "SELECT f.i, k.region FROM gold.f f LEFT JOIN gold.k k ON f.s = k.s WHERE f.i > 0",
            "SELECT f.i, k.region FROM gold.f f JOIN gold.k k USING (s)",
            "SELECT MAX(n) AS m FROM (SELECT s, COUNT(*) AS n FROM gold.f GROUP BY s) z",
            "SELECT s, d FROM gold.f WHERE d = (SELECT MAX(d) FROM gold.f)",
            "SELECT s, d FROM gold.f o WHERE d = (SELECT MAX(d) FROM gold.f p WHERE p.s = o.s)",
            "SELECT s FROM gold.f WHERE s IN (SELECT s FROM gold.k WHERE region = 'N')",
            "SELECT s, SUM(d) OVER (PARTITION BY s) AS w FROM gold.f",
            "SELECT s, SUM(SUM(d)) OVER () AS w FROM gold.f GROUP BY s",
            "SELECT s AS a FROM gold.f UNION ALL SELECT region FROM gold.k",
            "SELECT s AS a FROM gold.f UNION SELECT c FROM gold.f",
            "WITH q AS (SELECT s, SUM(d) AS v FROM gold.f GROUP BY s) SELECT * FROM q WHERE v > 0",
            "WITH f AS (SELECT 1 AS i) SELECT * FROM f",
            "SELECT a.s, COUNT(*) AS n FROM gold.f a JOIN gold.f b ON a.i = b.i GROUP BY a.s",
            "SELECT UPPER(s) AS s, SUM(d) AS v FROM gold.f GROUP BY s",
            "SELECT s AS c, COUNT(*) AS v FROM gold.f GROUP BY c",
            "SELECT i AS d, COUNT(*) AS n FROM gold.f GROUP BY d, i",
            "SELECT s AS k, COUNT(*) AS n FROM (SELECT c AS s FROM gold.f) q "
            "GROUP BY k HAVING n > 0",
            "SELECT s, SUM(d) AS i FROM gold.f GROUP BY s HAVING i > 1",
            "SELECT s, SUM(d) AS d FROM gold.f GROUP BY s ORDER BY d",
            "SELECT s, c, SUM(d) AS v FROM gold.f GROUP BY ROLLUP (s, c)",
            "SELECT COUNT(*) AS n FROM gold.f, gold.k",
            "SELECT s, COUNT(*) AS n FROM gold.f WHERE EXISTS "
            "(SELECT 1 FROM gold.k WHERE k.s = f.s) GROUP BY s",
            "SELECT SUM(d) FILTER (WHERE ok) AS v FROM gold.f",
            "SELECT (SELECT COUNT(*) FROM gold.f) AS n, region FROM gold.k",
            "SELECT s, ROW_NUMBER() OVER (PARTITION BY s ORDER BY s) AS r FROM gold.f",
            "SELECT f.* FROM gold.f f WHERE f.s = 'a'",
            "SELECT gold.f.s, SUM(gold.f.d) AS v FROM gold.f GROUP BY gold.f.s",
            'SELECT "S", SUM(D) AS v FROM gold.F GROUP BY "S"',
            "SELECT COUNT(*) AS n FROM gold.f HAVING COUNT(*) > 2",
            "SELECT s, t, SUM(d) AS v FROM gold.f GROUP BY s, t ORDER BY SUM(d), s, t",
            "SELECT DATE_TRUNC('month', t) AS t, SUM(d) AS v FROM gold.f GROUP BY t",
            "SELECT s, COUNT(*) AS n FROM (SELECT s, 1 AS k FROM gold.f) q GROUP BY k",
            "SELECT SUM(d) AS v, COUNT(*) AS n FROM gold.f LIMIT 50000",
            "SELECT COUNT(*) AS n FROM gold.f WHERE s = 'a' LIMIT 1 OFFSET 1",
            "SELECT COUNT(*) AS n FROM gold.f LIMIT 0",
            "SELECT k, COUNT(*) AS n FROM (SELECT s, 2 AS k FROM gold.f) q GROUP BY k, s",
            "SELECT s, COUNT(*) AS n FROM (SELECT s, 2 AS k FROM gold.f) q GROUP BY s, k "
            "ORDER BY k, s",
        ]
    )


def _views(rng: random.Random) -> str:
    return rng.choice(
        [
            "SELECT * FROM sp.v_line",
            "SELECT city, SUM(money) AS v FROM sp.v_line GROUP BY city",
            "SELECT up, COUNT(*) AS n, AVG(money) AS a FROM sp.v_line GROUP BY up",
            "SELECT city FROM sp.v_line WHERE money > 0",
            "SELECT * FROM sp.v_join WHERE region = 'N'",
            "SELECT region, SUM(d) AS v, COUNT(*) AS n FROM sp.v_join GROUP BY region",
            "SELECT region, YEAR(t) AS y, MAX(d) AS v FROM sp.v_join GROUP BY region, YEAR(t)",
            "SELECT s, COUNT(region) AS n FROM sp.v_left GROUP BY s",
            "SELECT region, d FROM sp.v_left",
            "SELECT s, SUM(total) AS v FROM sp.v_sums GROUP BY s",
            "SELECT SUM(n) AS v FROM sp.v_sums",
            "SELECT c, total FROM sp.v_sums WHERE n > 1",
            "SELECT city, COUNT(*) AS n, SUM(money) AS v FROM sp.v_over GROUP BY city",
            "SELECT money FROM sp.v_over",
            "SELECT o.city, l.up FROM sp.v_over o JOIN sp.v_line l ON o.city = l.city",
            "SELECT town, SUM(paid) AS v, COUNT(*) AS n FROM sp.v_deep2 GROUP BY town",
            "SELECT town, COUNT(number) AS n, MAX(paid) AS m FROM sp.v_deep3 WHERE number > 2 "
            "GROUP BY town",
            "SELECT DATE_TRUNC('month', at_time) AS m, SUM(paid) AS v FROM sp.v_deep4 GROUP BY 1",
            "SELECT DATE_TRUNC('week', at_time) AS m, NDV(town) AS v FROM sp.v_deep4 GROUP BY 1",
            "SELECT town, paid FROM sp.v_deep4",
            "SELECT DATE_TRUNC('year', day_of) AS y, SUM(paid) AS v, SUM(n) AS n FROM sp.v_daily "
            "GROUP BY 1",
            "SELECT town, SUM(n) AS n FROM sp.v_daily WHERE day_of >= DATE '2024-01-01' GROUP BY 1",
            "SELECT region, label, SUM(d) AS v FROM sp.v_deepjoin GROUP BY region, label",
            "SELECT s, COUNT(*) AS n, AVG(i) AS a FROM sp.v_both GROUP BY s",
            "SELECT s, ok, SUM(d) AS v, COUNT(*) AS n FROM sp.v_where GROUP BY s, ok",
            "SELECT YEAR(t) AS y, COUNT(DISTINCT s) AS n FROM sp.v_where WHERE s IS NULL "
            "GROUP BY 1",
            "SELECT a.town, b.n FROM sp.v_deep3 a JOIN sp.v_daily b ON a.town = b.town",
            "SELECT x.s FROM (SELECT s, SUM(d) AS v FROM sp.v_where GROUP BY s) x "
            "WHERE x.v IS NULL",
            "SELECT q.y, SUM(q.money) AS v FROM (SELECT YEAR(t) AS y, money FROM sp.v_line) q "
            "GROUP BY q.y",
        ]
    )


def _joins(rng: random.Random) -> str:
    """A join written out that a view has, or nearly has."""
    join = rng.choice(
        [
            "gold.f f JOIN gold.k k ON f.s = k.s",
            "gold.f f JOIN gold.k k ON k.s = f.s AND f.i > 0",
            "gold.k k JOIN gold.f f ON f.s = k.s",
            "gold.f f, gold.k k WHERE f.s = k.s",
            "gold.f f JOIN gold.k k ON f.c = k.s",
            "gold.f f LEFT JOIN gold.k k ON f.s = k.s",
            "gold.f f RIGHT JOIN gold.k k ON f.s = k.s",
            "gold.f f JOIN gold.k k ON f.s = k.s JOIN gold.u u ON u.s = f.s",
            "gold.u u JOIN gold.f f ON u.s = f.s JOIN gold.k k ON f.s = k.s AND f.i > 0",
            "gold.f f LEFT JOIN gold.u u ON u.s = f.s",
            "gold.f f LEFT JOIN gold.u u ON u.s = f.s LEFT JOIN gold.k k ON k.s = f.s",
            "gold.f f JOIN gold.u u ON u.s = f.s",
            "gold.f f JOIN gold.f g ON f.i = g.i JOIN gold.k k ON k.s = g.s",
            "gold.f f JOIN gold.k k ON f.s = k.s JOIN gold.k j ON j.s = f.s",
            "gold.f f",
        ]
    )
    tables = {name for name in "fkug" if f" {name}" in join}
    dims = ["f.s", "f.s", "YEAR(f.t)", "f.c", "CASE WHEN f.i > 2 THEN f.s END"]
    if "k" in tables:
        dims += ["k.region", "k.region", "region", "UPPER(k.region)", "k.s"]
    if "u" in tables:
        dims += ["u.label", "label", "u.label"]
    picked = rng.sample(dims, rng.choice([1, 1, 2]))
    outputs = ", ".join(f"{each} AS g{n}" for n, each in enumerate(picked))
    where = rng.choice(["", "", "f.i > 0", "f.i > 0 AND f.s = 'a'", "f.s IN ('a', 'b')", "f.ok"])
    if where:
        join += (" AND " if " WHERE " in join else " WHERE ") + where
    if rng.random() < 0.35:
        return f"SELECT {outputs}, f.d FROM {join}"
    sums = rng.sample(
        ["SUM(f.d)", "COUNT(*)", "COUNT(f.d)", "MAX(f.d)", "AVG(f.d)", "SUM(f.i)", "COUNT(f.s)"],
        rng.choice([1, 2]),
    )
    outputs += "".join(f", {each} AS m{n}" for n, each in enumerate(sums))
    text = f"SELECT {outputs} FROM {join} GROUP BY "
    text += ", ".join(rng.choice([picked, [f"g{n}" for n in range(len(picked))]]))
    return text + rng.choice(["", "", " HAVING COUNT(*) > 1", " ORDER BY g0", " HAVING SUM(d) > 0"])


def change(rng: random.Random) -> list[str]:
    """Return statements that change the rows, the columns or a view."""
    kind = rng.random()
    if kind < 0.5:
        return [f"INSERT INTO gold.f VALUES {rows(rng, rng.choice([1, 3, 12]))}"]
    if kind < 0.62:
        return ["DELETE FROM gold.f WHERE i = " + str(rng.randint(-3, 6))]
    if kind < 0.72:
        return ["UPDATE gold.f SET d = d + 1 WHERE s = 'a'"]
    if kind < 0.77:
        return ["TRUNCATE TABLE gold.f"]
    if kind < 0.81:
        return ["INSERT INTO gold.k VALUES ('ä', 'W')"]
    if kind < 0.84:
        return ["INSERT INTO gold.u VALUES ('a', 'again')"]
    if kind < 0.92:
        condition = f"i > {rng.randint(-1, 3)}"
        text = VIEWS["v_line"].replace("i > 1", condition)
        return [f"CREATE OR REPLACE VIEW sp.v_line AS {text}"]
    return [
        "CREATE OR REPLACE TABLE gold.k AS SELECT 'a' AS s, 'Z' AS region UNION ALL SELECT 'b', 'Q'"
    ]
