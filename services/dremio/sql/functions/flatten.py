"""FLATTEN more than once in one SELECT: every combination, as Dremio gives them.

DuckDB puts several `unnest` of one SELECT side by side and takes none inside another. All but
the last become rows of the FROM; the last stays where it is.
"""

from __future__ import annotations

from sqlglot import exp

from services.dremio.sql.functions.registry import function_error


def cross(select: exp.Select) -> exp.Select:
    """Return a SELECT whose functions are DuckDB's already, with one `unnest` at most."""
    flattened = [node for item in select.expressions for node in _inside(item)]
    if len(flattened) < 2:
        return select
    if any(item.is_star for item in select.expressions):
        raise function_error("FLATTEN twice beside `*` is not offered: name the columns")
    if select.args.get("from_") is None:
        select.set("from_", exp.From(this=_subquery(exp.select("1 AS _one"), "_one")))
    for number, node in enumerate(flattened[:-1]):
        name = f"_flat{number}"
        rows = exp.Select(expressions=[exp.alias_(node.copy(), "v")])
        lateral = exp.Lateral(this=exp.Subquery(this=rows), alias=_alias(name))
        select.append("joins", exp.Join(this=lateral, kind="CROSS"))
        node.replace(exp.column("v", table=name, quoted=True))
    return select


def _inside(item: exp.Expr) -> list[exp.Expr]:
    """Return the `unnest` calls of an output column, inner ones first."""
    found = [
        node
        for node in item.walk(prune=lambda n: isinstance(n, exp.Query | exp.Lambda))
        if isinstance(node, exp.Anonymous) and node.name == "unnest"
    ]
    return sorted(found, key=lambda node: -node.depth)


def _alias(name: str) -> exp.TableAlias:
    return exp.TableAlias(this=exp.to_identifier(name, quoted=True))


def _subquery(query: exp.Select, name: str) -> exp.Subquery:
    return exp.Subquery(this=query, alias=_alias(name))
