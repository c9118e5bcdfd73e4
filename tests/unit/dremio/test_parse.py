"""Statements as Dremio writes them, read into what they ask for."""

from __future__ import annotations

import pytest

from services.dremio.sql import statements as s
from services.dremio.sql.parse import parse
from services.dremio.state.errors import DremioError, ErrorKind


def test_ctas_with_every_layout_clause() -> None:
    statement = parse(
        "CREATE OR REPLACE TABLE gold.f.t HASH PARTITION BY (a, month(d), bucket(4, b)) "
        "LOCALSORT BY (c) STORE AS (type => 'iceberg') AS (SELECT 1 AS a UNION ALL SELECT 2)"
    )
    assert isinstance(statement, s.CreateTable)
    assert statement.path == ("gold", "f", "t")
    assert statement.replace
    assert [(p.column, p.transform, p.argument) for p in statement.partition] == [
        ("a", "identity", None),
        ("d", "month", None),
        ("b", "bucket", 4),
    ]
    assert statement.sort == ["c"]
    assert statement.format == "iceberg"
    assert statement.query is not None


def test_create_table_with_columns_keeps_their_types() -> None:
    statement = parse('CREATE TABLE IF NOT EXISTS g.t (id INT NOT NULL, "My Col" DECIMAL(10, 2))')
    assert isinstance(statement, s.CreateTable)
    assert statement.if_not_exists
    assert [c.name for c in statement.columns] == ["id", "My Col"]
    assert statement.columns[1].args["kind"].sql("duckdb") == "DECIMAL(10, 2)"


def test_a_view_keeps_the_query_as_written() -> None:
    text = "select  A.b  /* why */ from x.y as A -- the end\nwhere b > 1"
    statement = parse(f"create or replace vds space.folder.v (one) as {text};")
    assert isinstance(statement, s.CreateView)
    assert statement.text == text
    assert statement.columns == ("one",)


@pytest.mark.parametrize("noun", ["TABLE", "PDS", "DATASET"])
def test_alter_metadata(noun: str) -> None:
    statement = parse(f"ALTER {noun} a.b REFRESH METADATA AUTO PROMOTION")
    assert statement == s.AlterMetadata(("a", "b"), "REFRESH")


def test_alter_columns() -> None:
    added = parse("alter table a.b add columns (x int, y varchar)")
    assert isinstance(added, s.AlterColumns)
    assert [c.name for c in added.add] == ["x", "y"]
    dropped = parse('alter table a.b drop column "x y"')
    assert isinstance(dropped, s.AlterColumns)
    assert dropped.drop == ["x y"]
    changed = parse("alter table a.b alter column x z bigint")
    assert isinstance(changed, s.AlterColumns)
    assert [(old, new.name) for old, new in changed.change] == [("x", "z")]


def test_show_describe_explain_use() -> None:
    assert parse("SHOW TABLES IN a.b LIKE 'x%'") == s.Show("TABLES", ("a", "b"), "x%")
    assert parse("show schemas") == s.Show("SCHEMAS")
    assert parse('DESCRIBE "a.b"."c"') == s.Describe(("a.b", "c"))
    explained = parse("EXPLAIN PLAN FOR SELECT 1")
    assert isinstance(explained, s.Explain)
    assert isinstance(explained.inner, s.Query)
    assert parse("USE a.b") == s.Use(("a", "b"))


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("INSERT INTO a.b (c) VALUES (1)", "INSERT"),
        ("UPDATE a.b SET c = 1", "UPDATE"),
        ("DELETE FROM a.b WHERE c = 1", "DELETE"),
        ("MERGE INTO a.b t USING s ON t.x = s.x WHEN MATCHED THEN UPDATE SET x = s.x", "MERGE"),
    ],
)
def test_dml_names_its_table(sql: str, kind: str) -> None:
    statement = parse(sql)
    assert isinstance(statement, s.Modify)
    assert (statement.kind, statement.path) == (kind, ("a", "b"))


@pytest.mark.parametrize(
    "sql",
    [
        "",
        ";",
        "selec 1",
        "SELECT 1; DROP TABLE x",
        "PRAGMA version",
        "ATTACH 'x.db'",
        "SET threads = 1",
        "INSTALL httpfs",
        "SELECT 'open",
        "CREATE TABLE t",
        "SHOW SCHEMAS nonsense",
    ],
)
def test_what_is_no_statement_is_a_parse_error(sql: str) -> None:
    with pytest.raises(DremioError) as caught:
        parse(sql)
    assert caught.value.kind is ErrorKind.PARSE


@pytest.mark.parametrize("sql", ["VACUUM CATALOG n"])
def test_what_dremio_has_and_we_have_not_says_so(sql: str) -> None:
    with pytest.raises(DremioError) as caught:
        parse(sql)
    assert caught.value.kind is ErrorKind.UNSUPPORTED_OPERATION


def test_a_parse_error_says_where() -> None:
    with pytest.raises(DremioError, match="line 2"):
        parse("SELECT 1 +\n FROM FROM x")


@pytest.mark.parametrize(
    ("sql", "means"),
    [
        ("SELECT 1 AS a MINUS SELECT 2", "SELECT 1 AS a EXCEPT SELECT 2"),
        ("(SELECT 1) MINUS ALL (SELECT 2)", "(SELECT 1) EXCEPT ALL (SELECT 2)"),
        ("SELECT minus, a AS minus FROM t", "SELECT minus, a AS minus FROM t"),
        ("SELECT a FROM t LIMIT ALL", "SELECT a FROM t"),
        ("SELECT a FROM t ORDER BY a LIMIT ALL OFFSET 2", "SELECT a FROM t ORDER BY a OFFSET 2"),
    ],
)
def test_words_that_mean_another(sql: str, means: str) -> None:
    got, wanted = parse(sql), parse(means)
    assert isinstance(got, s.Query)
    assert isinstance(wanted, s.Query)
    assert got.tree == wanted.tree
