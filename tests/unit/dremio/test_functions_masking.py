"""Masking: the examples of Dremio's reference."""

from __future__ import annotations

import pytest

from .conftest import Ask, same

CASES = [
    ("MASK_FIRST_N('abcd-ABCD-1234')", "xxxx-ABCD-1234"),
    ("MASK_FIRST_N('abcd-ABCD-1234', 2)", "xxcd-ABCD-1234"),
    ("MASK_FIRST_N('Aa12-ABCD-1234', 4, 'U', 'u', '#')", "Uu##-ABCD-1234"),
    ("MASK_FIRST_N('abcd-ABCD-1234', 7, '', 'u', '')", "uuuu-XXCD-1234"),
    (
        "MASK_HASH('abcd-ABCD-1234')",
        "770d599256e3902a0aacc9750cd1ca7f34be182632ba3dca3d2eb6f31dcc3d59",
    ),
    ("MASK_LAST_N('abcd-ABCD-1234')", "abcd-ABCD-nnnn"),
    ("MASK_LAST_N('abcd-ABCD-1234', 2)", "abcd-ABCD-12nn"),
    ("MASK_LAST_N('abcd-ABCD-Aa12', 4, 'U', 'u', '#')", "abcd-ABCD-Uu##"),
    ("MASK_LAST_N('abcd-ABCD-1234', 7, '', 'u', '')", "abcd-ABXX-nnnn"),
    ("MASK_SHOW_FIRST_N('abcd-ABab-1234')", "abcd-XXxx-nnnn"),
    ("MASK_SHOW_FIRST_N('abcd-ABab-1234', 2)", "abxx-XXxx-nnnn"),
    ("MASK_SHOW_FIRST_N('Aa12-ABab-1234', 4, 'U', 'u', '#')", "Aa12-UUuu-####"),
    ("MASK_SHOW_FIRST_N('abcd-ABCD-1234', 2, '', 'u', '')", "abuu-XXXX-nnnn"),
    ("MASK_SHOW_LAST_N('ab12-ABab-1234', 2)", "xxnn-XXxx-nn34"),
    ("MASK_SHOW_LAST_N('Aa12-ABab-1234', 4, 'U', 'u', '#')", "Uu##-UUuu-1234"),
    ("MASK_SHOW_LAST_N('abcd-ABCD-1234', 2, '', 'u', '')", "uuuu-XXXX-nn34"),
    ("MASK('abcd-ABCD-1234')", "xxxx-XXXX-nnnn"),
    ("MASK('abcd-ABCD-1234', 'U', 'u', '#')", "uuuu-UUUU-####"),
    ("MASK('abcd-ABCD-1234', '', 'u', '')", "uuuu-XXXX-nnnn"),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_example(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)
