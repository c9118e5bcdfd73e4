# ruff: noqa: E501 - the reference's own lines
"""Date and time: formats and zones: the examples of Dremio's reference."""

from __future__ import annotations

import datetime as dt

import pytest

from .conftest import Ask, same

CASES = [
    (
        "convert_timezone('America/Los_Angeles', 'America/New_York', '2021-04-01 15:27:32')",
        dt.datetime(2021, 4, 1, 18, 27, 32),
    ),
    (
        "convert_timezone('America/Los_Angeles', 'America/New_York', timestamp '2021-04-01 15:27:32')",
        dt.datetime(2021, 4, 1, 18, 27, 32),
    ),
    ("convert_timezone('PST', 'EST', '2021-04-01 15:27:32')", dt.datetime(2021, 4, 1, 18, 27, 32)),
    (
        "convert_timezone('America/Los_Angeles', 'America/New_York', '2021-04-01')",
        dt.datetime(2021, 4, 1, 3, 0),
    ),
    (
        "convert_timezone('America/Los_Angeles', 'America/New_York', date '2021-04-01')",
        dt.datetime(2021, 4, 1, 3, 0),
    ),
    ("convert_timezone('EDT', '2021-04-01 15:27:32')", dt.datetime(2021, 4, 1, 11, 27, 32)),
    (
        "convert_timezone('PST', '+02:00', '2021-04-01 15:27:32')",
        dt.datetime(2021, 4, 2, 1, 27, 32),
    ),
    ("TO_CHAR(CAST('01:02:03' AS TIME) , 'HH:MI')", "01:02"),
    ("TO_CHAR(CAST('2021-02-11' AS DATE) , 'yyyy.mm.dd')", "2021.02.11"),
    ("TO_CHAR(10, '#')", "10"),
    ("TO_CHAR(7.5, '#.#')", "7.5"),
    (
        "TO_CHAR(CAST('2013-04-05 01:02:03' AS TIMESTAMP) , 'mm/dd/yyyy, hh:mi')",
        "04/05/2013, 01:02",
    ),
    ("TO_DATE(TIMESTAMP '2022-05-17 19:15:00.000')", dt.date(2022, 5, 17)),
    ("TO_DATE(1640131200)", dt.date(2021, 12, 22)),
    ("TO_DATE(1665131223.69)", dt.date(2022, 10, 7)),
    ("TO_DATE('2022-07-22.23', 'YYYY-MM-DD', 1)", None),
    ("TO_DATE('05/24/22', 'MM/DD/YY')", dt.date(2022, 5, 24)),
    ("TO_NUMBER('12374.0023', '#####.###')", 12374.002),
    ("TO_NUMBER('12374', '#####')", 12374.0),
    ("TO_TIME(1665131223)", dt.time(8, 27, 3)),
    ("TO_TIME('09:15:00.23232', 'HH:MI:SS', 1)", None),
    ("TO_TIME('09:15:00', 'HH:MI:SS')", dt.time(9, 15)),
    ("TO_TIME(1665131223.69)", dt.time(8, 27, 3)),
    ("TO_TIMESTAMP(52 * 365.25 * 86400)", dt.datetime(2022, 1, 1, 0, 0)),
    ("TO_TIMESTAMP('2022-03-15 01:02:03.1245', 'YYYY-MM-DD HH:MI:SS', 1)", None),
    ("TO_TIMESTAMP(1640131200)", dt.datetime(2021, 12, 22, 0, 0)),
    (
        "TO_TIMESTAMP('2021-07-31 01:02:03', 'YYYY-MM-DD HH:MI:SS')",
        dt.datetime(2021, 7, 31, 1, 2, 3),
    ),
    ("UNIX_TIMESTAMP('2021-12-22 13:44:11')", 1640180651),
    ("UNIX_TIMESTAMP('21-12-22', 'YY-MM-DD')", 1640131200),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_example(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)
