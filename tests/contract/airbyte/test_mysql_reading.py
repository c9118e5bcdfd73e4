"""A real MariaDB: every type arrives as it was, and errors say what to do."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from services.airbyte.sources.mysql.connecting import session
from services.airbyte.sources.mysql.tables import believed_size, find_tables
from tests.contract.airbyte.client import MYSQL, Airbyte, Json, rows
from tests.support.mariadb import DATABASE, MariaDB

FULL = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}

TYPES = """
CREATE TABLE types (
    id int PRIMARY KEY, ti tinyint, tu tinyint unsigned, tb tinyint(1), bo boolean,
    si smallint, su smallint unsigned, mi mediumint, mu mediumint unsigned, iu int unsigned,
    bi bigint, bu bigint unsigned, de decimal(10,2), de0 decimal(5,0), du decimal(12,3) unsigned,
    dw decimal(60,20), f float, d double, bit1 bit(1), bit9 bit(9), da date, t time, t6 time(6),
    dt datetime, dt6 datetime(6), ts timestamp(6) NULL, y year, c char(5), v varchar(20),
    lt longtext,
    lat varchar(20) CHARACTER SET latin1, cb varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    bin binary(4), vb varbinary(20), bl blob, e enum('fine', 'so, so'), s set('x', 'y'), j json,
    g geometry, u uuid, ip inet6, gen int AS (ti + 1) PERSISTENT, `Odd ``Name's` text)
"""
VALUES = """
INSERT INTO types (id, ti, tu, tb, bo, si, su, mi, mu, iu, bi, bu, de, de0, du, dw, f, d, bit1,
    bit9, da, t, t6, dt, dt6, ts, y, c, v, lt, lat, cb, bin, vb, bl, e, s, j, g, u, ip,
    `Odd ``Name's`)
VALUES (1, -128, 255, 1, false, -32768, 65535, -8388608, 16777215, 4294967295,
    -9223372036854775808, 18446744073709551615, -12345678.91, 99999, 123456789.125,
    1234567890123456789012345678901234567890.12345678901234567890, 8388609, 0.1, b'1',
    b'100000001', '2024-02-29', '10:11:12', '10:11:12.5', '9999-12-31 23:59:59',
    '2024-02-29 12:00:00.123456', '2024-02-29 12:00:00.123456', 2024, 'ab', 'x''y\\\\z', 'tëxt 😀',
    'café', 'Bin', x'dead', x'00ff', x'dead00', 'so, so', 'x,y', '{"a": [1, null]}',
    ST_GeomFromText('POINT(1 2)'), 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '::1', 'odd')
