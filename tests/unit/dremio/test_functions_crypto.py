"""Cryptography: the examples of Dremio's reference."""

from __future__ import annotations

import pytest

from .conftest import Ask, same

CASES = [
    ("AES_DECRYPT(UNBASE64('UvicDn/xiUDmfSE+KYjjyw=='), 'mypassword123456')", "Dremio"),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_example(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)
