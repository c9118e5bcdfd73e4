"""Regular expressions: the examples of Dremio's reference."""

from __future__ import annotations

import pytest

from services.dremio.sql.functions import lookaround

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


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("REGEXP_LIKE('foobar', 'foo(?=bar)')", True),
        ("REGEXP_LIKE('foobaz', 'foo(?=bar)')", False),
        ("REGEXP_MATCHES('price: 5', '(?<!cost): \\d')", True),
        ("REGEXP_LIKE('abab', '^(ab)\\1$')", True),
        ("REGEXP_LIKE('aaa', '^a++a$')", False),
        ("REGEXP_LIKE('a(?=b)', '\\Q(?=b)\\E$')", True),
        ("REGEXP_EXTRACT('width=42px', '(?<=width=)(\\d+)', 1)", "42"),
        ("REGEXP_EXTRACT('height=1', '(?<=width=)(\\d+)', 1)", ""),
        ("REGEXP_REPLACE('1234567', '(?<=\\d)(?=(?:\\d{3})+$)', ',')", "1,234,567"),
        ("REGEXP_REPLACE('aa bb', '(\\w)\\1', '<$1>')", "<a> <b>"),
        ("REGEXP_LIKE(CAST(NULL AS VARCHAR), 'a(?=b)')", None),
    ],
)
def test_what_re2_has_not(ask: Ask, sql: str, expected: object) -> None:
    assert ask(sql) == expected


def test_a_pattern_that_never_ends_is_stopped(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookaround, "_SECONDS", 0.05)
    with pytest.raises(Exception, match=r"took more than 0\.05 s"):
        ask(f"REGEXP_LIKE('{'a' * 80}!', '^(?=a)(a|aa|a.)+\\1$')")
