"""How the result's columns are called: as the query spells them, else EXPR$n."""

from __future__ import annotations

from sqlglot import exp


def name_outputs(tree: exp.Expression) -> exp.Expression:
    """Give every output column of every SELECT in `tree` its Dremio name, in place.

    A column keeps the spelling of the query (not of the table); an expression without alias
    is called EXPR$<its position, from 0>.
    """
    for values in tree.find_all(exp.Values):
        _name_values(values)
    for select in tree.find_all(exp.Select):
        parent = select.parent
        if isinstance(parent, exp.Exists | exp.In) or select.args.get("kind"):
            continue
        taken: set[str] = set()
        outputs = []
        for position, output in enumerate(select.expressions):
            named = _named(output, position)
            if isinstance(named, exp.Alias):
                # DuckDB would answer both columns under one name; Dremio numbers the second.
                wanted = name = named.alias
                number = 0
                while name.lower() in taken:
                    name = f"{wanted}{number}"
                    number += 1
                if name != wanted:
                    named.set("alias", exp.to_identifier(name, quoted=True))
                taken.add(name.lower())
            outputs.append(named)
        select.set("expressions", outputs)
    return tree


def _name_values(values: exp.Values) -> None:
    """Call the columns of VALUES EXPR$0, EXPR$1 … where the query gives them no names."""
    if isinstance(values.parent, exp.Insert) or not values.expressions:
        return
    holder: exp.Expr = values.parent if isinstance(values.parent, exp.Subquery) else values
    alias = holder.args.get("alias")
    if alias is not None and alias.args.get("columns"):
        return
    row = values.expressions[0]
    count = len(row.expressions) if isinstance(row, exp.Tuple) else 1
    names = [exp.to_identifier(f"EXPR${n}", quoted=True) for n in range(count)]
    this = alias.this if alias is not None and alias.this else exp.to_identifier("_values")
    holder.set("alias", exp.TableAlias(this=this, columns=names))


def _named(output: exp.Expr, position: int) -> exp.Expr:
    if isinstance(output, exp.Alias | exp.Aliases) or output.is_star:
        return output
    if isinstance(output, exp.Column) or (
        isinstance(output, exp.Dot) and not isinstance(output.expression, exp.Func)
    ):
        return exp.alias_(output.copy(), output.name, quoted=True)
    return exp.alias_(output.copy(), f"EXPR${position}", quoted=True)
