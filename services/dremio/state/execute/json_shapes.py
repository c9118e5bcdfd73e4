"""CONVERT_FROM(column, 'JSON'): what its rows hold decides the type, so they are asked first.

Dremio learns the type of such a column as it reads; the planner here has to know it before. The
probe reads the column once more: where that costs too much, the type can be named instead
(`CONVERT_FROM(column AS ROW(…))`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import duckdb
from sqlglot import exp

from services.dremio.sql.functions.conversion import (
    ASKED,
    LEARNED,
    common,
    learnable,
    structure,
)
from services.dremio.state.duckdb_errors import translate
from services.dremio.state.errors import DremioError, ErrorKind

if TYPE_CHECKING:
    from services.dremio.state.execute.run import Run

# More kinds of documents than these in one column are no type: they stay text.
_MOST_SHAPES = 10_000
_SOURCES = ("from_", "joins", "laterals")


def learn(run: Run, tree: exp.Expression, to_sql: Callable[[exp.Expression], str]) -> None:
    """Note at each such call of a resolved tree the shape of its column. Raises DremioError.

    `to_sql`: makes DuckDB's SQL of a query. A query with such a call is planned anew each time.
    """
    # Calls further in come first: an outer one may read what they make.
    for node in [n for n in reversed(list(tree.walk(bfs=False))) if learnable(n)]:
        select = node.find_ancestor(exp.Select)
        if select is None or not select.args.get("from_"):
            continue
        run.missed = True
        node.meta[LEARNED] = _shape(run, to_sql(_probe(node, select)))


def _probe(call: exp.Expr, select: exp.Select) -> exp.Select:
    """Return the query for the different structures of what `call` reads in `select`."""
    asked = call.copy()
    asked.meta[LEARNED] = ASKED
    parts = {key: select.args[key] for key in _SOURCES if select.args.get(key)}
    copies = {
        key: [item.copy() for item in part] if isinstance(part, list) else part.copy()
        for key, part in parts.items()
    }
    probe = exp.Select(expressions=[asked], distinct=exp.Distinct(), **copies).limit(_MOST_SHAPES)
    within = [cte.copy() for cte in _visible(select)]
    if within:
        probe.set("with_", exp.With(expressions=within))
    return probe


def _visible(select: exp.Expr) -> list[exp.Expr]:
    """Return the WITH queries that may be read in `select`: none that it is itself a part of."""
    found: list[exp.Expr] = []
    node: exp.Expr | None = select
    while node is not None:
        if isinstance(node.parent, exp.With):
            found = [*node.parent.expressions[: node.index], *found]
            node = node.parent.parent  # whose WITH this is, the rest of which comes later
        elif node.args.get("with_") is not None:
            found = [*node.args["with_"].expressions, *found]
        node = node.parent if node is not None else None
    return found


def _shape(run: Run, sql: str) -> object:
    try:
        rows = run.cursor.execute(sql).fetchall()
    except duckdb.BinderException as error:
        raise DremioError(
            ErrorKind.UNSUPPORTED_OPERATION,
            "CONVERT_FROM(…, 'JSON') of a column of an outer query needs its type: "
            "CONVERT_FROM(column AS ROW(…))",
        ) from error
    except duckdb.Error as error:
        raise translate(error) from error
    return common([structure(json.loads(text)) for (text,) in rows if text is not None])
