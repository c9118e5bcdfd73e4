# ruff: noqa: E501 - the reference's own lines
"""Conversion: the examples of Dremio's reference."""

from __future__ import annotations

import pytest

from .conftest import Ask, same

CASES = [
    (
        'CONVERT_FROM(\'["apple", "strawberry", "banana"]\', \'json\')',
        ["apple", "strawberry", "banana"],
    ),
    (
        'CONVERT_FROM(\'{"name":"Gnarly", "age":7, "car":null}\', \'json\')',
        {"name": "Gnarly", "age": 7},
    ),
    (
        'TRY_CONVERT_FROM(\'["apple", "strawberry", "banana"]\' AS VARCHAR ARRAY)',
        ["apple", "strawberry", "banana"],
    ),
    (
        'TRY_CONVERT_FROM(\'{"name":"Gnarly", "age":7, "car":null}\' AS ROW(name VARCHAR, age INT))',
        {"name": "Gnarly", "age": 7},
    ),
    ('TRY_CONVERT_FROM(\'["apple", "strawberry", "banana"]\' AS ROW(name VARCHAR, age INT))', None),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_example(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)
