"""`/`: the types are those of Gandiva's DecimalTypeUtil, the digits those of exact arithmetic."""

from __future__ import annotations

import decimal
import random
from decimal import Decimal

import duckdb
import pytest

from services.dremio.sql.functions import parse, rewrite
from services.dremio.sql.functions.quotients import quotient_type

from .conftest import Ask

_EXACT = decimal.Context(prec=120, rounding=decimal.ROUND_HALF_UP)


@pytest.mark.parametrize(
    ("dividend", "divisor", "expected"),
    [
        ("DECIMAL(15,2)", "DECIMAL(15,2)", (33, 18)),
        ("DECIMAL(38,2)", "DECIMAL(38,2)", (38, 6)),
        ("DECIMAL(38,2)", "BIGINT", (38, 6)),
        ("DECIMAL(38,10)", "DECIMAL(4,2)", (38, 8)),
        ("DECIMAL(2,1)", "INTEGER", (13, 12)),
        ("SMALLINT", "DECIMAL(3,2)", (18, 6)),
        ("DECIMAL(2,2)", "DECIMAL(1,0)", (6, 6)),
        ("INTEGER", "BIGINT", None),
        ("DECIMAL(15,2)", "DOUBLE", None),
        ("VARCHAR", "DECIMAL(15,2)", None),
    ],
)
def test_the_type_follows_from_the_operands(
    dividend: str, divisor: str, expected: tuple[int, int] | None
) -> None:
    assert quotient_type(dividend, divisor) == expected


def _divided(
    database: duckdb.DuckDBPyConnection, dividend: str, divisor: str
) -> tuple[str, Decimal]:
    sql = rewrite(parse(f"SELECT {dividend} / {divisor} AS q")).sql("duckdb")
    found = database.cursor().sql(sql)
    kind, row = str(found.types[0]), found.fetchone()
    assert row is not None
    return kind, row[0]


def test_quotients_are_exact_to_their_last_digit(
    functions_database: duckdb.DuckDBPyConnection,
) -> None:
    chance = random.Random(7)  # noqa: S311 - the same numbers each time
    for _ in range(60):
        numbers, kinds = [], []
        for _side in range(2):
            precision = chance.randint(1, 15)
            scale = chance.randint(0, min(precision, 6))
            digits = chance.randint(1, 10 ** chance.randint(1, precision) - 1)
            numbers.append(Decimal(chance.choice((-1, 1)) * digits).scaleb(-scale))
            kinds.append(f"DECIMAL({precision},{scale})")
        wanted = quotient_type(*kinds)
        assert wanted is not None
        exact = _EXACT.divide(*numbers).quantize(Decimal(1).scaleb(-wanted[1]), context=_EXACT)
        operands = (f"CAST({n:f} AS {k})" for n, k in zip(numbers, kinds, strict=True))
        kind, got = _divided(functions_database, *operands)
        assert got == exact, (numbers, kinds)
        # One digit at least stands before the point here.
        assert kind == f"DECIMAL({max(wanted[0], wanted[1] + 1)},{wanted[1]})"


def test_long_numbers_are_divided_as_doubles(
    functions_database: duckdb.DuckDBPyConnection,
) -> None:
    large = "CAST('9' || REPEAT('0', 31) || '.50' AS DECIMAL(38, 2))"
    kind, got = _divided(functions_database, large, "CAST(3 AS DECIMAL(38, 2))")
    assert kind == "DECIMAL(38,6)"
    assert float(got) == pytest.approx(3e31)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 / CAST(2 AS DOUBLE)", 3.5),
        ("CAST(7.5 AS FLOAT) / 2", 3.75),
        ("1.0 / 3", Decimal("0.333333333333")),
        ("-2 / 3.0", Decimal("-0.666667")),
        ("1.5 / 0.5 / 2", Decimal("1.500000000000000000")),
        ("10 / '2'", 5),
        ("NULL / 2.5", None),
        ("CAST(NULL AS DECIMAL(5, 2)) / 2.5", None),
    ],
)
def test_quotients(ask: Ask, sql: str, expected: object) -> None:
    got = ask(sql)
    assert got == expected
    assert type(got) is type(expected)


_ROWS = (
    "(VALUES ('a', CAST(3.50 AS DECIMAL(10, 2))), ('a', CAST(1.25 AS DECIMAL(10, 2))), "
    "('b', CAST(0.25 AS DECIMAL(10, 2)))) t(k, x)"
)


def test_quotients_wherever_an_expression_stands(ask: Ask) -> None:
    share = f"SUM(x) / (SELECT SUM(x) FROM {_ROWS})"
    assert ask(f"SELECT k, {share} AS share FROM {_ROWS} GROUP BY k ORDER BY share DESC") == [
        ("a", Decimal("0.950000")),
        ("b", Decimal("0.050000")),
    ]
    assert ask(f"SELECT k FROM {_ROWS} GROUP BY k HAVING {share} > 0.5") == "a"
    assert ask(f"SELECT k, SUM(x) / SUM(SUM(x)) OVER () FROM {_ROWS} GROUP BY k ORDER BY 2") == [
        ("b", Decimal("0.050000")),
        ("a", Decimal("0.950000")),
    ]
    assert ask(f"SELECT COUNT(*) FROM {_ROWS} GROUP BY x / 2 / 3 ORDER BY x / 2 / 3") == [
        (1,), (1,), (1,),
    ]  # fmt: skip
    assert ask(f"SELECT k FROM {_ROWS} ORDER BY x / (SELECT MAX(x) FROM {_ROWS}) LIMIT 1") == "b"


@pytest.mark.parametrize("sql", ["1 / 0", "1.5 / 0", "1.5 / 0.0", "CAST(1 AS DOUBLE) / 0"])
def test_nothing_is_divided_by_zero(ask: Ask, sql: str) -> None:
    with pytest.raises(duckdb.Error, match="divide by zero"):
        ask(sql)
