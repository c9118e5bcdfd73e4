"""Dremio's two ways to write a column's type, in CREATE TABLE and ALTER TABLE."""

from __future__ import annotations

import pytest

from services.dremio.sql.parse import parse
from services.dremio.sql.statements import AlterColumns, CreateTable
from services.dremio.state.errors import DremioError

TYPES = [
    ("LIST<VARCHAR>", "TEXT[]"),
    ("ARRAY(INT)", "INT[]"),
    ("ARRAY<LIST<INT>>", "INT[][]"),
    ("MAP<VARCHAR, DECIMAL(10, 2)>", "MAP(TEXT, DECIMAL(10, 2))"),
    ("STRUCT<a: VARCHAR, b: LIST<INT>>", "STRUCT(a TEXT, b INT[])"),
    ("ROW(a INT, b ROW(c ARRAY(INT)))", "STRUCT(a INT, b STRUCT(c INT[]))"),
]


@pytest.mark.parametrize(("written", "duckdb"), TYPES)
def test_both_ways(written: str, duckdb: str) -> None:
    made = parse(f"CREATE TABLE a.t (id INT, x {written}, y DATE NOT NULL)")
    assert isinstance(made, CreateTable)
    assert [column.name for column in made.columns] == ["id", "x", "y"]
    assert made.columns[1].args["kind"].sql("duckdb") == duckdb
    changed = parse(f"ALTER TABLE a.t ADD COLUMNS (x {written}, y INT)")
    assert isinstance(changed, AlterColumns)
    assert [column.name for column in changed.add] == ["x", "y"]


def test_what_the_parser_met_is_told_in_words() -> None:
    with pytest.raises(DremioError, match="Expected table name but the statement ends") as refused:
        parse("SELECT 1 FROM")
    assert "Token" not in str(refused.value)
