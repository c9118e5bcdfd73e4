"""Functions that users write in SQL: a call becomes the function's body.

Dremio inlines them while it plans; here the body is put where the call stood, each parameter
standing for its argument. A column of the query that calls is never mistaken for one of the
body's: parameters are renamed to names nobody can write before the body's own names are looked
up, and where the body reads tables its arguments are bound outside of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from services.dremio.sql.functions import BY_NAME
from services.dremio.sql.statements import Path
from services.dremio.state.errors import DremioError, ErrorKind, validation

_FRESH = itertools.count()


@dataclass(frozen=True)
class Function:
    """A stored function. `table` are the columns of a tabular one, empty for a scalar one."""

    path: Path
    parameters: tuple[tuple[str, exp.DataType], ...]
    returns: exp.DataType | None
    table: tuple[tuple[str, exp.DataType], ...]
    body: exp.Expression
    context: Path = ()


Resolve = Callable[[exp.Expression, Path, Path], exp.Expression]
"""(body, context, the function's path) → the body with its names resolved."""


def call_path(node: exp.Expr) -> Path | None:
    """Return the path that a call spells (`f(x)`, `space.f(x)`), None when it is no such call."""
    if isinstance(node, exp.Anonymous):
        return (node.name,)
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Anonymous):
        before = _names(node.this)
        return None if before is None else (*before, node.expression.name)
    return None


def call_node(path: Path, arguments: list[exp.Expr]) -> exp.Expr:
    """Return the call of the function at a path, as the parser would give it."""
    call = exp.Anonymous(
        this=exp.to_identifier(path[-1], quoted=True), expressions=[a.copy() for a in arguments]
    )
    if len(path) == 1:
        return call
    before: exp.Expr = exp.to_identifier(path[0], quoted=True)
    for part in path[1:-1]:
        before = exp.Dot(this=before, expression=exp.to_identifier(part, quoted=True))
    return exp.Dot(this=before, expression=call)


def calls(tree: exp.Expression) -> list[tuple[exp.Expr, Path, list[exp.Expr]]]:
    """Return the calls in `tree` that no function of the engine's own answers, inmost first."""
    found: list[tuple[exp.Expr, Path, list[exp.Expr]]] = []
    for node in tree.find_all(exp.Anonymous):
        parent = node.parent
        whole: exp.Expr = (
            parent if isinstance(parent, exp.Dot) and parent.expression is node else node
        )
        path = call_path(whole)
        if path is None or _in_from(whole):
            continue
        if len(path) > 1 or path[0].upper() not in BY_NAME:
            found.append((whole, path, node.expressions))
    found.reverse()  # breadth first, so arguments come before the calls that hold them
    return found


def expand(function: Function, arguments: list[exp.Expr], resolve: Resolve) -> exp.Expression:
    """Return the expression that a call of a scalar function stands for. Raises DremioError."""
    if function.returns is None:
        raise validation(f"Function [{dotted(function.path)}] returns a table: use TABLE(…)")
    _check(function, arguments)
    body, fresh = _renamed(function)
    reads = body.find(exp.Table) is not None
    if isinstance(body, exp.Select) and not reads and _bare(body):
        body = body.expressions[0].unalias()
    holder = exp.Select(expressions=[body]) if not isinstance(body, exp.Query) else body
    resolved = resolve(holder, function.context, function.path)
    value: exp.Expression = (
        exp.Subquery(this=resolved)
        if isinstance(body, exp.Query)
        else exp.Paren(this=resolved.expressions[0].unalias())
    )
    typed = _typed(function, arguments)
    if reads:
        value = _bound(value, fresh, typed, function)
    else:
        _replace(value, dict(zip(fresh, typed, strict=True)))
    return exp.cast(value, function.returns.copy())


def expand_table(function: Function, arguments: list[exp.Expr]) -> exp.Expression:
    """Return the query that `TABLE(f(…))` stands for, its names not resolved yet.

    Raises DremioError: arguments have to be constants.
    """
    if not function.table:
        raise validation(f"Function [{dotted(function.path)}] does not return a table")
    for argument in arguments:
        if argument.find(exp.Column, exp.Query) is not None:
            raise validation(f"TABLE({dotted(function.path)}(…)): arguments have to be constants")
    body = table_body(function, arguments)
    names = [exp.to_identifier(name, quoted=True) for name, _ in function.table]
    alias = exp.TableAlias(this=exp.to_identifier("$function"), columns=names)
    outputs = [
        exp.alias_(exp.cast(exp.column(name, quoted=True), kind.copy()), name, quoted=True)
        for name, kind in function.table
    ]
    return exp.select(*outputs).from_(exp.Subquery(this=body, alias=alias))


