"""SQL Server's protocol and Microsoft's client: every type arrives as it was, and errors help."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any
from unittest.mock import Mock

import pytest

from bootstrap.platform_file import Platform, Reconciliation, Source, SourceHop
from bootstrap.source_counts import count_source
from services.common.errors import ConfigError, TransientError
from tests.contract.airbyte.client import SQLSERVER, Airbyte, Json, rows
from tests.support.jump_server import HIDDEN, jump_server
from tests.support.jump_server import PASSWORD as JUMP_PASSWORD
from tests.support.jump_server import USER as JUMP_USER
from tests.support.sqlserver.fixture import SqlServer

FULL = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
APPEND = {"syncMode": "incremental", "destinationSyncMode": "append"}
DEDUP = {"syncMode": "incremental", "destinationSyncMode": "append_dedup"}

TYPES = """CREATE TABLE types (
    id int NOT NULL PRIMARY KEY, b bit, ti tinyint, si smallint, bi bigint, de decimal(38,10),
    nu numeric(5,2), m money, sm smallmoney, f float, r real, d date, t time(7), sdt smalldatetime,
    dt datetime, dt2 datetime2(7), dto datetimeoffset(7), c char(4), v varchar(20), nv nvarchar(20),
    vm varchar(max), nvm nvarchar(max), tx ntext, bin binary(4), vb varbinary(20),
    vbm varbinary(max), u uniqueidentifier, x xml, sv sql_variant, [odd ]]'name] nvarchar(10))"""
VALUES = (
    "INSERT INTO types VALUES (1, 1, 255, -32768, -9223372036854775808,"
    " -1234567890123456789012345678.0123456789, -123.45, -922337203685477.5808, 214748.3647,"
    " 0.1, 1.5, '0001-01-01', '23:59:59.999999', '2024-02-29 12:01:00', '2024-02-29 12:00:00.123',"
    " '9999-12-31 23:59:59.999999', '2024-02-29T12:00:00.5+02:00', 'ab  ', 'it''s', N'tëxt 😀',"
    " 'large', N'{long}', N'old', 0xdeadbeef, 0x00ff, 0x{bytes},"
    " 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', N'<a/>', N'any', N'odd')"
).format(long="ä" * 9000, bytes="ab" * 20000)
EXPECTED: Json = {
    "b": True,
    "ti": 255,
    "si": -32768,
    "bi": -9223372036854775808,
    "de": Decimal("-1234567890123456789012345678.0123456789"),
    "nu": Decimal("-123.45"),
    "m": Decimal("-922337203685477.5808"),
    "sm": Decimal("214748.3647"),
    "f": 0.1,
    "r": 1.5,
    "d": datetime.date(1, 1, 1),
    "t": datetime.time(23, 59, 59, 999999),
    "sdt": datetime.datetime(2024, 2, 29, 12, 1),
    "dt": datetime.datetime(2024, 2, 29, 12, 0, 0, 123000),
    "dt2": datetime.datetime(9999, 12, 31, 23, 59, 59, 999999),
    "dto": datetime.datetime(2024, 2, 29, 10, 0, 0, 500000, datetime.UTC),
    "c": "ab  ",
    "v": "it's",
    "nv": "tëxt 😀",
    "vm": "large",
    "nvm": "ä" * 9000,
    "tx": "old",
    "bin": b"\xde\xad\xbe\xef",
    "vb": b"\x00\xff",
    "vbm": b"\xab" * 20000,
    "u": "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
    "x": "<a/>",
    "sv": "any",
    "odd ]'name": "odd",
}


def source(airbyte: Airbyte, server: SqlServer, **changes: Any) -> str:
    return airbyte.source(server.config(**changes), SQLSERVER, "sql server")


def test_every_value_arrives_as_it_was(airbyte: Airbyte, sqlserver: SqlServer) -> None:
    sqlserver.execute(TYPES, VALUES, "INSERT INTO types (id) VALUES (2)")
    made = source(airbyte, sqlserver)
    (found,) = [s for s in airbyte.catalog(made) if s["stream"]["name"] == "types"]
    assert found["stream"]["namespace"] == "dbo"
    assert found["stream"]["sourceDefinedPrimaryKey"] == [["id"]]
    properties = found["stream"]["jsonSchema"]["properties"]
    assert properties["dto"]["airbyte_type"] == "timestamp_with_timezone"
    connection = airbyte.connect(made, "ms_types", {"types": FULL})
    airbyte.sync(connection)
    names = ", ".join('"' + name.replace('"', '""') + '"' for name in EXPECTED)
    first, second = rows(airbyte.settings, f"SELECT {names} FROM bronze.ms_types.types ORDER BY id")
    assert dict(zip(EXPECTED, first, strict=True)) == EXPECTED
    assert set(second) == {None}


