"""Superset prints again what it parsed: Dremio must get the SQL that the user wrote."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from services.superset.dialect import LakeletDremio

VERBATIM = [
    "SELECT TO_CHAR(x, 'YYYY') FROM t",
    "SELECT DATE_ADD(d, 7), DATE_DIFF(a, b), DATEDIFF(a, b)",
    "SELECT APPROX_COUNT_DISTINCT(x) FROM t",
    "SELECT STRPOS(a, 'b'), POSITION('b' IN a)",
    "SELECT LISTAGG(a, ',') WITHIN GROUP (ORDER BY a)",
    "SELECT COUNT(DISTINCT a), COUNT(*) FROM t",
    "SELECT TIMESTAMPDIFF(DAY, a, b)",
    "SELECT DATE_TRUNC('WEEK', c) AS w FROM \"a.b\".t GROUP BY DATE_TRUNC('WEEK', c)",
    "SELECT a FROM t ORDER BY a DESC NULLS FIRST, b NULLS FIRST, c DESC",
    "SELECT EXTRACT(YEAR FROM d), CAST(a AS DECIMAL(12, 2)), CAST(b AS VARCHAR)",
    "SELECT CURRENT_DATE, CURRENT_TIMESTAMP, NOW()",
    "SELECT TRIM(a), TRIM(LEADING FROM b), TRIM(BOTH 'a' FROM b)",
    "SELECT CONVERT_FROM(x, 'JSON'), FLATTEN(y), ILIKE(a, 'b%')",
    "SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY a) FROM t",
    "SELECT CEIL(1.5), FLOOR(a), MOD(a, 2), LOG(10, a), DECODE(a, 1, 2), CHR(65)",
    "SELECT SUM(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
    "SELECT * FROM t AT SNAPSHOT '123'",
    "SELECT * FROM t AT BRANCH main AS x",
    "SELECT * FROM TABLE(TABLE_SNAPSHOT('gold.t'))",
]


@pytest.mark.parametrize("sql", VERBATIM)
def test_statement_is_printed_as_written(sql: str) -> None:
    assert sqlglot.parse_one(sql, dialect=LakeletDremio).sql(dialect=LakeletDremio) == sql


def test_text_becomes_a_type_that_dremio_has() -> None:
    tree = sqlglot.parse_one("SELECT CAST(a AS TEXT)", dialect=LakeletDremio)
    assert tree.sql(dialect=LakeletDremio) == "SELECT CAST(a AS VARCHAR)"


def test_nulls_last_is_the_default_of_both_directions() -> None:
    tree = sqlglot.parse_one("SELECT a FROM t ORDER BY a DESC NULLS LAST", dialect=LakeletDremio)
    assert tree.sql(dialect=LakeletDremio) == "SELECT a FROM t ORDER BY a DESC"


def test_tables_and_limits_are_still_understood() -> None:
    tree = sqlglot.parse_one(
        "WITH x AS (SELECT STRPOS(a, 'b') FROM gold.t LIMIT 7) SELECT * FROM x, silver.u LIMIT 5",
        dialect=LakeletDremio,
    )
    assert {table.sql() for table in tree.find_all(exp.Table)} == {"gold.t", "x", "silver.u"}
    assert tree.args["limit"].expression.this == "5"
