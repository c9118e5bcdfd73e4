# ruff: noqa: E501 - the reference's own lines
"""Binary: the examples of Dremio's reference."""

from __future__ import annotations

import pytest

from .conftest import Ask, same

CASES = [
    ("BASE64(AES_ENCRYPT('Dremio', 'mypassword123456'))", "UvicDn/xiUDmfSE+KYjjyw=="),
    ("BASE64('Dremio')", "RHJlbWlv"),
    ("BIN(100)", "1100100"),
    ("BIN(-100)", "11111111111111111111111110011100"),
    ("BIN(null)", None),
    (
        "CONVERT_REPLACEUTF8(BINARY_STRING('These characters cannot be converted — \\xa0\\xa1'), 'b')",
        "These characters cannot be converted — bb",
    ),
    ("HEX('Dremio')", "4472656D696F"),
    ("HEX(2023)", "7E7"),
    ("is_utf8('hello')", True),
    ("STRING_BINARY(BINARY_STRING('Dremio'))", "Dremio"),
    ("STRING_BINARY(FROM_HEX('54455354111213'))", "TEST\\x11\\x12\\x13"),
    ("to_hex(binary_string('hello'))", "68656C6C6F"),
    ("CAST(UNBASE64('RHJlbWlv') AS VARCHAR)", "Dremio"),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_example(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)
