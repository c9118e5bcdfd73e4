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
        return _ilike
    return rewrite


def _ilike(tree: exp.Expression) -> exp.Expression:
    """Rewrite `ilike(a, b)` alone: what dbt's macros ask INFORMATION_SCHEMA with."""
    for call in list(tree.find_all(exp.Anonymous)):
        if call.name.lower() == "ilike" and len(call.expressions) == 2:
            text, pattern = call.expressions
            call.replace(exp.ILike(this=text.copy(), expression=pattern.copy()))
    return tree


_rewrite = _functions()


def to_duckdb(tree: exp.Expression) -> str:
    """Return DuckDB's SQL for a resolved query or DML. Raises DremioError."""
    guard(tree)
    return _rewrite(tree).sql("duckdb", unsupported_level=ErrorLevel.IGNORE)
