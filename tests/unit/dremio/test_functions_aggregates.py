"""Aggregate: the examples of Dremio's reference."""

from __future__ import annotations

import pytest

from .conftest import Ask, same

CASES = [
    ("AVG(3)", 3.0),
    ('"CORR"(100, 4)', float("nan")),
    ("'Spark' LIKE SOME ('meow', 'woof')", False),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_example(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)
