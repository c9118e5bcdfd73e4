"""Regular expressions: the examples of Dremio's reference."""

from __future__ import annotations

import pytest

from .conftest import Ask, same

CASES = [
    ("REGEXP_EXTRACT('100-500', '(\\d+)-(\\d+)', 1)", "100"),
    ("REGEXP_EXTRACT('100-500', '(\\d+)-(\\d+)', 0)", "100-500"),
    ("REGEXP_EXTRACT('user@example.com', '([a-zA-Z0-9]+)@([a-zA-Z0-9.]+)', 2)", "example.com"),
    ("REGEXP_EXTRACT('(555) 123-4567', '(\\d{3})-(\\d{4})', 2)", "4567"),
    ("REGEXP_LIKE('the data lakehouse', '.*?\\Qlake\\E.*?')", True),
    ("REGEXP_MATCHES('the data lakehouse', '.*?\\Qlake\\E.*?')", True),
    ("REGEXP_REPLACE('8AM-4PM', '\\Q-\\E', ' to ')", "8AM to 4PM"),
    ("REGEXP_SPLIT('REGULAR AIR', 'R', 'FIRST', -1)", ["", "EGULAR AIR"]),
    ("REGEXP_SPLIT('REGULAR AIR', 'R', 'LAST', -1)", ["REGULAR AI", ""]),
    ("REGEXP_SPLIT('REGULAR AIR', 'R', 'INDEX', 1)", ["REGULA", " AIR"]),
    ("REGEXP_SPLIT('REGULAR AIR', 'R', 'ALL', 1)", [""]),
    ("REGEXP_SPLIT('REGULAR AIR', 'R', 'ALL', 2)", ["", "EGULA"]),
    ("REGEXP_SPLIT('REGULAR AIR', 'R', 'ALL', 3)", ["", "EGULA", " AI"]),
    ("REGEXP_SPLIT('REGULAR AIR', 'R', 'ALL', 4)", ["", "EGULA", " AI", ""]),
    ("'shortcakes' SIMILAR TO '%cake_'", True),
    ("'100%' SIMILAR TO '100!%' ESCAPE '!'", True),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_example(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)
