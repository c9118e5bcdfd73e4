"""Bitwise: the examples of Dremio's reference."""

from __future__ import annotations

import pytest

from .conftest import Ask, same

CASES = [
    ("BITWISE_AND(7, 4)", 4),
    ("BITWISE_AND(1, 2)", 0),
    ("BITWISE_NOT(0)", -1),
    ("BITWISE_NOT(9223372036854775807)", -9223372036854775808),
    ("BITWISE_OR(7, 4)", 7),
    ("BITWISE_OR(1, 2)", 3),
    ("BITWISE_XOR(7, 4)", 3),
    ("BITWISE_XOR(1, 2)", 3),
    ("LSHIFT(1, 120)", 16777216),
    ("LSHIFT(16, 1)", 32),
    ("RSHIFT(1,1)", 0),
    ("RSHIFT(CAST(16 AS BIGINT), CAST(2 AS BIGINT))", 4),
    ("XOR(1, 1)", 0),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_example(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)