def test_late_tied_and_changed_rows_come_once(airbyte: Airbyte, sqlserver: SqlServer) -> None:
    sqlserver.execute(
        "CREATE TABLE ticks"
        " (id int NOT NULL PRIMARY KEY, n bigint, made datetime2(7), v nvarchar(9))",
        "INSERT INTO ticks VALUES (1, 1, '2024-01-01 23:10', N'a'), (2, 5, '2024-01-02', N'b'),"
        " (3, 5, '2024-01-02', N'c'), (4, NULL, NULL, N'none')",
    )
    made = source(airbyte, sqlserver)
    kept = airbyte.connect(made, "ms_kept", {"ticks": {**DEDUP, "cursorField": ["n"]}})
    history = airbyte.connect(made, "ms_history", {"ticks": {**APPEND, "cursorField": ["made"]}})
    for connection in (kept, history):
        airbyte.sync(connection)
    sqlserver.execute(
        "INSERT INTO ticks VALUES"
        " (5, 5, '2024-01-02', N'tied'), (6, 4, '2024-01-01 23:30', N'late')",
        "UPDATE ticks SET v = N'changed', n = 6, made = '2024-01-02 00:00:00.0000001' WHERE id = 2",
        "INSERT INTO ticks VALUES (7, 7, '2024-01-03', N'new')",
    )
    again = [airbyte.sync(connection) for connection in (kept, history)]
    assert [job["job"]["aggregatedStats"]["recordsCommitted"] for job in again] == [4, 4]
    found = rows(airbyte.settings, "SELECT id, v FROM bronze.ms_kept.ticks ORDER BY id")
    assert found == sqlserver.execute("SELECT id, v FROM ticks ORDER BY id")
    found = rows(airbyte.settings, "SELECT v FROM bronze.ms_history.ticks ORDER BY id, v")
    words = ["a", "b", "changed", "c", "none", "tied", "late", "new"]
    assert [row[0] for row in found] == words
    third = airbyte.sync(history)
    assert third["job"]["aggregatedStats"]["recordsCommitted"] == 0


def test_what_cannot_be_read_is_explained(airbyte: Airbyte, sqlserver: SqlServer) -> None:
    sqlserver.execute("CREATE TABLE something (id int NOT NULL PRIMARY KEY)")

    def message(**changes: Any) -> str:
        answer = airbyte.post(
            "sources/check_connection", sourceId=source(airbyte, sqlserver, **changes)
        )
        assert answer["status"] == "failed"
        return str(answer["message"])

    assert "wrong password" in message(password="other")
    assert "database 'nowhere'" in message(database="nowhere")
    assert "sees no table in empty" in message(schemas=["empty"])
    assert "cannot be reached" in message(port=1)
    with jump_server(sqlserver.admin["port"]) as jump:
        tunnel = {
            "tunnel_method": "SSH_PASSWORD_AUTH",
            "tunnel_host": "127.0.0.1",
            "tunnel_port": jump.port,
            "tunnel_user": JUMP_USER,
            "tunnel_user_password": JUMP_PASSWORD,
        }
        hidden = source(airbyte, sqlserver, host=HIDDEN, port=1433, tunnel_method=tunnel)
        answer = airbyte.post("sources/check_connection", sourceId=hidden)
        assert answer["status"] == "succeeded", answer
        assert jump.passed == [(HIDDEN, 1433)]
    good = source(airbyte, sqlserver, ssl_method={"ssl_method": "unencrypted"})
    assert airbyte.post("sources/check_connection", sourceId=good)["status"] == "succeeded"


def test_rows_and_money_are_counted_at_the_source(sqlserver: SqlServer) -> None:
    sqlserver.execute(
        "CREATE TABLE [counted me] (id int NOT NULL PRIMARY KEY, paid decimal(9,2))",
        "INSERT INTO [counted me] VALUES (1, 0.10), (2, 0.20), (3, NULL)",
    )
    check = Reconciliation(source=SourceHop(of="ms", table="dbo.counted me"), money="paid", hops={})

    def counted(**changes: Any) -> Any:
        source = Source(type="mssql", configuration=sqlserver.config(**changes))
        return count_source(Platform.model_construct(sources={"ms": source}), check, Mock())

    assert counted() == ("dbo.counted me", 3, Decimal("0.30"))
    with pytest.raises(ConfigError, match="behind an SSH tunnel"):
        counted(tunnel_method={"tunnel_method": "SSH_KEY_AUTH"})
    with pytest.raises(TransientError, match="cannot be counted"):
        counted(password="wrong")
