"""Conditional and boolean functions."""

from __future__ import annotations

from sqlglot import exp

from services.dremio.sql.functions.registry import Context, Family, Handler, arity, call, macro


def _extreme(name: str) -> Handler:
    def handler(node: exp.Anonymous, context: Context) -> exp.Expr:
        """NULL when any argument is, as in Calcite; DuckDB leaves NULLs out."""
        arguments = node.expressions
        nulls = exp.or_(
            *(exp.Is(this=exp.Paren(this=a.copy()), expression=exp.Null()) for a in arguments)
        )
        return exp.Case(ifs=[exp.If(this=nulls, true=exp.Null())], default=call(name, *arguments))

    return handler


def _decode(node: exp.Anonymous, context: Context) -> exp.Expr:
    """DECODE(value, search, result, … [, otherwise]): NULL finds NULL."""
    value, *rest = arity(node, 3, 10_000)
    pairs = list(zip(rest[::2], rest[1::2], strict=False))
    tests = [
        exp.If(this=macro("IS_NOT_DISTINCT_FROM", value.copy(), search), true=result)
        for search, result in pairs
    ]
    return exp.Case(ifs=tests, default=rest[-1] if len(rest) % 2 else exp.Null())


FAMILY = Family(
    title="Conditional and boolean",
    native={"COALESCE": "coalesce", "NULLIF": "nullif", "NVL": "coalesce", "IFNULL": "coalesce"},
    macros={
        "ISNULL": ("(a) AS a IS NULL",),
        "ISNOTNULL": ("(a) AS a IS NOT NULL",),
        "ISTRUE": ("(a) AS CAST(a AS BOOLEAN) IS TRUE",),
        "ISFALSE": ("(a) AS CAST(a AS BOOLEAN) IS FALSE",),
        "ISNOTTRUE": ("(a) AS CAST(a AS BOOLEAN) IS NOT TRUE",),
        "ISNOTFALSE": ("(a) AS CAST(a AS BOOLEAN) IS NOT FALSE",),
        "BOOLEANAND": ("(a, b) AS a AND b",),
        "BOOLEANOR": ("(a, b) AS a OR b",),
        "IS_DISTINCT_FROM": ("(a, b) AS a IS DISTINCT FROM b",),
        "IS_NOT_DISTINCT_FROM": ("(a, b) AS a IS NOT DISTINCT FROM b",),
    },
    handlers={
        "DECODE": _decode,
        "GREATEST": _extreme("greatest"),
        "LEAST": _extreme("least"),
    },
)
