"""What a family of functions is made of, and the tools its parts are written with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

import duckdb
from sqlglot import exp

from services.dremio.sql.functions.overloads import definitions
from services.dremio.state.errors import DremioError, ErrorKind

LIBRARY = "dremio_fn"
"""The in-memory database that holds the macros: reachable whatever the session's catalog is."""

_REFERENCE = re.compile(r"@(\w+)")


@dataclass(frozen=True)
class Context:
    """What a statement's functions may ask about the session that runs it.

    `folders`: the names of the folders right in a folder (of a source, by its path).
    """

    user: str = "anonymous"
    schema: str = ""
    roles: frozenset[str] = frozenset({"public"})
    last_query_id: str | None = None
    folders: Callable[[str, tuple[str, ...]], list[str]] | None = field(
        default=None, compare=False, repr=False
    )


Handler = Callable[[exp.Anonymous, Context], exp.Expr]
"""Turns a call into DuckDB's expression; its arguments are translated already."""


@dataclass(frozen=True)
class Udf:
    """A function that DuckDB lacks: whole Arrow columns in, one Arrow column out.

    `constant`: it is only asked of constants, when a query is bound: values in, a value out.
    """

    name: str
    parameters: Sequence[str]
    returns: str
    function: Callable[..., Any]
    nulls: bool = False
    constant: bool = False


@dataclass(frozen=True)
class Family:
    """A group of functions. Every table is keyed by Dremio's name.

    `native`: DuckDB's function of the same arguments and meaning. `macros`: `(parameters) AS
    body` for each overload (`(parameters) -> TYPE AS body` where the overloads' results differ
    in type), `@NAME` in a body standing for another macro; a name that begins with an underscore
    is a helper and cannot be called by users. `handlers`: calls whose
    translation depends on the arguments as written.
    """

    title: str
    native: Mapping[str, str] = field(default_factory=dict)
    macros: Mapping[str, Sequence[str]] = field(default_factory=dict)
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    udfs: Sequence[Udf] = ()

    def names(self) -> set[str]:
        """Return Dremio's functions that this family answers."""
        public = {name for name in self.macros if not name.startswith("_")}
        return public | set(self.native) | set(self.handlers)


def install_all(connection: duckdb.DuckDBPyConnection, families: Sequence[Family]) -> None:
    """Create the families' functions and macros in `connection`'s database."""
    for udf in (udf for family in families for udf in family.udfs):
        connection.create_function(  # type: ignore[call-overload]
            udf.name,
            udf.function,
            list(udf.parameters),
            udf.returns,
            type="native" if udf.constant else "arrow",
            null_handling="special" if udf.nulls else "default",
        )
    # DuckDB looks into a body when the macro is made: what it refers to has to be there.
    macros = {name: texts for family in families for name, texts in family.macros.items()}
    needs = {
        name: {ref for body in bodies for ref in _REFERENCE.findall(body)} - {name}
        for name, bodies in macros.items()
    }
    statements = [
        f"CREATE MACRO {LIBRARY}.main.{macro_name} " + _REFERENCE.sub(rf"{LIBRARY}.main.\1", body)
        for name in TopologicalSorter(needs).static_order()
        for macro_name, body in definitions(name, macros[name], LIBRARY).items()
    ]
    connection.execute("BEGIN; " + "; ".join(statements) + "; COMMIT")


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """Return a call of one of DuckDB's own functions."""
    return exp.Anonymous(this=name.lower(), expressions=list(arguments))


def macro(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """Return a call of one of the library's macros."""
    return exp.Anonymous(this=f"{LIBRARY}.main.{name.lower()}", expressions=list(arguments))


def through(name: str, *wrappers: str | None) -> Handler:
    """Return the handler that calls macro `name`, each argument through the macro of its place.

    A macro cannot hand an argument without a type on to a macro with overloads: the call does.
    """

    def handler(node: exp.Anonymous, context: Context) -> exp.Expr:
        arguments = arity(node, len(wrappers))
        pairs = zip(wrappers, arguments, strict=True)
        return macro(name, *(macro(wrap, a) if wrap else a for wrap, a in pairs))

    return handler


def text(value: str) -> exp.Expr:
    """Return a string literal."""
    return exp.Literal.string(value)


def number(value: int) -> exp.Expr:
    """Return an integer literal."""
    return exp.Literal.number(value)


def literal(node: exp.Expr | None) -> str | None:
    """Return the text of a string literal, None when the node is anything else."""
    return node.name if isinstance(node, exp.Literal) and node.is_string else None


def function_error(message: str) -> DremioError:
    """Return the error for a call that cannot be answered as written."""
    return DremioError(ErrorKind.FUNCTION, message)


def arity(node: exp.Anonymous, least: int, most: int | None = None) -> list[exp.Expr]:
    """Return the call's arguments. Raises DremioError when there are too few or too many."""
    arguments: list[exp.Expr] = node.expressions
    if not least <= len(arguments) <= (least if most is None else most):
        raise DremioError(
            ErrorKind.VALIDATION,
            f"Invalid number of arguments to function '{node.name.upper()}'. "
            f"Was expecting {least if most in (None, least) else f'{least} to {most}'} arguments",
        )
    return arguments
