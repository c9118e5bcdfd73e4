"""A resolved tree → DuckDB's SQL."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import ErrorLevel

from services.dremio.sql.duckdb import DUCKDB
from services.dremio.sql.functions import Context, rewrite
from services.dremio.sql.guard import guard


def to_duckdb(tree: exp.Expression, context: Context | None = None) -> str:
    """Return DuckDB's SQL for a resolved query or DML. Raises DremioError."""
    guard(tree)
    return rewrite(tree, context).sql(DUCKDB, unsupported_level=ErrorLevel.IGNORE)
