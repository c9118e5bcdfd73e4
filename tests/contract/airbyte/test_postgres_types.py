"""Every PostgreSQL type arrives as it was, or is noted as nulled."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from tests.contract.airbyte.client import Airbyte, rows
from tests.contract.airbyte.test_cdc import DEDUP, Cdc

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


ODD = """
CREATE DOMAIN {schema}.positive AS numeric(6, 3);
CREATE DOMAIN {schema}.small AS {schema}.positive;
CREATE TABLE odd (
    id int PRIMARY KEY, fine numeric(38, 38), nested {schema}.small, d date, t time, tz timestamptz,
    ds date[], stamps timestamp[], ints int[], texts text[], chars char(3)[], bytes bytea[],
    names name[]);
INSERT INTO odd VALUES
    (1, 0.12345678901234567890123456789012345678, 1.5, '0001-01-01', '23:59:59.999999',
     '9999-12-31 23:59:59.999999+00', '{{2024-01-01,NULL}}', '{{2024-01-01 00:00}}',
     '[0:1]={{7,8}}',
     '{{a,NULL,"{{b}}"}}', '{{a}}', ARRAY['\\xde'::bytea], '{{n}}'),
    (2, NULL, NULL, '10000-01-01', '24:00', '0044-03-15 BC', '{{0044-03-15 BC}}', '{{infinity}}',
     '{{{{1,2}},{{3,4}}}}', '{{{{a,b}},{{c,d}}}}', NULL, NULL, NULL),
    (3, NULL, 'NaN', 'infinity', NULL, '-infinity', '{{2024-01-01,-infinity}}', '{{10000-01-01}}',
     '{{}}', '{{}}', NULL, NULL, NULL);
"""


def test_odd_values_are_the_same_from_tables_and_log(airbyte: Airbyte) -> None:
    cdc = Cdc(airbyte, "odd_values", ODD.format(schema="odd_values"))
    try:
        connection = cdc.connect({"odd": DEDUP})
        airbyte.sync(connection)
        names = "fine, nested, d, t, tz, ds, stamps, ints, texts, chars, bytes, names"
        cdc.db.execute(f"INSERT INTO odd (id, {names}) SELECT id + 10, {names} FROM odd")  # type: ignore[arg-type]
        airbyte.sync(connection)
        noted = "list_sort([x.field FOR x IN _airbyte_meta.changes])"
        found = {row[0]: row[1:] for row in cdc.table("odd", f"id, {names}, {noted}")}
    finally:
        cdc.close()
    day, stamp = datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1)
    last = datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)
    plain = (
        Decimal("0.12345678901234567890123456789012345678"),
        Decimal("1.500"),
        datetime.date(1, 1, 1),
        last.time(),
        last.replace(tzinfo=datetime.UTC),
        [day, None],
        [stamp],
        [7, 8],
        ["a", None, "{b}"],
        ["a"],
        [b"\xde"],
        ["n"],
        [],
    )
    gone = ["d", "ds", "ints", "stamps", "t", "texts", "tz"]
    infinite = (*(None,) * 7, [], [], *(None,) * 3, ["d", "ds", "nested", "stamps", "tz"])
    expected = {1: plain, 2: (*(None,) * 12, gone), 3: infinite}
    assert {key: value for key, value in found.items() if key < 10} == expected
    assert {key - 10: value for key, value in found.items() if key > 10} == expected


def test_cursors_without_a_last_value(airbyte: Airbyte) -> None:
    """Nothing is above infinity and NaN, and of a uuid PostgreSQL knows no maximum."""
    values = {
        "moments": ("timestamptz", ["2024-01-01", "infinity"], "2024-01-02"),
        "numbers": ("float8", ["1.5", "NaN", "Infinity"], "2.5"),
        "keys": ("uuid", ["10000000-0000-0000-0000-000000000000"], "f" * 32),
    }
    mode = {"syncMode": "incremental", "destinationSyncMode": "append", "cursorField": ["c"]}
    with airbyte.shop() as db:
        db.execute("CREATE SCHEMA endless; SET search_path = endless")
        for name, (kind, first, _) in values.items():
            listing = ", ".join(f"('{value}')" for value in first)
            db.execute(f"CREATE TABLE {name} (c {kind}); INSERT INTO {name} VALUES {listing}")  # type: ignore[arg-type]
        source = airbyte.source(airbyte.postgres_config(schemas=["endless"]))
        connection = airbyte.connect(source, "endless", dict.fromkeys(values, mode))
        airbyte.sync(connection)
        for name, (_, _, later) in values.items():
            db.execute(f"INSERT INTO {name} VALUES ('{later}')")  # type: ignore[arg-type]
        airbyte.sync(connection)
    for name, (_, first, _) in values.items():
        counted = f"SELECT count(*), count(DISTINCT c) FROM bronze.endless.{name}"
        ((whole, distinct),) = rows(airbyte.settings, counted)
        assert whole == len(first) + 1, name
        assert distinct == whole - (name == "moments"), "infinity became null"
