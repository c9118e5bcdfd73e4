"""Generated queries: the engine over Iceberg answers as bare DuckDB on the same rows.

`LAKELET_EXAMPLES` (default 60) says how many are tried.
"""

from __future__ import annotations

import datetime as dt
import math
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from adbc_driver_flightsql import dbapi
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.dremio import Dremio
from tests.support.platform import Home

EXAMPLES = int(os.environ.get("LAKELET_EXAMPLES", "60"))
quick = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="LAKELET_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
ROWS = """
(1, 'a', 10, 1.25, 0.5, TIMESTAMP '2024-01-31 23:30:00', DATE '2024-01-31', true),
(2, 'a', -7, -3.75, 1e10, TIMESTAMP '2024-03-10 07:15:00', DATE '2024-02-29', false),
(3, 'b', NULL, 100.00, -2.5, TIMESTAMP '1999-12-31 00:00:00', NULL, NULL),
(4, 'b', 3, NULL, NULL, NULL, DATE '2000-01-01', true),
(5, NULL, 3, 0.01, 3.0, TIMESTAMP '2024-11-03 06:30:00', DATE '2024-12-31', false),
(6, 'é''"', 100000, -0.10, 0.0, TIMESTAMP '2024-07-01 12:00:00', DATE '2024-07-01', true),
(7, '', -1, 99999999.99, 7.25, TIMESTAMP '1970-01-01 00:00:00', DATE '1970-01-01', NULL),
(8, 'A', 0, 0.00, -0.0, TIMESTAMP '2024-02-29 23:59:59.999', DATE '2024-01-31', false)
"""
COLUMNS = "id, g, n, d, f, ts, dt, b"
OTHER = "('a', 1, 5.5), ('a', 2, NULL), ('b', 3, -1.0), (NULL, 4, 2.0), ('zz', 5, 9.9)"


@dataclass(frozen=True)
class Both:
    """The same expression for the engine and for DuckDB."""

    dremio: str
    duckdb: str


def same(text: str) -> Both:
    return Both(text, text)


def joined(form: str, duck: str | None = None, *parts: Both) -> Both:
    return Both(
        form.format(*(p.dremio for p in parts)), (duck or form).format(*(p.duckdb for p in parts))
    )


