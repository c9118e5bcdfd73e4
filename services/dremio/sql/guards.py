"""Row filters and column masks: a relation as someone may see it.

The relation becomes a subquery that filters its rows and replaces its masked columns. Every
function sees the columns as stored, also those that are masked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from services.dremio.sql.user_functions import Function

# What a guarded subquery is known by: nothing that holds one may be answered by a reflection.
GUARDED = "guarded"
_INNER = "$guarded"


@dataclass(frozen=True)
class Applied:
    """A function on columns; `masked` is the column it hides, empty for a row filter."""

    function: Function
    columns: tuple[str, ...]
    masked: str = ""


@dataclass(frozen=True)
class Guard:
    """The policies of one dataset."""

    applied: tuple[Applied, ...]


Inline = Callable[[Function, list[exp.Expr]], exp.Expression]


def guarded(relation: exp.Expression, guard: Guard, inlined: Inline) -> exp.Subquery:
    """Return the relation behind its policies, without an alias. Raises DremioError."""
    relation.set("alias", exp.TableAlias(this=exp.to_identifier(_INNER, quoted=True)))
    masks: list[exp.Expr] = []
    filters: list[exp.Expression] = []
    for each in guard.applied:
        arguments: list[exp.Expr] = [
            exp.column(name, table=_INNER, quoted=True) for name in each.columns
        ]
        value = inlined(each.function, arguments)
        if each.masked:
            masks.append(exp.alias_(value, each.masked, quoted=True))
        else:
            filters.append(value)
    star = exp.Star(replace=masks) if masks else exp.Star()
    select = exp.Select(expressions=[star]).from_(relation)
    if filters:
        select = select.where(*filters)
    found = exp.Subquery(this=select)
    found.meta[GUARDED] = True
    return found


def holds_guarded(tree: exp.Expression) -> bool:
    """Whether anything in a resolved query is behind policies."""
    return any(node._meta and GUARDED in node._meta for node in tree.walk())
