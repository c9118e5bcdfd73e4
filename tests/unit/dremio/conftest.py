"""A database with Dremio's functions, and a way to ask it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from services.dremio.sql.functions import Context, install, parse, rewrite

Ask = Callable[..., Any]


@pytest.fixture(scope="session")
def functions_database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    # As the engine sets it.
    connection.execute("SET GLOBAL integer_division = true")
    install(connection)
    install(connection)  # a second time does nothing
    return connection


@pytest.fixture
def ask(functions_database: duckdb.DuckDBPyConnection) -> Ask:
    """Run an expression (or a whole query) in Dremio's SQL; return the only value, or the rows."""

    def run(sql: str, **facts: Any) -> Any:
        query = sql if sql.upper().startswith("SELECT") else f"SELECT {sql}"
        translated = rewrite(parse(query), Context(**facts)).sql("duckdb")
        rows = functions_database.cursor().execute(translated).fetchall()
        return rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else rows

    return run


def same(got: Any, expected: Any) -> bool:
    """Whether two results are equal: floats to twelve digits, NaN equal to itself."""
    if isinstance(expected, float) and isinstance(got, float | int):
        return got == pytest.approx(expected, rel=1e-12, nan_ok=True)
    return bool(got == expected)
