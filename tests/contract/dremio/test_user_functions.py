"""Functions that users write in SQL: scalar and tabular, in queries, views and each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.dremio import Dremio, JobFailed


@pytest.fixture(scope="module")
def run(dremio: Dremio) -> Iterator[Dremio]:
    dremio.query("CREATE SPACE fns")
    dremio.query(
        "CREATE TABLE gold.people AS SELECT * FROM (VALUES (1, 'ann', 10.5), (2, 'bob', 20.25), "
        "(3, 'cy', NULL)) t(id, name, amount)"
    )
    dremio.query("CREATE FUNCTION fns.area(w DOUBLE, h DOUBLE) RETURNS DOUBLE RETURN SELECT w * h")
    yield dremio
    dremio.query("DROP SPACE fns")
    dremio.query("DROP TABLE gold.people")


def test_a_scalar_function_takes_columns_aggregates_and_converts(run: Dremio) -> None:
    assert run.rows("SELECT fns.area(2, '3')") == [(6.0,)]
    assert run.rows("SELECT FNS.Area(sum(id), 2) FROM gold.people") == [(12.0,)]
    assert run.rows("SELECT area(id, 1) FROM gold.people WHERE area(id, 2) > 4", ["fns"]) == [
        (3.0,)
    ]
    for wrong, message in (
        ("fns.area(1)", "expecting 2 arguments"),
        ("fns.none(1)", "No match found for function signature fns.none"),
        ("none(1)", "No match found for function signature NONE"),
    ):
        with pytest.raises(JobFailed, match=message):
            run.query(f"SELECT {wrong}")


def test_a_body_that_reads_a_table_sees_the_argument_and_not_the_callers_columns(
    run: Dremio,
) -> None:
    # `id` is a column of the table it reads, of the caller's table and in the argument.
    run.query(
        "CREATE FUNCTION fns.name_of(wanted INT) RETURNS VARCHAR "
        "RETURN SELECT max(name) FROM gold.people p WHERE p.id = wanted"
    )
    assert run.rows("SELECT id, fns.name_of(id + 1) FROM gold.people ORDER BY id") == [
        (1, "bob"),
        (2, "cy"),
        (3, None),
    ]
    with pytest.raises(JobFailed, match="takes no aggregates"):
        run.query("SELECT fns.name_of(max(id)) FROM gold.people")


def test_a_body_cannot_reach_the_callers_columns(run: Dremio) -> None:
    with pytest.raises(JobFailed, match="'amount' not found"):
        run.query("CREATE FUNCTION fns.reach(x INT) RETURNS INT RETURN x + amount")


def test_functions_of_functions_in_a_view(run: Dremio) -> None:
    run.query("CREATE FUNCTION fns.twice(x INT) RETURNS INT RETURN x * 2")
    run.query("CREATE FUNCTION fns.four(x INT) RETURNS INT RETURN fns.twice(fns.twice(x))")
    run.query("CREATE VIEW fns.v AS SELECT fns.four(id) AS four FROM gold.people")
    assert run.rows("SELECT sum(four) FROM fns.v") == [(24,)]
    run.query("CREATE OR REPLACE FUNCTION fns.twice(x INT) RETURNS INT RETURN x * 3")
    assert run.rows("SELECT sum(four) FROM fns.v") == [(54,)]
    with pytest.raises(JobFailed, match="refers to itself"):
        run.query("CREATE OR REPLACE FUNCTION fns.twice(x INT) RETURNS INT RETURN fns.four(x)")


def test_a_tabular_function(run: Dremio) -> None:
    run.query(
        "CREATE FUNCTION fns.least(n INT) RETURNS TABLE (number BIGINT, who VARCHAR) "
        "RETURN SELECT id, name FROM gold.people WHERE id >= n"
    )
    result = run.query("SELECT * FROM TABLE(fns.least(1 + 1)) ORDER BY 1")
    assert [(c["name"], c["type"]["name"]) for c in result["schema"]] == [
        ("number", "BIGINT"),
        ("who", "VARCHAR"),
    ]
    assert [tuple(row.values()) for row in result["rows"]] == [(2, "bob"), (3, "cy")]
    joined = "SELECT p.amount FROM gold.people p JOIN TABLE(fns.least(2)) l ON l.number = p.id"
    assert run.rows(f"{joined} WHERE l.who = 'bob'") == [(20.25,)]
    with pytest.raises(JobFailed, match="use TABLE"):
        run.query("SELECT fns.least(1)")
    with pytest.raises(JobFailed, match="returns 1 columns, its query has 2"):
        run.query("CREATE FUNCTION fns.no() RETURNS TABLE (a INT) RETURN SELECT 1, 2")


def test_who_asks_is_the_user_of_the_query(run: Dremio) -> None:
    run.query(
        "CREATE FUNCTION fns.shown(v VARCHAR) RETURNS VARCHAR "
        "RETURN CASE WHEN query_user() = 'nobody' THEN v ELSE '***' END"
    )
    assert run.rows("SELECT DISTINCT fns.shown(name) FROM gold.people") == [("***",)]


def test_show_describe_and_drop(run: Dremio) -> None:
    run.query("CREATE FUNCTION fns.\"odd name\"(a DECIMAL(10, 2)) RETURNS VARCHAR RETURN 'x'")
    assert run.rows("SHOW FUNCTIONS LIKE 'odd%'") == [("fns.odd name",)]
    described = run.query('DESCRIBE FUNCTION fns."odd name"')["rows"][0]
    assert {k: described[k] for k in ("Name", "Input", "Returns", "Body")} == {
        "Name": "fns.odd name",
        "Input": "a DECIMAL(10, 2)",
        "Returns": "VARCHAR",
        "Body": "'x'",
    }
    assert run.rows("SELECT sql FROM sys.user_defined_functions WHERE name = 'fns.odd name'") == [
        ("'x'",)
    ]
    again = "FUNCTION fns.area(a INT) RETURNS INT RETURN a"
    with pytest.raises(JobFailed, match="same name already exists"):
        run.query(f"CREATE {again}")
    made = run.rows(f"CREATE FUNCTION IF NOT EXISTS {again.removeprefix('FUNCTION ')}")[0]
    assert made == (True, "Function [fns.area] was not created as it already exists.")
    assert run.rows('DROP FUNCTION fns."odd name"')[0][0] is True
    with pytest.raises(JobFailed, match="does not exist"):
        run.query('DROP FUNCTION fns."odd name"')
    assert run.rows('DROP FUNCTION IF EXISTS fns."odd name"')[0][0] is True


def test_the_catalog_shows_a_function(run: Dremio) -> None:
    found = run.http.get("/api/v3/catalog/by-path/fns/area").raise_for_status().json()
    assert found["entityType"] == "function"
    assert found["functionBody"] == "SELECT w * h"
    assert (found["functionArgList"], found["returnType"]) == ('"w" DOUBLE, "h" DOUBLE', "DOUBLE")
    assert found["owner"]["ownerType"] == "USER"
    space = run.http.get("/api/v3/catalog/by-path/fns").raise_for_status().json()
    assert {"FUNCTION"} <= {child["type"] for child in space["children"]}
