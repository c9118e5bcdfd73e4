"""Conditional and boolean: the examples of Dremio's reference."""

from __future__ import annotations

import pytest

from .conftest import Ask, same

CASES = [
    ("BOOLEANAND(TRUE, FALSE)", False),
    ("BOOLEANOR(TRUE, FALSE)", True),
    ("GREATEST(1, 5, 3, 8)", 8),
    ("NULL IS DISTINCT FROM NULL", False),
    ("NULL IS NOT DISTINCT FROM NULL", True),
    ("ISNULL('dremio')", False),
    ("'dremio' IS NULL", False),
    ("ISNOTNULL('dremio')", True),
    ("ISTRUE(1)", True),
    ("ISTRUE(FALSE)", False),
    ("ISTRUE(0)", False),
    ("ISNOTTRUE(1)", False),
    ("ISNOTTRUE(FALSE)", True),
    ("ISNOTTRUE(0)", True),
    ("LEAST(1, 5, 3, 8)", 1),
    ("NVL(NULL, 2)", 2),
    ("NVL(5, 2)", 5),
    ("(TIME '2:55:00', INTERVAL '1' HOUR) OVERLAPS (TIME '3:30:00', INTERVAL '2' HOUR)", True),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_example(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)
