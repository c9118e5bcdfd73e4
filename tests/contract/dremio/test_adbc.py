"""ADBC's Flight SQL driver: statements, parameters, metadata, and no transactions."""

from __future__ import annotations

import datetime as dt
import decimal
import time
from collections.abc import Iterator
from typing import Any

import adbc_driver_manager
import pyarrow as pa
import pytest
from adbc_driver_flightsql import dbapi

from tests.support.platform import Home


def _connect(home: Home, **options: Any) -> Any:
    return dbapi.connect(
        home.settings.flight_uri,
        db_kwargs={
            "username": home.settings.admin_user,
            "password": home.settings.admin_password.get_secret_value(),
        },
        **options,
    )


@pytest.fixture(scope="module")
def connection(engine_home: Home) -> Iterator[Any]:
    with _connect(engine_home, autocommit=True) as opened:
        yield opened


@pytest.fixture
def cursor(connection: Any) -> Iterator[Any]:
    with connection.cursor() as opened:
        yield opened


def test_queries(cursor: Any) -> None:
    cursor.execute("SELECT 1 AS a, 'é' AS b UNION ALL SELECT 2, NULL ORDER BY a")
    assert cursor.fetchall() == [(1, "é"), (2, None)]


def test_wide_rows_come_in_messages_that_the_driver_takes(cursor: Any) -> None:
    """It refuses more than 16 MB at once; these rows are 40 MB."""
    digits = "(VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9))"
    numbers = ", ".join(f"{digits} t{i}(n)" for i in range(4))
    cursor.execute(f"SELECT REPEAT('x', 4000) AS wide, t0.n AS n FROM {numbers}")
    found = cursor.fetch_arrow_table()
    assert found.num_rows == 10_000
    assert found["wide"].nbytes > 40_000_000
    assert sum(found["n"].to_pylist()) == 45_000


@pytest.mark.parametrize(
    "value",
    [
        1,
        -5,
        2**40,
        1.5,
        "it's; -- ? \" '",
        "",
        None,
        True,
        dt.date(2024, 2, 29),
        dt.datetime(2024, 2, 29, 1, 2, 3, 456000),
        decimal.Decimal("-12.34"),
        b"\x00\xff'",
    ],
)
def test_parameters_come_back_as_they_went(cursor: Any, value: Any) -> None:
    cursor.execute("SELECT ? AS v, '?' AS mark -- ?\n", (value,))
    assert cursor.fetchall() == [(value, "?")]


def test_a_parameter_is_never_sql(cursor: Any) -> None:
    cursor.execute("SELECT COUNT(*) FROM (VALUES ('a'), ('b')) t(x) WHERE x = ?", ("a' OR '1'='1",))
    assert cursor.fetchall() == [(0,)]


def test_too_few_parameters(cursor: Any) -> None:
    with pytest.raises(adbc_driver_manager.Error, match="1 parameters given, 2 in the statement"):
        cursor.execute("SELECT ? + ?", (1,))


def test_updates_tell_their_count(cursor: Any) -> None:
    name = f'"@admin".adbc_{time.time_ns()}'
    cursor.adbc_statement.set_sql_query(f"CREATE VIEW {name} AS SELECT 1 AS one")
    cursor.adbc_statement.execute_update()
    cursor.execute(f"SELECT one FROM {name}")
    assert cursor.fetchall() == [(1,)]
    cursor.adbc_statement.set_sql_query(f"DROP VIEW {name}")
    cursor.adbc_statement.execute_update()


def test_what_the_server_says_of_itself(connection: Any) -> None:
    info = connection.adbc_get_info()
    assert info["vendor_name"] == "Dremio"
    assert int(info["vendor_version"].split(".")[0]) >= 25
    assert connection.adbc_get_table_types() == ["TABLE", "SYSTEM_TABLE", "VIEW"]


def test_metadata(connection: Any, cursor: Any) -> None:
    name = f"meta_{time.time_ns()}"
    cursor.execute(
        f'CREATE VIEW "@admin".{name} AS SELECT 1 AS one, CAST(1.5 AS DECIMAL(5, 2)) AS d'
    )
    cursor.fetchall()  # the driver does not wait for it before
    try:
        objects = connection.adbc_get_objects(
            depth="columns", db_schema_filter="@admin", table_name_filter=f"{name[:-2]}__"
        )
        (catalog,) = objects.read_all().to_pylist()
        assert catalog["catalog_name"] == "DREMIO"
        (schema,) = catalog["catalog_db_schemas"]
        (table,) = schema["db_schema_tables"]
        assert (table["table_name"], table["table_type"]) == (name, "VIEW")
        assert [column["column_name"] for column in table["table_columns"]] == ["one", "d"]
        found = connection.adbc_get_table_schema(name, db_schema_filter="@admin")
        assert found == pa.schema([("one", pa.int32()), ("d", pa.decimal128(5, 2))])
    finally:
        cursor.execute(f'DROP VIEW "@admin".{name}')


def test_transactions_are_refused_in_the_protocols_way(engine_home: Home) -> None:
    with pytest.warns(Warning, match="Cannot disable autocommit"):
        opened = _connect(engine_home)
    with opened, opened.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_errors_carry_their_kind(engine_home: Home, cursor: Any) -> None:
    with pytest.raises(adbc_driver_manager.ProgrammingError) as bad:
        cursor.execute("SELECT no_such_function(1)")
    assert bad.value.status_code == adbc_driver_manager.AdbcStatusCode.INVALID_ARGUMENT
    with pytest.raises(adbc_driver_manager.ProgrammingError) as stranger:
        dbapi.connect(
            engine_home.settings.flight_uri, db_kwargs={"username": "admin", "password": "no"}
        )
    assert stranger.value.status_code == adbc_driver_manager.AdbcStatusCode.UNAUTHENTICATED
