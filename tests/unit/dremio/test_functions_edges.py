# ruff: noqa: E501 - a case a line
"""The edges of functions where DuckDB and Dremio part: empty strings, zero, zones, letters."""

from __future__ import annotations

import datetime as dt
import math

import duckdb
import pytest

from services.dremio.state.duckdb_errors import translate
from services.dremio.state.errors import DremioError

from .conftest import Ask, same

_HOUR = "'YYYY-MM-DD\"T\"HH24:MI:SS.FFFTZO'"
_ZONE = "'YYYY-MM-DD\"T\"HH24:MI:SS.FFFTZD'"

CASES = [
    ("LPAD('abcdef', 10, '')", "abcdef"),
    ("LPAD('abcdef', 2, '')", "ab"),
    ("LPAD('abcdef', -3, 'abc')", ""),
    ("LPAD('abcdef', 10, 1)", "1111abcdef"),
    ("RPAD('abcdef', 10, '')", "abcdef"),
    ("RPAD('abcdef', 10, 'AB')", "abcdefABAB"),
    ("POSITION('', 'AabcabcB')", 0),
    ("LOCATE('', '', 5)", 0),
    ("LOCATE('bar', 'çç1bar2bar', 5)", 8),
    ("STRPOS('', '')", 0),
    ("STRPOS('a', NULL)", None),
    ("SOUNDEX('123')", None),
    ("SELECT SOUNDEX(a) FROM (VALUES ('Miller'), ('1'), (NULL)) t(a)", [("M460",), (None,), (None,)]),
    ("ASCII('a')", 97),
    ("ASCII('é')", -61),
    ("ASCII('अ')", -32),
    ("ASCII('😀')", -16),
    ("PARSE_URL('http://dremio.com', 'PATH')", ""),
    ("PARSE_URL('http://dremio.com', 'FILE')", ""),
    ("PARSE_URL('http://dremio.com', 'QUERY')", None),
    ("PARSE_URL('nothing', 'PATH')", None),
    ("MOD(101, 0)", 101),
    ("7 % 0", 7),
    ("MOD(-7, 3)", -1),
    ("MOD(7, NULL)", None),
    ("COT(1)", 1 / math.tan(1)),
    ("COT(0)", math.tan(math.pi / 2)),
    ("DECODE(2, 1, 'hello', 2, 'good bye')", "good bye"),
    ("DECODE(3, 1, 'hello', 2, 'good bye')", None),
    ("DECODE(NULL, 1, 'one', NULL, 'none', 'other')", "none"),
    ("DECODE(5, 1, 'one', 'other')", "other"),
    ("CONVERT_TIMEZONE('IST', TIMESTAMP '2020-06-03 23:33:20')", dt.datetime(2020, 6, 4, 1, 33, 20)),
    ("CONVERT_TIMEZONE('NPT', TIMESTAMP '2020-06-03 20:00:00')", dt.datetime(2020, 6, 4, 1, 45)),
    (f"TO_TIMESTAMP('2018-11-23T15:36:00.000PST', {_ZONE})", dt.datetime(2018, 11, 23, 23, 36)),
    (f"TO_TIMESTAMP('2018-11-23T15:36:00.000PDT', {_ZONE})", dt.datetime(2018, 11, 23, 22, 36)),
    (f"TO_TIMESTAMP('2018-11-23T15:36:00.000+01:00', {_HOUR})", dt.datetime(2018, 11, 23, 14, 36)),
    (f"TO_TIMESTAMP('2018-11-23T15:36:00.000-0800', {_HOUR})", dt.datetime(2018, 11, 23, 23, 36)),
    (f"UNIX_TIMESTAMP('1970-01-01T01:00:00.000-01:00', {_HOUR})", 7200),
    (f"TO_TIMESTAMP('2018-11-23T15:36:00.000XYZ', {_ZONE}, 1)", None),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_edge(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("LOCATE('b', 'abc', 0)", "must be greater than 0"),
        ("SPLIT_PART('a.b', '.', 0)", "Index in split_part must be positive"),
        ("CONVERT_TIMEZONE('+24:00', 'UTC', TIMESTAMP '2020-06-03 00:00:00')", "-18 to 18"),
        ("TO_TIMESTAMP('PST 2018', 'TZD YYYY')", "'TZD' is read at the end only"),
        (
            "TIMESTAMPTYPE(2020, 1, 2)",
            "Invalid number of arguments to function 'TIMESTAMPTYPE'. Was expecting 7 arguments",
        ),
        (
            "ARRAY_SLICE(ARRAY[1])",
            "Invalid number of arguments to function 'ARRAY_SLICE'. Was expecting 2 or 3 arguments",
        ),
        ("LEVENSHTEIN('a', 1.5)", "Cannot apply 'LEVENSHTEIN' to arguments of type 'LEVENSHTEIN("),
    ],
)
def test_refused(ask: Ask, sql: str, words: str) -> None:
    with pytest.raises((DremioError, duckdb.Error)) as refused:
        ask(sql)
    assert words in str(translate(refused.value))
