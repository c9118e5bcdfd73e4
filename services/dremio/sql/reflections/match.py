"""What a FROM item of a query shows of a dataset: its columns, renamed, computed, filtered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from services.dremio.sql.functions.aggregates import FAMILY
from services.dremio.sql.reflections.determinism import function, volatile
from services.dremio.sql.statements import Path

AGGREGATES = frozenset(FAMILY.names()) | {"MODE", "FLATTEN", "UNNEST", "EXPLODE"}


class NoMatchError(Exception):
    """A query that a reflection cannot answer; the message says why."""


def is_aggregate(node: exp.Expr) -> bool:
    """Whether a node is a call of a function that makes other rows than it gets."""
    return isinstance(node, exp.AggFunc) or function(node) in AGGREGATES


def column(name: str) -> exp.Column:
    """Return a dataset's column as expressions over the dataset spell it."""
    return exp.Column(this=exp.to_identifier(name.lower(), quoted=True))


@dataclass
class Seen:
    """A dataset as one FROM item shows it.

    `show` gives, for a column of the item, the expression over the dataset's columns; `filters`
    are conditions over them that the rows have passed.
    """

    path: Path
    node: exp.Expr
    show: Callable[[str], exp.Expr]
    filters: list[exp.Expr] = field(default_factory=list)


def resolved(seen: Seen, alias: str, expression: exp.Expr) -> exp.Expr:
    """Return `expression`, over the item called `alias`, over the dataset's columns instead.

    Raises NoMatchError when it refers to anything else.
    """
    holder = exp.Paren(this=expression.copy())
    for node in list(holder.find_all(exp.Column)):
        node.replace(_one(seen, alias, node))
    result: exp.Expr = holder.this
    result.parent = None
    return result


def _one(seen: Seen, alias: str, node: exp.Column) -> exp.Expr:
    if node.args.get("db") or isinstance(node.parent, exp.Dot):
        raise NoMatchError(f"{node.sql()} is part of a value")
    if isinstance(node.this, exp.Star):
        raise NoMatchError("every column is asked for")
    if node.table and node.table.lower() != alias.lower():
        raise NoMatchError(f"{node.sql()} is no column of the dataset")
    return seen.show(node.name).copy()


def seen_in(relation: exp.Expr) -> Iterator[Seen]:
    """Yield the datasets that a FROM item shows, outermost first."""
    path = (relation._meta or {}).get("dataset")
    if path is not None and not _altered(relation):
        yield Seen(path, relation, column)
    if isinstance(relation, exp.Subquery) and isinstance(relation.this, exp.Select):
        yield from _through(relation, relation.this)


def _through(relation: exp.Subquery, body: exp.Select) -> Iterator[Seen]:
    if _altered(relation) or not _plain(body) or volatile(body):
        return
    inner = body.args["from_"].this
    alias = inner.alias_or_name
    star = False
    outputs: dict[str, exp.Expr] = {}
    for output in body.expressions:
        if isinstance(output, exp.Star) and not any(output.args.values()):
            star = True
        elif isinstance(output, exp.Alias):
            outputs[output.alias.lower()] = output.this
        else:
            return
    if star and outputs:
        return
    where = body.args.get("where")
    for seen in seen_in(inner):
        try:
            filters = [*seen.filters]
            if where is not None:
                filters.append(resolved(seen, alias, where.this))
        except NoMatchError:
            continue
        if star:
            yield Seen(seen.path, seen.node, seen.show, filters)
        else:
            yield Seen(seen.path, seen.node, _renamed(seen, alias, outputs), filters)


def _renamed(seen: Seen, alias: str, outputs: dict[str, exp.Expr]) -> Callable[[str], exp.Expr]:
    def show(name: str) -> exp.Expr:
        output = outputs.get(name.lower())
        if output is None:
            raise NoMatchError(f"{name} is no column of the dataset")
        inner = resolved(seen, alias, output)
        return inner if isinstance(inner, exp.Column | exp.Literal) else exp.Paren(this=inner)

    return show


def _altered(relation: exp.Expr) -> bool:
    """Whether the item is more than a name: sampled, pivoted, of the past, columns renamed."""
    if any(relation.args.get(name) for name in ("version", "pivots", "sample", "laterals")):
        return True
    alias = relation.args.get("alias")
    return bool(relation.args.get("joins") or (alias is not None and alias.args.get("columns")))


_PLAIN = {"expressions", "from_", "where", "order"}


def _plain(body: exp.Select) -> bool:
    """Whether a query only filters, renames and computes, row by row."""
    if any(value for name, value in body.args.items() if name not in _PLAIN):
        return False
    if body.args.get("from_") is None:
        return False
    inside = [*body.expressions, *([body.args["where"]] if body.args.get("where") else [])]
    return not any(
        isinstance(node, exp.Window | exp.Query | exp.Unnest) or is_aggregate(node)
        for part in inside
        for node in part.walk()
    )
