"""Hashing: the examples of Dremio's reference."""

from __future__ import annotations

import pytest

from .conftest import Ask, same

CASES = [
    ("CRC32('Dremio')", 2212276499),
    ("CRC32(100)", 595022058),
    ("CRC32(-100)", 2938773767),
    ("HASH64('abc')", -5434086359492102041),
    ("HASH64(5.127)", -1149762993205326574),
    ("HASH64(null)", 0),
    ("HASH64('abc',123)", 1489494923063836066),
    ("MD5('Dremio')", "288e0e9ab8b8ac8737afefecf16f61fd"),
    ("SHA('Dremio')", "dda3f1ef53d1e82a4845ef5b2893b9d9c04bd3b1"),
    ("SHA1('Dremio')", "dda3f1ef53d1e82a4845ef5b2893b9d9c04bd3b1"),
    ("SHA256('Dremio')", "ffae26c65c486a4d9143cbb1a6829166f17dab711910fdfc5787b1a249bd9921"),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_example(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)
