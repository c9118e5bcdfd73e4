"""Conditions, literals, types and batches of the SQL Server source."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.cdk.source import Environment
from services.airbyte.sources.mysql.cursor import Position, Window
from services.airbyte.sources.sqlserver import connecting, cursor, rows
from services.airbyte.sources.sqlserver.failures import explain
from services.airbyte.sources.sqlserver.names import identifier
from services.airbyte.sources.sqlserver.source import SqlServerSource
from services.airbyte.sources.sqlserver.tables import believed_rows, find_tables
from services.airbyte.sources.sqlserver.types import FIXED, Declared, map_type
from tests.support.sqlserver.fixture import SqlServer

INT, TEXT = FIXED["int"], FIXED["nvarchar"]


@pytest.mark.parametrize(
    ("value", "type_name", "expected"),
    [
        ("-12345678901234567890.5", "money", "-12345678901234567890.5"),
        ("1 OR 1=1", "int", "N'1 OR 1=1'"),
        ("it's", "nvarchar", "N'it''s'"),
        ("0x00000000000007D1", "timestamp", "0x00000000000007D1"),
        ("2024-01-01T00:00:00.0000001", "datetime2", "N'2024-01-01T00:00:00.0000001'"),
    ],
)
def test_literals(value: str, type_name: str, expected: str) -> None:
    assert cursor.literal(value, FIXED[type_name]) == expected


def test_conditions_of_an_incremental_read() -> None:
    window = Position("100", 0, Window("90", ("n",), ("aa",)))
    assert cursor.since(None, "[n]", INT) == "1 = 1"
    assert cursor.since(window, "[n]", INT) == "[n] >= 90"
    assert cursor.since(Position("100", 3, None), "[n]", INT) == "[n] > 100"
    assert cursor.since(Position("100", 3, None, again=True), "[n]", INT) == "[n] >= 100"
    assert cursor.below_window(None, "[n]", "5", INT) == "([n] < 5 OR [n] IS NULL)"
    below = cursor.below_window(window, "[n]", "200", INT)
    assert below == "([n] < 200 AND [n] IS NOT NULL AND [n] >= 90)"
    assert cursor.before_today("int", "[n]") == "1 = 1"
    assert "SYSUTCDATETIME" in cursor.before_today("datetime", "[n]")


def test_names_and_passwords_are_delimited() -> None:
    assert identifier("a]b") == "[a]]b]"
    found = connecting.connection_string({"PWD": "a}b;{c"})
    assert found == "PWD={a}}b;{c};"


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        (Declared("decimal", 17, 38, 10), "decimal(38, 10)"),
        (Declared("nvarchar", -1), "string"),
        (Declared("timestamp", 8), "binary"),
        (Declared("datetimeoffset", 10), "timestamptz"),
        (Declared("a type of one's own", -1), "binary"),
    ],
)
def test_types(declared: Declared, kind: str) -> None:
    assert str(map_type(declared).type) == kind


def test_batches_are_bounded_by_bytes(server: SqlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BATCH_BYTES", 100_000)
    monkeypatch.setattr(rows, "_FIRST_LARGE", 4)
    server.execute(
        "CREATE TABLE wide (id int NOT NULL PRIMARY KEY, v nvarchar(100), big nvarchar(max))",
        "INSERT INTO wide SELECT range, N'v', repeat(N'x', 1000 * (range % 10)) FROM range(2000)",
    )
    with connecting.session(server.config()) as db:
        (table,) = find_tables(db, ["dbo"], "wide")
        assert believed_rows(db, table) == 2000
        for chosen in (table.columns[:2], table.columns):
            listing = ", ".join(column.select() for column in chosen)
            found = list(rows.Rows(db, f"SELECT {listing} FROM wide", chosen).batches())
            assert sum(batch.num_rows for batch in found) == 2000
            assert max(batch.nbytes for batch in found) < 150_000
            assert 4 < len(found) < 400


def test_a_connection_that_breaks_is_no_end_of_the_rows(
    server: SqlServer, duck: duckdb.DuckDBPyConnection, env: Environment
) -> None:
    server.execute(
        "CREATE TABLE seen (id int NOT NULL PRIMARY KEY, v nvarchar(max))",
        "INSERT INTO seen SELECT range, repeat('x', 2000) FROM range(10000)",
    )
    stream = ConfiguredStream(
        "seen", "dbo", "full_refresh", "overwrite", None, ("id",), ("id",), None, None
    )

    def copy() -> None:
        with SqlServerSource().read(server.config(), stream, None, duck, env) as reading:
            assert server.fake is not None
            server.fake.drop_clients()
            duck.execute(f"CREATE TABLE copied AS SELECT * FROM {reading.relation}")

    with pytest.raises(ConnectorError, match="cannot be reached") as raised:
        copy()
    assert raised.value.kind == "transient_error"


def read(
    server: SqlServer, duck: duckdb.DuckDBPyConnection, env: Environment, state: Any, **method: Any
) -> tuple[list[int], Any]:
    stream = ConfiguredStream(
        "seen", "dbo", "incremental", "append", "made", ("id",), ("id",), None, None
    )
    config = server.config(replication_method={"method": "STANDARD", **method})
    with SqlServerSource().read(config, stream, state, duck, env) as reading:
        found = duck.execute(f"SELECT id FROM {reading.relation} ORDER BY id").fetchall()
        return [row[0] for row in found], reading.state()


@pytest.mark.parametrize("snapshots", ["ON", "OFF"])
def test_todays_rows_may_wait(
    server: SqlServer, duck: duckdb.DuckDBPyConnection, env: Environment, snapshots: str
) -> None:
    server.execute(
        f"ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION {snapshots}",
        "CREATE TABLE seen (id int NOT NULL PRIMARY KEY, made datetime2(7))",
        "INSERT INTO seen VALUES (1, '2024-01-01'), (2, SYSUTCDATETIME()), (3, NULL)",
    )
    found, state = read(server, duck, env, None, exclude_todays_data=True)
    assert found == [1, 3]
    server.execute("INSERT INTO seen VALUES (4, '2024-01-02')")
    assert read(server, duck, env, state, exclude_todays_data=True)[0] == [4]
    assert read(server, duck, env, state)[0] == [2, 4]


def test_more_ties_than_a_window_holds_follow_airbytes_rule(
    server: SqlServer, duck: duckdb.DuckDBPyConnection, env: Environment, told: list[str]
) -> None:
    server.execute(
        "CREATE TABLE seen (id int NOT NULL PRIMARY KEY, made date)",
        "INSERT INTO seen SELECT range, '2024-01-01' FROM range(600)",
    )
    found, state = read(server, duck, env, None)
    assert len(found) == 600
    assert state["cursor_record_count"] == 600
    assert "choose a finer cursor" in told[-1]
    assert read(server, duck, env, state)[0] == []
    server.execute("INSERT INTO seen VALUES (1000, '2024-01-01')")
    assert len(read(server, duck, env, state)[0]) == 601
    server.execute(
        "DELETE FROM seen WHERE id = 1000", "INSERT INTO seen VALUES (2000, '2024-01-02')"
    )
    assert read(server, duck, env, state)[0] == [2000]


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("[Microsoft][ODBC Driver 18 for SQL Server]Login timeout expired", "transient_error",
         "cannot be reached"),
        ("The SELECT permission was denied on the object 't'", "config_error", "GRANT it"),
        ("Transaction was deadlocked on lock resources", "transient_error", "deadlocked"),
        ("[S][DB]Invalid column name 'x'.", "config_error", "Invalid column name 'x'; refresh"),
    ],
)  # fmt: skip
def test_errors_say_what_to_do(text: str, kind: str, says: str) -> None:
    error = explain(RuntimeError(text), {"host": "db", "database": "shop", "username": "lake"})
    assert error.kind == kind  # type: ignore[attr-defined]
    assert says in str(error)
