"""URL: the examples of Dremio's reference."""

from __future__ import annotations

import pytest

from .conftest import Ask, same

CASES = [
    ("parse_url('http://dremio.com/path/p1.php?query=1', 'QUERY')", "query=1"),
    ("parse_url('http://dremio.com/path/p1.php?query=1&k1=v1', 'QUERY', 'k1')", "v1"),
    ("parse_url('http://dremio.com/path/p1.php?query=1&k1=v1', 'QUERY', 'k2')", None),
    ("parse_url('https://www.dremio.com/path/page.html', 'HOST')", "www.dremio.com"),
    ("parse_url('https://www.dremio.com/path/page.html?id=123', 'FILE')", "/path/page.html?id=123"),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_example(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)
