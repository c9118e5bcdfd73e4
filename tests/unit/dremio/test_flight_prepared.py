"""Parameters become literals where they stand, whatever they hold."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from services.dremio.sql.functions import parse
from services.dremio.state.errors import DremioError
from services.dremio.wire.flight.prepared import PreparedStatements, fill, literal, places


def test_only_parameters_are_places() -> None:
    sql = "SELECT '?', \"a?\", ? -- ?\n, /* ? */ ? FROM t"
    assert [sql[start:end] for start, end in places(sql)] == ["?", "?"]
    assert fill(sql, (1, "x")) == "SELECT '?', \"a?\", 1 -- ?\n, /* ? */ 'x' FROM t"


@given(st.text())
def test_a_text_stays_one_literal(value: str) -> None:
    if "\x00" in value:
        return
    (column,) = parse(fill("SELECT ?", (value,))).selects
    assert isinstance(column, exp.Literal)
    assert column.is_string
    assert column.name == value


@given(st.integers(-(2**63), 2**63 - 1))
def test_an_integer_keeps_its_value(value: int) -> None:
    (column,) = parse(fill("SELECT 5 - ?", (value,))).selects
    assert column.sql().replace("(", "").replace(")", "") == f"5 - {value}"


def test_the_number_of_parameters_has_to_fit() -> None:
    with pytest.raises(DremioError, match="1 parameters given, 2 in the statement"):
        fill("SELECT ?, ?", (1,))


def test_moments() -> None:
    zoned = dt.datetime(2024, 1, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert literal(zoned) == "TIMESTAMP '2024-01-01 10:00:00.000000'"
    assert literal(dt.time(1, 2, 3, 4)) == "TIME '01:02:03.000004'"


def test_a_statement_is_its_users_alone() -> None:
    kept = PreparedStatements()
    handle, _ = kept.create("SELECT 1", "anna")
    assert kept.get(handle, "anna").statements() == ["SELECT 1"]
    with pytest.raises(DremioError, match="no such prepared statement"):
        kept.get(handle, "bert")
    kept.close(handle, "bert")
    kept.close(handle, "anna")
    with pytest.raises(DremioError, match="no such prepared statement"):
        kept.get(handle, "anna")
