"""Names in queries: resolved through the catalog, or refused."""

from __future__ import annotations

import pytest
from sqlglot import exp

from services.dremio.sql.parse import parse
from services.dremio.sql.resolve import Physical, Relation, View, resolve
from services.dremio.sql.statements import Path, Query
from services.dremio.sql.user_functions import Function
from services.dremio.state.errors import DremioError


def tree(sql: str) -> exp.Expression:
    statement = parse(sql)
    assert isinstance(statement, Query)
    return statement.tree


class Shelf:
    """A catalog of a few tables and views, by lower-cased path."""

    def __init__(self, **views: str) -> None:
        self.views = {("sp", name): text for name, text in views.items()}

    def lookup(self, path: Path, table: exp.Table) -> Relation | None:
        low = tuple(part.lower() for part in path)
        if low == ("gold", "f", "t"):
            return Physical(("gold", "f", "t"), "gold#1", "lake.f", "t")
        if low in self.views:
            return View(low, tree(self.views[low]), ("gold", "f"))
        return None

    def table_function(self, call: exp.Func, context: Path) -> Relation | Path | None:
        return None

    def function(self, path: Path) -> Function | None:
        return None

    def guard(self, path: Path, table: exp.Table) -> None:
        return None

    def entering(self, path: Path) -> Shelf:
        return self


def resolved(sql: str, context: Path = (), **views: str) -> str:
    return resolve(tree(sql), context, Shelf(**views)).sql("duckdb")


def test_a_table_gets_its_name_in_the_database_and_keeps_its_own() -> None:
    sql = resolved("SELECT t.a, Gold.F.T.b FROM gold.f.t")
    assert 'FROM "gold#1"."lake.f"."t" AS "t"' in sql
    assert 'T.b AS "b"' in sql


def test_context_is_looked_at_first_and_dots_in_one_identifier_mean_a_path() -> None:
    assert '"gold#1"' in resolved("SELECT a FROM t", ("gold", "f"))
    assert '"gold#1"' in resolved('SELECT a FROM "gold.f".t')


def test_columns_are_called_as_the_query_spells_them_and_expressions_expr_n() -> None:
    sql = resolved("SELECT Id, a + 1, count(*) AS n, 'x' FROM gold.f.t GROUP BY 1, 2")
    assert 'Id AS "Id", a + 1 AS "EXPR$1", COUNT(*) AS n, \'x\' AS "EXPR$3"' in sql


def test_a_view_is_put_in_place_with_its_own_context() -> None:
    sql = resolved("SELECT * FROM sp.v WHERE x = 1", v="SELECT a AS x FROM t")
    assert sql.startswith('SELECT * FROM (SELECT a AS x FROM "gold#1"."lake.f"."t" AS "t") AS "v"')


def test_ctes_hide_tables_only_where_they_are_seen() -> None:
    sql = resolved("WITH t AS (SELECT a FROM t) SELECT * FROM t", ("gold", "f"))
    assert sql.count('"gold#1"') == 1
    with pytest.raises(DremioError, match="'c' not found"):
        resolved("SELECT * FROM (WITH c AS (SELECT 1 AS a) SELECT * FROM c) x, c")


def test_a_view_that_comes_back_to_itself_is_refused() -> None:
    with pytest.raises(DremioError, match=r"refers to itself: sp\.v → sp\.w → sp\.v"):
        resolved("SELECT * FROM sp.v", v="SELECT * FROM sp.w", w="SELECT * FROM SP.V")


@pytest.mark.parametrize(
    "source",
    [
        "'/etc/passwd'",
        '"/etc/passwd"',
        "nope",
        "gold.f.nope",
        "sqlite_master",
        "pg_catalog.pg_class",
    ],
)
def test_nothing_is_left_for_the_database_to_find_by_itself(source: str) -> None:
    with pytest.raises(DremioError, match="not found"):
        resolved(f"SELECT * FROM {source}")


@pytest.mark.parametrize(
    "call",
    [
        "read_csv('/etc/passwd')",
        "read_text('/x')",
        "glob('*')",
        "duckdb_secrets()",
        "query('select 1')",
    ],
)
def test_table_functions_of_the_database_cannot_be_reached(call: str) -> None:
    for sql in (f"SELECT * FROM {call}", f"SELECT * FROM TABLE({call})"):
        with pytest.raises(DremioError):
            resolved(sql)