"""


def source(airbyte: Airbyte, mysql: MariaDB, **changes: Any) -> str:
    return airbyte.source(mysql.config(**changes), MYSQL, "mysql")


def test_every_value_arrives_as_it_was(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute("SET time_zone = '+02:00'", TYPES, VALUES)
    connection = airbyte.connect(source(airbyte, mysql), "my_types", {"types": FULL})
    airbyte.sync(connection)
    names = (
        "ti, tu, tb, bo, si, su, mi, mu, iu, bi, bu, de, de0, du, dw, f, d, bit1, bit9, da, t, t6,"
        ' dt, dt6, ts, y, c, v, lt, lat, cb, bin, vb, bl, e, s, j, u, ip, gen, "Odd `Name\'s"'
    )
    found = rows(airbyte.settings, f"SELECT {names} FROM bronze.my_types.types WHERE id = 1")[0]
    expected = (
        *(-128, 255, True, False, -32768, 65535, -8388608, 16777215, 4294967295),
        *(-9223372036854775808, Decimal(18446744073709551615)),
        *(Decimal("-12345678.91"), Decimal(99999), Decimal("123456789.125")),
        "1234567890123456789012345678901234567890.12345678901234567890",
        *(8388609.0, 0.1, True, b"\x01\x01"),
        *(datetime.date(2024, 2, 29), datetime.time(10, 11, 12)),
        datetime.time(10, 11, 12, 500000),
        datetime.datetime(9999, 12, 31, 23, 59, 59),
        datetime.datetime(2024, 2, 29, 12, 0, 0, 123456),
        datetime.datetime(2024, 2, 29, 10, 0, 0, 123456, tzinfo=datetime.UTC),
        *(2024, "ab", "x'y\\z", "tëxt 😀", "café", "Bin"),
        *(b"\xde\xad\x00\x00", b"\x00\xff", b"\xde\xad\x00", "so, so", "x,y", '{"a": [1, null]}'),
        *("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "::1", -127, "odd"),
    )
    assert dict(zip(names.split(", "), found, strict=True)) == dict(
        zip(names.split(", "), expected, strict=True)
    )
    point = rows(airbyte.settings, "SELECT g FROM bronze.my_types.types WHERE id = 1")[0][0]
    assert point == mysql.execute("SELECT g FROM types WHERE id = 1")[0][0]


def test_values_without_a_place_are_null_and_noted(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute(
        "CREATE TABLE odd (id int PRIMARY KEY, da date, dt datetime, ts timestamp NULL, t time)",
        "SET sql_mode = 'ALLOW_INVALID_DATES'",
        "INSERT INTO odd VALUES (1, '0000-00-00', '0000-00-00', '0000-00-00', '-01:00:00'),"
        " (2, '2024-02-31', '2024-00-10', NULL, '100:00:00'), (3, NULL, NULL, NULL, '24:00:00'),"
        " (4, '2024-02-29', '2024-02-29', '2024-02-29', '23:59:59'),"
        " (5, '0000-01-01', '0000-05-05 10:00:00', NULL, NULL)",
    )
    connection = airbyte.connect(source(airbyte, mysql), "my_types", {"odd": FULL})
    airbyte.sync(connection)
    found = rows(
        airbyte.settings,
        "SELECT id, da IS NULL AND dt IS NULL AND ts IS NULL AND t IS NULL,"
        " list_sort([x.field FOR x IN _airbyte_meta.changes]) FROM bronze.my_types.odd ORDER BY id",
    )
    expected = [(1, True, ["da", "dt", "t", "ts"]), (2, True, ["da", "dt", "t"]), (3, True, ["t"])]
    assert found == [*expected, (4, False, []), (5, True, ["da", "dt"])]


def test_discovery_tells_keys_types_and_views(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute(
        "CREATE TABLE pair (b int, a int, n decimal(5,2), PRIMARY KEY (a, b))",
        "CREATE VIEW seen AS SELECT * FROM pair",
        "CREATE SEQUENCE numbers",
        "CREATE TABLE hidden (id int) WITH SYSTEM VERSIONING",
    )
    found = {e["stream"]["name"]: e["stream"] for e in airbyte.catalog(source(airbyte, mysql))}
    assert found["pair"]["namespace"] == DATABASE
    assert found["pair"]["sourceDefinedPrimaryKey"] == [["a"], ["b"]]
    assert found["pair"]["jsonSchema"]["properties"]["b"]["airbyte_type"] == "integer"
    assert found["seen"]["sourceDefinedPrimaryKey"] == []
    assert "hidden" in found
    assert "numbers" not in found


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "another"}, "wrong password or user"),
        ({"username": "nobody"}, "refused user 'nobody'"),
        ({"database": "nowhere"}, "no database 'nowhere'"),
        ({"port": 9}, "cannot be reached"),
        ({"host": "nowhere.invalid"}, "host 'nowhere.invalid' is not known"),
        ({"ssl_mode": {"mode": "required"}}, "ssl_mode do not fit"),
        ({"tunnel_method": {"tunnel_method": "SSH_KEY_AUTH"}}, "not a private key"),
        ({"database": "mysql_empty"}, "sees no table"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_check_says_what_to_set(
    airbyte: Airbyte, mysql: MariaDB, changes: Json, words: str
) -> None:
    mysql.execute("CREATE DATABASE IF NOT EXISTS mysql_empty")
    if "tunnel_method" in changes:
        changes["tunnel_method"] |= {
            "tunnel_host": "h",
            "tunnel_port": 22,
            "tunnel_user": "u",
            "ssh_key": "k",
        }
    made = source(airbyte, mysql, **changes)
    answer = airbyte.post("sources/check_connection", sourceId=made)
    assert answer["status"] == "failed"
    assert words in answer["message"]
    assert "secret" not in str(answer)


def test_the_check_succeeds(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute("CREATE TABLE IF NOT EXISTS something (id int)")
    answer = airbyte.post("sources/check_connection", sourceId=source(airbyte, mysql))
    assert answer["status"] == "succeeded"


def test_how_large_a_table_is_believed_to_be(mysql: MariaDB) -> None:
    mysql.execute(
        "CREATE TABLE sized (id int PRIMARY KEY)",
        "INSERT INTO sized SELECT seq FROM seq_1_to_5000",
        "ANALYZE TABLE sized",
        "CREATE VIEW unsized AS SELECT * FROM sized",
    )
    config = mysql.config()
    with session(config) as db:
        tables = {t.name: believed_size(db, t) for t in find_tables(db, DATABASE)}
    rows_, size = tables["sized"]
    assert rows_ is not None
    assert size is not None
    assert 4000 < rows_ < 6000
    assert size > 16_384
    assert tables["unsized"] == (None, None)
