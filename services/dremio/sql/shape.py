"""Small questions about parsed trees."""

from __future__ import annotations

from sqlglot import exp

from services.dremio.sql.statements import Path
from services.dremio.state.errors import DremioError, ErrorKind


def as_query(tree: exp.Expression) -> exp.Expression:
    """Return `tree` as a query that can stand anywhere: VALUES becomes SELECT * FROM VALUES."""
    if isinstance(tree, exp.Values):
        return exp.select("*").from_(exp.Subquery(this=tree, alias=exp.TableAlias(this="_values")))
    return tree


def table_path(table: exp.Expression | None) -> Path:
    """Return the path that a table node spells. Raises DremioError when it is no plain path."""
    if isinstance(table, exp.Schema):
        table = table.this
    if isinstance(table, exp.Table) and table.this and not isinstance(table.this, exp.Func):
        return tuple(part.name for part in table.parts)
    raise DremioError(ErrorKind.PARSE, "Failure parsing the query. Expected a table's path")
