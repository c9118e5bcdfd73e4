"""Dremio's SQL functions on DuckDB.

Parse with `parse` (or sqlglot's `read=DIALECT`), translate with `rewrite`, print with
`write="duckdb"`; `install` has to have been called once for the database.
"""

from __future__ import annotations

import duckdb
import sqlglot
from sqlglot import exp

from services.dremio.sql.functions.catalogue import BY_NAME, FAMILIES
from services.dremio.sql.functions.dialect import DIALECT
from services.dremio.sql.functions.registry import LIBRARY, Context, install_all
from services.dremio.sql.functions.rewrite import rewrite

__all__ = ["BY_NAME", "DIALECT", "FAMILIES", "Context", "install", "parse", "rewrite"]


def parse(sql: str) -> exp.Expr:
    """Parse one statement of Dremio's SQL. Raises sqlglot's ParseError."""
    return sqlglot.parse_one(sql, read=DIALECT)


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the functions in the connection's database, for all its cursors.

    They live in an attached in-memory database of their own. A second call does nothing.
    """
    attached = connection.execute(
        "SELECT count(*) FROM duckdb_databases() WHERE database_name = ?", [LIBRARY]
    ).fetchone()
    if attached and attached[0]:
        return
    connection.execute(f"ATTACH ':memory:' AS {LIBRARY}")
    install_all(connection, FAMILIES)