INTEGERS = st.sampled_from([same(t) for t in ("t.id", "t.n", "2", "-3", "NULL", "t.n + t.id")])
DECIMALS = st.sampled_from([same(t) for t in ("t.d", "1.50", "t.d + 0.25", "-t.d", "t.d * 2")])
FLOATS = st.sampled_from([same(t) for t in ("t.f", "t.f / 4", "sqrt(abs(t.f))", "t.f * t.id")])
TEXTS = st.sampled_from([same(t) for t in ("t.g", "upper(t.g)", "t.g || 'x'", "'it''s'")])
BOOLEANS = st.sampled_from([same(t) for t in ("t.b", "t.n > 2", "t.g = 'a'", "t.d IS NULL")])
MOMENTS = st.sampled_from(
    [
        same("t.ts"),
        Both("DATE_TRUNC('MONTH', t.ts)", "date_trunc('month', t.ts)"),
        Both(
            "CONVERT_TIMEZONE('UTC', 'America/New_York', t.ts)",
            "(t.ts AT TIME ZONE 'UTC') AT TIME ZONE 'America/New_York'",
        ),
        Both(
            "CONVERT_TIMEZONE('Europe/Berlin', 'UTC', t.ts)",
            "(t.ts AT TIME ZONE 'Europe/Berlin') AT TIME ZONE 'UTC'",
        ),
        Both("TIMESTAMPADD(DAY, 3, t.ts)", "t.ts + INTERVAL 3 DAY"),
        Both("TIMESTAMPADD(MONTH, -1, t.ts)", "t.ts - INTERVAL 1 MONTH"),
    ]
)
OF_MOMENTS = st.builds(
    lambda m, part: joined(f"EXTRACT({part} FROM {{0}})", None, m),
    MOMENTS,
    st.sampled_from(["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "QUARTER"]),
)
COMPUTED = st.one_of(
    st.builds(
        lambda a, b: joined("({0} / NULLIF({1}, 0))", "({0} // nullif({1}, 0))", a, b),
        INTEGERS,
        INTEGERS,
    ),
    st.builds(lambda a, b: joined("({0} * {1})", None, a, b), st.just(same("t.id")), INTEGERS),
    st.builds(lambda a, b: joined("COALESCE({0}, {1})", None, a, b), INTEGERS, INTEGERS),
    st.builds(lambda a, b: joined("NULLIF({0}, {1})", None, a, b), TEXTS, TEXTS),
    st.builds(
        lambda c, a, b: joined("CASE WHEN {0} THEN {1} ELSE {2} END", None, c, a, b),
        BOOLEANS,
        DECIMALS,
        DECIMALS,
    ),
    st.builds(lambda a: joined("CAST({0} AS VARCHAR)", None, a), INTEGERS),
    st.builds(lambda a: joined("CAST({0} AS DOUBLE)", None, a), DECIMALS),
    st.builds(lambda a: joined("LENGTH({0})", "length({0})", a), TEXTS),
    OF_MOMENTS,
)
SCALARS = st.one_of(INTEGERS, DECIMALS, FLOATS, TEXTS, BOOLEANS, MOMENTS, COMPUTED)
CONDITIONS = st.one_of(
    BOOLEANS,
    st.builds(lambda a, b, o: joined(f"{{0}} {o} {{1}}", None, a, b), INTEGERS, INTEGERS,
              st.sampled_from(["=", "<>", "<", ">=", "IS DISTINCT FROM"])),
    st.builds(lambda a: joined("NOT ({0})", None, a), BOOLEANS),
    st.builds(lambda a: joined("{0} IN ('a', 'b', NULL)", None, a), TEXTS),
    st.builds(lambda a: joined("{0} LIKE '%a%'", None, a), TEXTS),
    st.builds(lambda a, b: joined("({0} OR {1})", None, a, b), BOOLEANS, BOOLEANS),
    st.just(same("EXISTS (SELECT 1 FROM {other} o WHERE o.g = t.g)")),
)  # fmt: skip
AGGREGATES = st.one_of(
    st.just(same("count(*)")),
    st.builds(lambda a: joined("sum({0})", None, a), DECIMALS),
    st.builds(lambda a: joined("sum({0})", None, a), st.sampled_from([same("t.n"), same("t.id")])),
    st.builds(lambda a: joined("avg({0})", None, a), st.sampled_from([same("t.n"), same("t.f")])),
    st.builds(lambda a: joined("min({0})", None, a), SCALARS),
    st.builds(lambda a: joined("max({0})", None, a), st.one_of(TEXTS, MOMENTS)),
    st.builds(lambda a: joined("count(DISTINCT {0})", None, a), SCALARS),
    st.builds(lambda a, c: joined("count({0}) FILTER (WHERE {1})", None, a, c), SCALARS, BOOLEANS),
)
# Dremio's NULLs are the highest values; DuckDB's are last unless told.
WINDOWS = st.builds(
    lambda function, order: Both(
        f"{function} OVER (PARTITION BY t.g ORDER BY {order})",
        f"{function} OVER (PARTITION BY t.g ORDER BY "
        + ", ".join(
            f"{part} NULLS {'FIRST' if part.endswith('DESC') else 'LAST'}"
            for part in order.split(", ")
        )
        + ")",
    ),
    st.sampled_from(
        ["row_number()", "rank()", "sum(t.d)", "lag(t.n)", "first_value(t.g)", "count(t.n)"]
    ),
    st.sampled_from(["t.n, t.id", "t.n DESC, t.id", "t.ts DESC, t.id DESC", "t.id"]),
)
FROMS = st.sampled_from(
    [
        "{t} t",
        "{t} t JOIN {other} o ON t.g = o.g",
        "{t} t LEFT JOIN {other} o ON t.g = o.g AND o.w > 1",
        "{t} t FULL JOIN {other} o ON t.id = o.w",
        "(SELECT * FROM {t} WHERE n IS NOT NULL) t CROSS JOIN (SELECT max(w) m FROM {other}) o",
    ]
)


@st.composite
def queries(draw: st.DrawFn) -> Both:
    source = same(draw(FROMS))
    where = draw(st.one_of(st.none(), CONDITIONS))
    if draw(st.booleans()):
        keys = draw(st.lists(st.one_of(TEXTS, BOOLEANS, OF_MOMENTS), max_size=2))
        values = draw(st.lists(AGGREGATES, min_size=1, max_size=3))
        outputs = [*keys, *values]
        group = " GROUP BY " + ", ".join(str(n + 1) for n in range(len(keys))) if keys else ""
    else:
        outputs = draw(st.lists(st.one_of(SCALARS, WINDOWS), min_size=1, max_size=4))
        group = ""
    distinct = "DISTINCT " if draw(st.booleans()) else ""

    def written(side: str) -> str:
        listed = ", ".join(f"{getattr(o, side)} AS c{n}" for n, o in enumerate(outputs))
        condition = f" WHERE {getattr(where, side)}" if where else ""
        return f"SELECT {distinct}{listed} FROM {getattr(source, side)}{condition}{group}"

    return Both(written("dremio"), written("duckdb"))


@pytest.fixture(scope="module")
def cursor(engine_home: Home, dremio: Dremio) -> Iterator[Any]:
    for name, columns, rows in (("diff", COLUMNS, ROWS), ("diff_other", "g, w, x", OTHER)):
        dremio.query(f"CREATE TABLE gold.{name} AS SELECT * FROM (VALUES {rows}) v({columns})")
    connection = dbapi.connect(
        engine_home.settings.flight_uri,
        db_kwargs={
            "username": engine_home.settings.admin_user,
            "password": engine_home.settings.admin_password.get_secret_value(),
        },
        autocommit=True,
    )
    with connection, connection.cursor() as opened:
        yield opened
    for name in ("diff", "diff_other"):
        dremio.query(f"DROP TABLE gold.{name}")


@pytest.fixture(scope="module")
def bare(cursor: Any) -> duckdb.DuckDBPyConnection:
    """DuckDB with the rows as the engine's tables hold them."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name, ours in (("diff", "t_rows"), ("diff_other", "o_rows")):
        cursor.execute(f"SELECT * FROM gold.{name}")
        table = cursor.fetch_arrow_table()
        connection.register("given", table)
        connection.execute(f"CREATE TABLE {ours} AS SELECT * FROM given")
        connection.unregister("given")
    counted = connection.execute("SELECT count(*), sum(id), sum(d) FROM t_rows").fetchone()
    assert counted == (8, 36, Decimal("100000097.40"))
    return connection


def normal(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return "nan" if math.isnan(value) else float(f"{value:.9g}") + 0.0
    if isinstance(value, Decimal):
        return value.normalize() + 0
    if isinstance(value, dt.datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000, tzinfo=None)
    return value


@quick
@given(both=queries())
def test_the_engine_answers_as_duckdb_on_the_same_rows(
    cursor: Any, bare: duckdb.DuckDBPyConnection, both: Both
) -> None:
    expected = bare.execute(
        both.duckdb.replace("{t}", "t_rows").replace("{other}", "o_rows")
    ).fetchall()
    cursor.execute(both.dremio.replace("{t}", "gold.diff").replace("{other}", "gold.diff_other"))
    found = cursor.fetchall()
    assert Counter(tuple(map(normal, row)) for row in found) == Counter(
        tuple(map(normal, row)) for row in expected
    ), both.dremio


ANY_TEXT = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=30
) | st.sampled_from(
    ["'", "''", "\\'", "';--", '"', "%s", "$1", "?", "{}", "/*", "--", "\n", "x'); "]
)
NAMES = ANY_TEXT.filter(lambda text: bool(text.strip()))


@quick
@given(value=ANY_TEXT, name=NAMES)
def test_a_literal_and_a_name_come_back_as_they_were(cursor: Any, value: str, name: str) -> None:
    literal, identifier = value.replace("'", "''"), name.replace('"', '""')
    cursor.execute(f"SELECT '{literal}' AS \"{identifier}\", length('{literal}') AS n")
    table = cursor.fetch_arrow_table()
    assert table.column_names[0] == name
    assert table.column(0).to_pylist() == [value]
    assert table.column(1).to_pylist() == [len(value)]


@quick
@given(value=ANY_TEXT)
def test_a_parameter_is_a_value_and_never_sql(cursor: Any, value: str) -> None:
    cursor.execute(
        "SELECT ? AS v, (SELECT count(*) FROM gold.diff WHERE g = ?) AS n", (value, value)
    )
    found = cursor.fetchall()
    known = {"a": 2, "b": 2, "é'\"": 1, "": 1, "A": 1}
    assert found == [(value, known.get(value, 0))]


@quick
@given(name=NAMES)
def test_a_name_that_is_no_table_is_not_found_and_reaches_nothing(cursor: Any, name: str) -> None:
    identifier = name.replace('"', '""')
    with pytest.raises(Exception, match=r"not found|expects|no table|cannot be empty") as caught:
        cursor.execute(f'SELECT * FROM gold."{identifier}-no"')
    assert "root:" not in str(caught.value)
