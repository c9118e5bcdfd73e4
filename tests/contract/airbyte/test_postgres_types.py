"""Every PostgreSQL type arrives as it was, or is noted as nulled."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from tests.contract.airbyte.client import Airbyte, rows

TABLE = """
CREATE TYPE mood AS ENUM ('fine', 'so-so');
CREATE DOMAIN positive AS numeric(6, 3) CHECK (VALUE > 0);
CREATE TABLE types (
    id int PRIMARY KEY, n2 numeric(10, 2), n numeric, wide numeric(60, 5), dom positive,
    tz timestamptz, ts timestamp, d date, t time, ttz timetz, i interval, j json, jb jsonb,
    ints int[], texts text[], moods mood[], nums numeric(4, 1)[], u uuid, b bytea, m mood,
    r int4range, ip inet, p point, f4 float4, f8 float8, bo boolean, c char(5), bits bit(3),
    "Odd Name's" text, money money);
INSERT INTO types VALUES (
    1, 12.34, 1.12345678901234567890123, 123456789012345678901234567890.12345, 1.5,
    '2024-02-29 12:00:00.123456+02', '2024-02-29 12:00:00.123456', '2024-02-29', '10:11:12.5',
    '10:00+02', '1 day 2 hours', '{"a": 1}', '{"b": [1, 2]}', '{1,NULL,3}', '{a,"b,c"}',
    '{fine}', '{1.1,2.2}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\xdead00', 'so-so', '[1,5)',
    '10.0.0.1', '(1,2)', 1.5, 2.5, true, 'ab', '101', 'x', 12.5);
"""


@pytest.fixture(scope="module")
def synced(airbyte: Airbyte) -> str:
    with airbyte.shop() as db:
        db.execute(TABLE)
    full = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
    connection = airbyte.connect(
        airbyte.source(airbyte.postgres_config()), "types", {"types": full}
    )
    airbyte.sync(connection)
    return connection


def test_values_arrive_exactly(airbyte: Airbyte, synced: str) -> None:
    names = (
        "n2, n, wide, dom, tz, ts, d, t, jb, ints, texts, moods, nums, u, b, m, r, p, f4, f8, bo,"
        ' bits, "Odd Name\'s", i'
    )
    found = rows(airbyte.settings, f"SELECT {names} FROM bronze.types.types WHERE id = 1")[0]
    assert found == (
        Decimal("12.34"),
        "1.12345678901234567890123",
        "123456789012345678901234567890.12345",
        Decimal("1.500"),
        datetime.datetime(2024, 2, 29, 10, 0, 0, 123456, tzinfo=datetime.UTC),
        datetime.datetime(2024, 2, 29, 12, 0, 0, 123456),
        datetime.date(2024, 2, 29),
        datetime.time(10, 11, 12, 500000),
        '{"b": [1, 2]}',
        [1, None, 3],
        ["a", "b,c"],
        ["fine"],
        "{1.1,2.2}",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        b"\xde\xad\x00",
        "so-so",
        "[1,5)",
        "(1,2)",
        1.5,
        2.5,
        True,
        "101",
        "x",
        "1 day 02:00:00",
    )


def test_values_without_a_place_are_null_and_noted(airbyte: Airbyte, synced: str) -> None:
    with airbyte.shop() as db:
        db.execute("INSERT INTO types (id, n2, tz, d) VALUES (2, 'NaN', 'infinity', '-infinity')")
        db.execute("INSERT INTO types (id, n) VALUES (3, 'NaN')")
    airbyte.sync(synced)
    found = rows(
        airbyte.settings,
        "SELECT n2, tz, d, list_sort([x.field FOR x IN _airbyte_meta.changes])"
        " FROM bronze.types.types WHERE id = 2",
    )
    assert found == [(None, None, None, ["d", "n2", "tz"])]
    rest = rows(
        airbyte.settings,
        "SELECT id, n, len(_airbyte_meta.changes) FROM bronze.types.types WHERE id <> 2 ORDER BY 1",
    )
    assert rest == [(1, "1.12345678901234567890123", 0), (3, "NaN", 0)]
