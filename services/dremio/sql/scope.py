"""Which table names in a query are CTEs of that query."""

from __future__ import annotations

from sqlglot import exp


def is_cte(table: exp.Table) -> bool:
    """Whether the name stands for a WITH query that is visible where `table` stands."""
    if table.args.get("db") or not isinstance(table.this, exp.Identifier):
        return False
    name = table.name.lower()
    child: exp.Expr = table
    node: exp.Expr | None = table.parent
    while node is not None:
        if isinstance(node, exp.With):
            for cte in node.expressions:
                inside = cte is child
                if inside and not node.args.get("recursive"):
                    break  # a CTE sees only those before it
                if cte.alias.lower() == name:
                    return True
                if inside:
                    break
        else:
            with_ = node.args.get("with_")
            if with_ is not None and with_ is not child and name in _names(with_):
                return True
        child, node = node, node.parent
    return False


def _names(with_: exp.With) -> set[str]:
    return {cte.alias.lower() for cte in with_.expressions}
