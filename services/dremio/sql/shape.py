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


def rows_wanted(table: exp.Table) -> int | None:
    """Return how many rows a query takes of a table at most; None when that cannot be told.

    Only a plain `SELECT … FROM table LIMIT n` tells: no condition, join, group or order.
    """
    from_ = table.parent
    select = from_.parent if isinstance(from_, exp.From) else None
    if not isinstance(select, exp.Select) or any(select.args.get(k) for k in _CHANGING):
        return None
    if any(e.find(exp.AggFunc, exp.Window) for e in select.expressions):
        return None
    limit, offset = select.args.get("limit"), select.args.get("offset")
    count = limit.expression if isinstance(limit, exp.Limit) else None
    skipped = offset.expression if isinstance(offset, exp.Offset) else exp.Literal.number(0)
    if not (isinstance(count, exp.Literal) and isinstance(skipped, exp.Literal)):
        return None
    if not (count.name.isdigit() and skipped.name.isdigit()):
        return None
    return int(count.name) + int(skipped.name)


_CHANGING = ("joins", "where", "group", "having", "qualify", "order", "distinct", "laterals")
