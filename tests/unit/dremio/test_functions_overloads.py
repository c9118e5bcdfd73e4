"""A function's overload is found for any kind of argument, aggregates and aliases too."""

from __future__ import annotations

import datetime as dt

from .conftest import Ask

_ROWS = "FROM (VALUES (1, DATE '2020-02-03'), (4, DATE '2020-03-04')) t(a, d)"


def test_over_aggregates(ask: Ask) -> None:
    rows = ask(
        "SELECT SUM(a) / COUNT(*), CAST(MAX(d) AS VARCHAR), DATE_TRUNC('MONTH', MAX(d)), "
        f"DATE_ADD(MIN(d), 3), YEAR(MAX(d)), TO_CHAR(MAX(d), 'YYYY/MM') {_ROWS}"
    )
    assert rows == [
        (2, "2020-03-04", dt.date(2020, 3, 1), dt.date(2020, 2, 6), 2020, "2020/03"),
    ]


def test_over_windows_aliases_and_outer_columns(ask: Ask) -> None:
    rows = ask(
        "SELECT d AS z, MONTH(z), DATE_DIFF(MAX(d) OVER (), d), "
        f"(SELECT YEAR(t.d)) {_ROWS} ORDER BY 1"
    )
    assert [row[1:] for row in rows] == [
        (2, dt.timedelta(days=30), 2020),
        (3, dt.timedelta(0), 2020),
    ]


def test_null_literals(ask: Ask) -> None:
    assert ask(
        "SELECT DATE_TRUNC('DAY', NULL), DATE_ADD(NULL, 1), HEX(NULL), YEAR(NULL), 5 / NULL, "
        "CAST(NULL AS VARCHAR)"
    ) == [(None,) * 6]


def test_no_overload_says_so(ask: Ask) -> None:
    import duckdb
    import pytest

    with pytest.raises(duckdb.Error, match="Cannot apply LSHIFT to arguments of type"):
        ask("LSHIFT(DATE '2020-01-01', 1)")


def test_not_like_any_is_the_opposite_of_like_any(ask: Ask) -> None:
    assert ask("'Spark' NOT LIKE ANY ('_park', '_mart')") is False
    assert ask("'Spark' NOT LIKE SOME ('meow', 'woof')") is True
    assert ask("'Spark' NOT LIKE ALL ('_park', '%ark')") is False


def test_json_with_bare_field_names_is_read_as_dremio_reads_it(ask: Ask) -> None:
    assert ask("""CONVERT_FROM('{a:1, "b,c:d": "{x:1}"}', 'json')""") == {"a": 1, "b,c:d": "{x:1}"}
