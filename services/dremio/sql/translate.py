"""A resolved tree → DuckDB's SQL."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from sqlglot import exp
from sqlglot.errors import ErrorLevel

from services.dremio.sql.guard import guard

Rewrite = Callable[[exp.Expression], exp.Expression]


def _functions() -> Rewrite:
    try:
        module = importlib.import_module("services.dremio.sql.functions")
        rewrite: Rewrite = module.rewrite
    except (ImportError, AttributeError):
        return lambda tree: tree
    return rewrite


_rewrite = _functions()


def to_duckdb(tree: exp.Expression) -> str:
    """Return DuckDB's SQL for a resolved query or DML. Raises DremioError."""
    guard(tree)
    return _rewrite(tree).sql("duckdb", unsupported_level=ErrorLevel.IGNORE)
