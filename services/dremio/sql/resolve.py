"""Table names → relations: views are put in place, tables get their database's name.

Nothing is left for DuckDB to look up by itself: a name that the catalog does not know is an
error here, so no replacement scan (files, Python variables) can ever answer for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sqlglot import exp

from services.dremio.sql.guards import Guard, guarded, holds_guarded
from services.dremio.sql.names import name_outputs
from services.dremio.sql.qualify import strip_prefixes
from services.dremio.sql.scope import is_cte
from services.dremio.sql.statements import Path
from services.dremio.sql.user_functions import Function, calls, expand, unknown
from services.dremio.state.errors import validation


@dataclass(frozen=True)
class Physical:
    """A table that DuckDB reads: the three parts of its name there."""

    path: Path
    database: str
    schema: str
    name: str


@dataclass(frozen=True)
class View:
    """A stored query; its names are looked up in `context`."""

    path: Path
    tree: exp.Expression
    context: Path
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inline:
    """Rows that the engine itself provides (INFORMATION_SCHEMA, sys): a registered name."""

    path: Path
    name: str


Relation = Physical | View | Inline


class Names(Protocol):
    """What the resolver asks of the catalog."""

    def lookup(self, path: Path, table: exp.Table) -> Relation | None:
        """Return what lies at `path`, or None; `table` is where the query names it."""
        ...

    def table_function(self, call: exp.Func, context: Path) -> Relation | Path | None:
        """Return what a table function stands for in FROM: rows, a path, or None: not known."""
        ...

    def function(self, path: Path) -> Function | None:
        """Return the function that a user wrote at a full path, or None."""
        ...

    def guard(self, path: Path, table: exp.Table) -> Guard | None:
        """Return the policies that the relation at a full path is read behind, if any.

        `table` is where the query names it.
        """
        ...

    def entering(self, path: Path) -> Names:
        """Return what names inside a view or function are looked up through: its owner's rights."""
        ...


def resolve(
    tree: exp.Expression, context: Path, names: Names, inside: tuple[Path, ...] = ()
) -> exp.Expression:
    """Resolve every table of `tree` (changed in place). Raises DremioError (VALIDATION).

    `inside` are the views that `tree` belongs to: it must not come back to them.
    """
    return _resolve(tree, context, names, inside)


def find(path: Path, context: Path, lookup: Callable[[Path], Relation | None]) -> Relation | None:
    """Look `path` up in the context, then from the root; a dotted name may be one identifier."""
    for candidate in candidates(path, context):
        relation = lookup(candidate)
        if relation is not None:
            return relation
    return None


def candidates(path: Path, context: Path) -> list[Path]:
    """Return the full paths that `path` may mean, best first."""
    found = [context + path] if context else []
    found.append(path)
    if any("." in part for part in path):
        flat = tuple(piece for part in path for piece in part.split("."))
        if all(flat):
            found.append(flat)
    return found


def folded(path: Path) -> Path:
    """Return what two paths share when they differ in case alone."""
    return tuple(part.lower() for part in path)


def _resolve(
    tree: exp.Expression, context: Path, names: Names, inside: tuple[Path, ...]
) -> exp.Expression:
    holder = exp.Paren(this=tree)  # so that the root too can be replaced
    name_outputs(tree)
    strip_prefixes(tree)
    called = calls(tree)
    for table in list(tree.find_all(exp.Table)):
        if is_cte(table):
            continue
        if isinstance(table.this, exp.Func):
            _function(table, context, names, inside)
            continue
        path = tuple(part.name for part in table.parts)
        relation = find(path, context, lambda full, table=table: names.lookup(full, table))  # type: ignore[misc]
        if relation is None:
            raise validation(
                f"Object '{'.'.join(path)}' not found"
                + (f" (looked up in '{'.'.join(context)}' too)" if context else "")
            )
        _put(table, relation, names, inside)
    for call, path, arguments in called:
        call.replace(_inlined(path, arguments, context, names, inside))
    result: exp.Expression = holder.this
    result.parent = None
    return result


def inline(
    function: Function, arguments: list[exp.Expr], names: Names, inside: tuple[Path, ...] = ()
) -> exp.Expression:
    """Return what a call of a user's scalar function stands for. Raises DremioError."""
    if any(folded(function.path) == folded(path) for path in inside):
        raise validation(f"Function [{'.'.join(function.path)}] refers to itself")
    return expand(
        function,
        arguments,
        lambda body, where, path: _resolve(body, where, names.entering(path), (*inside, path)),
    )


def _inlined(
    path: Path, arguments: list[exp.Expr], context: Path, names: Names, inside: tuple[Path, ...]
) -> exp.Expression:
    for candidate in candidates(path, context):
        function = names.function(candidate)
        if function is not None:
            return inline(function, arguments, names, inside)
    raise unknown(path)


def _function(table: exp.Table, context: Path, names: Names, inside: tuple[Path, ...]) -> None:
    call = table.this
    if isinstance(call, exp.Unnest | exp.Explode):
        return
    found = names.table_function(call, context)
    if found is None:
        name = call.name if isinstance(call, exp.Anonymous) else call.sql_name()
        raise validation(f"No match found for table function {name.upper()}")
    relation = found
    if isinstance(found, tuple):
        at = find(found, context, lambda full: names.lookup(full, table))
        if at is None:
            raise validation(f"Object '{'.'.join(found)}' not found")
        relation = at
    assert not isinstance(relation, tuple)  # noqa: S101 - a path was looked up above
    _put(table, relation, names, inside)


def _put(table: exp.Table, relation: Relation, names: Names, inside: tuple[Path, ...]) -> None:
    alias = table.args.get("alias") or exp.TableAlias(
        this=exp.to_identifier(relation.path[-1], quoted=True)
        if isinstance(table.this, exp.Func)
        else exp.to_identifier(table.parts[-1].name, quoted=True)
    )
    if isinstance(relation, View):
        if any(folded(relation.path) == folded(view) for view in inside):
            chain = " → ".join(".".join(path) for path in (*inside, relation.path))
            raise validation(f"View refers to itself: {chain}")
        body = _resolve(
            relation.tree.copy(),
            relation.context,
            names.entering(relation.path),
            (*inside, relation.path),
        )
        if relation.columns:
            body = exp.select("*").from_(
                exp.Subquery(
                    this=body,
                    alias=exp.TableAlias(
                        this=exp.to_identifier("_view"),
                        columns=[exp.to_identifier(c, quoted=True) for c in relation.columns],
                    ),
                )
            )
        replacement: exp.Expression = exp.Subquery(this=body, alias=alias)
    elif isinstance(relation, Inline):
        replacement = exp.Table(this=exp.to_identifier(relation.name, quoted=True), alias=alias)
    else:
        replacement = exp.Table(
            this=exp.to_identifier(relation.name, quoted=True),
            db=exp.to_identifier(relation.schema, quoted=True),
            catalog=exp.to_identifier(relation.database, quoted=True),
            alias=alias,
        )
        if table.args.get("version"):
            replacement.set("version", table.args["version"])
    guard = names.guard(relation.path, table)
    if guard is not None:
        replacement = guarded(replacement, guard, lambda f, a: inline(f, a, names, inside))
        replacement.set("alias", alias)
    elif not (isinstance(relation, View) and holds_guarded(replacement)):
        replacement.meta["dataset"] = relation.path  # what reflections are matched by
    for key in ("joins", "laterals", "pivots", "sample"):
        if table.args.get(key):
            replacement.set(key, table.args[key])
    table.replace(replacement)
