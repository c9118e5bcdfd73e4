"""Functions that ask about the session: its user, schema, roles."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from services.dremio.sql.functions.registry import (
    Context,
    Family,
    Handler,
    arity,
    function_error,
    literal,
    text,
)


def _fact(fact: Callable[[Context], str | None]) -> Handler:
    def handler(node: exp.Anonymous, context: Context) -> exp.Expr:
        arity(node, 0)
        value = fact(context)
        return exp.cast(exp.Null(), "VARCHAR") if value is None else text(value)

    return handler


def _is_member(node: exp.Anonymous, context: Context) -> exp.Expr:
    role, *_ = arity(node, 1, 2)
    name = literal(role)
    if name is None:
        raise function_error("IS_MEMBER: the role has to be a string literal")
    return exp.true() if name.lower() in {r.lower() for r in context.roles} else exp.false()


_USER = _fact(lambda context: context.user)

FAMILY = Family(
    title="Session",
    handlers={
        "USER": _USER,
        "CURRENT_USER": _USER,
        "QUERY_USER": _USER,
        "SESSION_USER": _USER,
        "SYSTEM_USER": _USER,
        "CURRENT_SCHEMA": _fact(lambda context: context.schema),
        "LAST_QUERY_ID": _fact(lambda context: context.last_query_id),
        "IS_MEMBER": _is_member,
    },
)
WITHOUT_PARENTHESES = frozenset(
    (
        "USER",
        "CURRENT_USER",
        "SESSION_USER",
        "SYSTEM_USER",
        "CURRENT_SCHEMA",
        "LAST_QUERY_ID",
        "CURRENT_DATE",
        "CURRENT_DATE_UTC",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "LOCALTIME",
        "LOCALTIMESTAMP",
    )
)
"""Functions that are called by their bare names."""
