"""Arrays and maps: the examples of Dremio's reference."""

from __future__ import annotations

import pytest

from .conftest import Ask, same

CASES = [
    ("ARRAY_APPEND(ARRAY[1, 2], 3)", [1, 2, 3]),
    ("ARRAY_CAT(ARRAY[1, 2, 3], ARRAY[4, 5, 6])", [1, 2, 3, 4, 5, 6]),
    ('ARRAY_CONTAINS(CONVERT_FROM(\'["apple", "pear", "banana"]\', \'json\'), NULL)', None),
    ("ARRAY_CONTAINS(CONVERT_FROM('[\"apple\", \"pear\", \"banana\"]', 'json'), 'pear')", True),
    ("ARRAY_CONTAINS(CONVERT_FROM('[\"apple\", \"pear\", \"banana\"]', 'json'), 'grape')", False),
    ("ARRAY_GENERATE_RANGE(1, 5)", [1, 2, 3, 4]),
    ("ARRAY_GENERATE_RANGE(0, 16, 5)", [0, 5, 10, 15]),
    ("ARRAY_GENERATE_RANGE(0, -16, -5)", [0, -5, -10, -15]),
    ("ARRAY_GENERATE_RANGE(2, 2, 4)", []),
    ("ARRAY_GENERATE_RANGE(8, 2, 2)", []),
    ("ARRAY_GENERATE_RANGE(2, 8, -2)", []),
    ("ARRAY_GENERATE_RANGE(2, 2)", []),
    ("ARRAY_INSERT(ARRAY[1, 2, 3, 4, 5], 2, 55)", [1, 2, 55, 3, 4, 5]),
    ("ARRAY_INSERT(ARRAY[1, 2, 3], 6, 55)", [1, 2, 3, None, None, None, 55]),
    ("ARRAY_INSERT(ARRAY[1, 2, 3], -1, 55)", [1, 2, 55, 3]),
    ("ARRAY_POSITION(CAST(3 AS BIGINT), ARRAY[1, 2, 3])", 2),
    ("ARRAY_POSITION(4, ARRAY[1, 2, 3])", None),
    (
        "KVGEN(CONVERT_FROM('{\"obj\": 1, \"bar\": 10}', 'JSON'))",
        [{"key": "obj", "value": 1}, {"key": "bar", "value": 10}],
    ),
    ("ARRAY_POSITION(ARRAY[2,3], ARRAY[ARRAY[1,2], ARRAY[2,3]])", 1),
    ("ARRAY_PREPEND(1, ARRAY[2, 3])", [1, 2, 3]),
    ("ARRAY_REMOVE_AT(ARRAY[1, 2, 3], 1)", [1, 3]),
    ("ARRAY_REMOVE_AT(ARRAY[1, 2, 3], -1)", [1, 2]),
    ("ARRAY_REMOVE_AT(ARRAY[1, 2, 3], 10)", [1, 2, 3]),
    ("ARRAY_REMOVE(null, 2)", None),
    ("ARRAY_SIZE(ARRAY[1, 4, 5])", 3),
    ("ARRAY_TO_STRING(ARRAY[1, 2, 3], ',')", "1,2,3"),
    ("ARRAYS_OVERLAP(ARRAY['foo', 'bar'], ARRAY['bar', 'baz'])", True),
    ("ARRAYS_OVERLAP(ARRAY['foo', 'bar'], ARRAY['baz', 'qux'])", False),
    ("CARDINALITY(CONVERT_FROM('[1, 2, 3, 4, 5]', 'json'))", 5),
    ("SELECT MAP_KEYS(MAP_Col) FROM (SELECT MAP['a','1', 'b', '2'] as MAP_Col)", ["a", "b"]),
    ("SELECT MAP_VALUES(MAP_Col) FROM (SELECT MAP['a','1', 'b', '2'] as MAP_Col)", ["1", "2"]),
    ("SUBLIST(ARRAY[1,2,3,4,5], 0, 3)", [1, 2, 3]),
    ("SUBLIST(ARRAY[1,2,3,4,5], 3, 3)", [3, 4, 5]),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_example(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)
