"""Date and time: arithmetic: the examples of Dremio's reference."""

from __future__ import annotations

import datetime as dt

import pytest

from .conftest import Ask, same

CASES = [
    ("DATE_ADD('2022-01-01', 2)", dt.date(2022, 1, 3)),
    ("DATE_ADD('2022-01-01', -2)", dt.date(2021, 12, 30)),
    ("DATE_ADD(DATE '2022-01-01', 30)", dt.date(2022, 1, 31)),
    ("DATE_ADD(DATE '2022-01-01', -30)", dt.date(2021, 12, 2)),
    ("DATE_ADD('2022-01-01', CAST(2 AS INTERVAL DAY))", dt.datetime(2022, 1, 3, 0, 0)),
    ("DATE_ADD('2022-01-01', CAST(-2 AS INTERVAL DAY))", dt.datetime(2021, 12, 30, 0, 0)),
    ("DATE_ADD(DATE '2022-01-01', CAST(30 AS INTERVAL DAY))", dt.datetime(2022, 1, 31, 0, 0)),
    ("DATE_ADD('2022-01-01 12:00:00', CAST(30 AS INTERVAL DAY))", dt.datetime(2022, 1, 31, 0, 0)),
    ("DATE_ADD('2022-01-01 12:00:00', CAST(-30 AS INTERVAL DAY))", dt.datetime(2021, 12, 2, 0, 0)),
    (
        "DATE_ADD(TIMESTAMP '2022-01-01 12:00:00', CAST(30 AS INTERVAL DAY))",
        dt.datetime(2022, 1, 31, 12, 0),
    ),
    (
        "DATE_ADD(TIMESTAMP '2022-01-01 12:00:00', CAST(-30 AS INTERVAL DAY))",
        dt.datetime(2021, 12, 2, 12, 0),
    ),
    ("DATE_ADD(TIME '00:00:00', CAST(30 AS INTERVAL MINUTE))", dt.time(0, 30)),
    ("DATE_ADD(TIME '00:00:00', CAST(-30 AS INTERVAL MINUTE))", dt.time(23, 30)),
    ("DATE_DIFF(DATE '2022-01-01', 5)", dt.date(2021, 12, 27)),
    ("DATE_DIFF(DATE '2022-01-01', -5)", dt.date(2022, 1, 6)),
    ("DATE_DIFF(TIME '12:00:00', CAST(30 AS INTERVAL SECOND))", dt.time(11, 59, 30)),
    ("DATE_DIFF(TIME '12:00:00', CAST(30 AS INTERVAL MINUTE))", dt.time(11, 30)),
    ("DATE_DIFF(DATE '2022-01-01', CAST(30 AS INTERVAL DAY))", dt.datetime(2021, 12, 2, 0, 0)),
    ("DATE_DIFF(DATE '2022-01-01', CAST(30 AS INTERVAL MONTH))", dt.datetime(2019, 7, 1, 0, 0)),
    ("DATE_DIFF(TIMESTAMP '2022-01-01 12:35:23', 5)", dt.datetime(2021, 12, 27, 12, 35, 23)),
    ("DATE_DIFF(TIMESTAMP '2022-01-01 12:35:23', -5)", dt.datetime(2022, 1, 6, 12, 35, 23)),
    (
        "DATE_DIFF(TIMESTAMP '2022-01-01 01:00:00.000', CAST(30 AS INTERVAL SECOND))",
        dt.datetime(2022, 1, 1, 0, 59, 30),
    ),
    (
        "DATE_DIFF(TIMESTAMP '2022-01-01 01:00:00.000', CAST(30 AS INTERVAL MINUTE))",
        dt.datetime(2022, 1, 1, 0, 30),
    ),
    ("DATE_SUB('2022-01-01', 2)", dt.date(2021, 12, 30)),
    ("DATE_SUB('2022-01-01', -2)", dt.date(2022, 1, 3)),
    ("DATE_SUB(DATE '2022-01-01', 30)", dt.date(2021, 12, 2)),
    ("DATE_SUB(DATE '2022-01-01', -30)", dt.date(2022, 1, 31)),
    ("DATE_SUB('2022-01-01', CAST(2 AS INTERVAL DAY))", dt.datetime(2021, 12, 30, 0, 0)),
    ("DATE_SUB('2022-01-01', CAST(-2 AS INTERVAL DAY))", dt.datetime(2022, 1, 3, 0, 0)),
    ("DATE_SUB(DATE '2022-01-01', CAST(30 AS INTERVAL DAY))", dt.datetime(2021, 12, 2, 0, 0)),
    ("DATE_SUB('2022-01-01 12:00:00', CAST(30 AS INTERVAL DAY))", dt.datetime(2021, 12, 2, 0, 0)),
    ("DATE_SUB('2022-01-01 12:00:00', CAST(-30 AS INTERVAL DAY))", dt.datetime(2022, 1, 31, 0, 0)),
    (
        "DATE_SUB(TIMESTAMP '2022-01-01 12:00:00', CAST(30 AS INTERVAL DAY))",
        dt.datetime(2021, 12, 2, 12, 0),
    ),
    (
        "DATE_SUB(TIMESTAMP '2022-01-01 12:00:00', CAST(-30 AS INTERVAL DAY))",
        dt.datetime(2022, 1, 31, 12, 0),
    ),
    ("DATE_SUB(TIME '00:00:00', CAST(30 AS INTERVAL MINUTE))", dt.time(23, 30)),
    ("DATE_SUB(TIME '00:00:00', CAST(-30 AS INTERVAL MINUTE))", dt.time(0, 30)),
    ("DATEDIFF('2021-02-28', '2021-01-01')", 58),
    ("DATEDIFF('2005-04-09 12:05:55', '2003-02-01 11:43:22')", 798),
    ("DATETYPE(2020,1,2)", dt.date(2020, 1, 2)),
    ("MONTHS_BETWEEN('2018-11-01 10:30:00', '2019-02-28')", -3.870967741935484),
    ("NEXT_DAY('2015-01-14 12:05:55', 'TU')", dt.date(2015, 1, 20)),
    ("TIMESTAMPADD(DAY, 1, DATE '2021-04-01')", dt.date(2021, 4, 2)),
    (
        "TIMESTAMPADD(HOUR, -2, TIMESTAMP '2021-04-01 17:14:32')",
        dt.datetime(2021, 4, 1, 15, 14, 32),
    ),
    ("TIMESTAMPDIFF(MONTH, DATE '2021-02-01', DATE '2021-05-01')", 3),
    ("TIMESTAMPDIFF(DAY, TIMESTAMP '2003-02-01 11:43:22', TIMESTAMP '2005-04-09 12:05:55')", 798),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_example(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)
