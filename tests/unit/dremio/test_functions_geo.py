# ruff: noqa: E501 - the reference's own lines
"""Geospatial: the examples of Dremio's reference."""

from __future__ import annotations

import pytest

from .conftest import Ask, same

CASES = [
    (
        "GEO_BEYOND(CAST(45.4408 AS FLOAT), CAST(12.3155 AS FLOAT), CAST(48.8566 AS FLOAT), CAST(2.3522 AS FLOAT), CAST(800000 AS DOUBLE))",
        True,
    ),
    (
        "GEO_DISTANCE(CAST(45.4408 AS FLOAT), CAST(12.3155 AS FLOAT), CAST(48.8566 AS FLOAT), CAST(2.3522 AS FLOAT))",
        842876.0300143225,
    ),
    (
        "GEO_NEARBY(CAST(45.4408 AS FLOAT), CAST(12.3155 AS FLOAT), CAST(48.8566 AS FLOAT), CAST(2.3522 AS FLOAT), CAST(800000 AS DOUBLE))",
        False,
    ),
    ("ST_FROMGEOHASH ('ezs42')['latitude']", 42.60498046875),
    ("ST_FROMGEOHASH ('ezs42')['longitude']", -5.60302734375),
    ("ST_GEOHASH (42.5049321, -5.7891234, 12)", "ezecu3b3ptss"),
    ("ST_GEOHASH (-82.306100, 37.554162)", "hc6ey8dh5quv0zpc8w2g"),
    ("ST_GEOHASH (-82.306100, 37.554162, 5)", "hc6ey"),
    ("ST_GEOHASH (3.14, -1.34)", "ebx1ce85zdrtde46u021"),
    ("ST_GEOHASH (3.14, -1.34, 5)", "ebx1c"),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_example(ask: Ask, sql: str, expected: object) -> None:
    assert same(ask(sql), expected)