def table_body(function: Function, arguments: list[exp.Expr]) -> exp.Expression:
    """Return a tabular function's query with its arguments in place. Raises DremioError."""
    _check(function, arguments)
    body, fresh = _renamed(function)
    _replace(body, dict(zip(fresh, _typed(function, arguments), strict=True)))
    return body


def dotted(path: Path) -> str:
    """Return a path as Dremio's messages spell it."""
    return ".".join(path)


def unknown(path: Path) -> DremioError:
    """Return the error for a function that there is not, in the validator's words."""
    return DremioError(
        ErrorKind.VALIDATION,
        f"No match found for function signature {dotted(path) if path[1:] else path[0].upper()}",
    )


def _in_from(call: exp.Expr) -> bool:
    """Whether a call is a table function of its own or the one inside TABLE(…)."""
    parent = call.parent
    return isinstance(parent, exp.Table) or (
        isinstance(parent, exp.Anonymous) and isinstance(parent.parent, exp.Table)
    )


def _check(function: Function, arguments: list[exp.Expr]) -> None:
    wanted = len(function.parameters)
    if len(arguments) != wanted:
        raise validation(
            f"Invalid number of arguments to function '{dotted(function.path)}'. "
            f"Was expecting {wanted} arguments"
        )


def _renamed(function: Function) -> tuple[exp.Expression, list[str]]:
    """Return a copy of the body whose parameters have names of their own, and those names."""
    number = next(_FRESH)
    fresh = [f"$parameter {number}.{at}" for at in range(len(function.parameters))]
    names = {n.lower(): f for (n, _), f in zip(function.parameters, fresh, strict=True)}
    body = exp.Paren(this=function.body.copy())
    for column in list(body.find_all(exp.Column)):
        name = names.get(column.name.lower())
        if name is not None and not column.table and isinstance(column.this, exp.Identifier):
            column.set("this", exp.to_identifier(name, quoted=True))
    result = body.this
    result.parent = None
    return result, fresh


def _typed(function: Function, arguments: list[exp.Expr]) -> list[exp.Expr]:
    return [
        exp.Paren(this=exp.cast(argument.copy(), kind.copy()))
        for argument, (_, kind) in zip(arguments, function.parameters, strict=True)
    ]


def _replace(tree: exp.Expression, values: dict[str, exp.Expr]) -> None:
    for column in list(tree.find_all(exp.Column)):
        value = values.get(column.name)
        if value is not None and not column.table:
            column.replace(value.copy())


def _bound(
    value: exp.Expression, fresh: list[str], typed: list[exp.Expr], function: Function
) -> exp.Expression:
    """Return `(SELECT value FROM (SELECT argument AS parameter, …))`."""
    if not fresh:
        return value
    if any(a.find(exp.AggFunc, exp.Window) is not None or _aggregates(a) for a in typed):
        raise validation(
            f"Function [{dotted(function.path)}] reads a table: it takes no aggregates as "
            "arguments; compute them in a subquery first"
        )
    arguments = exp.select(
        *(exp.alias_(a, name, quoted=True) for a, name in zip(typed, fresh, strict=True))
    )
    name = fresh[0].split(".")[0]
    rows = exp.Subquery(
        this=arguments, alias=exp.TableAlias(this=exp.to_identifier(name, quoted=True))
    )
    return exp.Subquery(this=exp.Select(expressions=[value]).from_(rows))


def _aggregates(tree: exp.Expr) -> bool:
    from services.dremio.sql.functions.aggregates import FAMILY

    names = FAMILY.names()
    return any(call.name.upper() in names for call in tree.find_all(exp.Anonymous))


def _bare(select: exp.Select) -> bool:
    """Whether a SELECT without FROM is nothing but its one expression."""
    kept = {name for name, value in select.args.items() if value}
    return kept <= {"expressions", "kind"} and len(select.expressions) == 1


def _names(node: exp.Expr) -> Path | None:
    if isinstance(node, exp.Identifier):
        return (node.name,)
    if isinstance(node, exp.Column):
        return tuple(part.name for part in node.parts)
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
        before = _names(node.this)
        return None if before is None else (*before, node.expression.name)
    return None
