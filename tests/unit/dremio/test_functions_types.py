"""Data types: the examples of Dremio's reference."""

from __future__ import annotations

import datetime as dt

import pytest

from .conftest import Ask, same

CASES = [
    ("CAST(3.14150 AS INTEGER)", 3),
    ("CAST(.167 AS INTEGER)", 0),
    ("CAST('2021-04-03' AS DATE)", dt.date(2021, 4, 3)),
    ("ISDATE('2021-04-22')", True),
    ("ISNUMERIC('13579')", True),
    ("ISNUMERIC('Hello World!')", False),
    ("TYPEOF(TRUE)", "BIT"),
    ("TYPEOF(100)", "INT"),
    ("TYPEOF(98.76)", "DECIMAL"),
    ("TYPEOF('2021-09-14')", "VARCHAR"),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_example(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)
