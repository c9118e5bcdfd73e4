"""`a / b`: integers give integers, decimals a decimal, all else doubles; nothing by zero.

The type of a quotient of decimals is that of Gandiva's DecimalTypeUtil, which Dremio plans and
runs with: DECIMAL(p1, s1) / DECIMAL(p2, s2) has max(6, s1 + p2 + 1) digits after the point, of
which some are given up (never below 6) where there would be more than 38 digits in all; the last
digit is rounded half up. An INTEGER counts as DECIMAL(10, 0), a BIGINT as DECIMAL(19, 0).

DuckDB divides decimals as doubles. Here that is only the first half of the digits. The types are
known when a query is bound: `typeof` and what is made of it is answered then, once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from services.dremio.sql.functions.registry import Family, Udf, literal, macro

_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_SMALL = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT")
_LARGE = ("BIGINT", "HUGEINT", "UINTEGER", "UBIGINT", "UHUGEINT")
_INTEGERS = dict.fromkeys(_SMALL, 10) | dict.fromkeys(_LARGE, 19)
_MOST = 38
_LEAST_SCALE = 6


def quotient_type(dividend: str, divisor: str) -> tuple[int, int] | None:
    """Return (precision, scale) of a quotient, None where it is no decimal; by DuckDB's types."""
    first, second = _digits(dividend), _digits(divisor)
    if first is None or second is None or not (first[1] or second[1]):
        return None
    (p1, s1), (p2, s2) = first[0], second[0]
    whole = p1 - s1 + s2
    scale = max(_LEAST_SCALE, s1 + p2 + 1)
    if whole + scale > _MOST:
        scale = max(_LEAST_SCALE, _MOST - whole)
    return min(_MOST, whole + scale), scale


def _digits(kind: str) -> tuple[tuple[int, int], bool] | None:
    """Return ((precision, scale), whether it is a decimal) of an exact number's type."""
    match = _DECIMAL.fullmatch(kind)
    if match:
        return (int(match[1]), int(match[2])), True
    return ((_INTEGERS[kind], 0), False) if kind in _INTEGERS else None


def _scale(dividend: str, divisor: str) -> int:
    """The quotient's scale, -1 where it is no decimal."""
    found = quotient_type(dividend, divisor)
    return -1 if found is None else found[1]


def _whole(dividend: str, divisor: str) -> int:
    """How many digits the quotient has before the point, 1 at least."""
    precision, scale = quotient_type(dividend, divisor) or (1, 0)
    return max(1, precision - scale)


def _kind(dividend: str, divisor: str) -> str:
    """`other` where the quotient is no decimal, `short` where its first six digits times the
    divisor have room in 128 bits beside the twelve digits of a usual dividend, else `long`."""
    first, second = _digits(dividend), _digits(divisor)
    if first is None or second is None or quotient_type(dividend, divisor) is None:
        return "other"
    return "short" if max(first[0][1], 6 + second[0][1]) <= 25 else "long"


def _picked(values: Mapping[Any, str], key: str) -> str:
    """SQL: the value of that key, with its own type. A key of types that are not known yet (when
    the macro is made) is no constant: `coalesce` keeps DuckDB from asking for one."""
    fields = ", ".join(f"'{number}': {value}" for number, value in values.items())
    first = next(iter(values))
    return (
        f"struct_extract({{{fields}}}, "
        f"CASE WHEN coalesce(t, u) IS NULL THEN '{first}' ELSE CAST({key} AS VARCHAR) END)"
    )


def _unit(scale: int) -> str:
    """SQL: the least number of that scale."""
    text = "0." + "0" * (scale - 1) + "1" if scale else "1"
    return f"CAST('{text}' AS DECIMAL({max(scale, 1)},{scale}))"


_KIND = "_dremio_quotient_kind(t, u)"
_AT = "_dremio_quotient_scale(t, u)"
_BEFORE = "_dremio_quotient_whole(t, u)"
# In two steps, so that there are 13 types to bind and not 38: DECIMAL(6, 6) * DECIMAL(2, 2) is a
# DECIMAL(8, 8).
_UNIT = (
    f"(t, u) AS {_picked({n: _unit(6 * n) for n in range(7)}, f'greatest({_AT}, 0) // 6')}"
    f" * {_picked({n: _unit(n) for n in range(6)}, f'greatest({_AT}, 0) % 6')}"
)
_KINDS = {
    "other": "CAST(0 AS TINYINT)",
    "short": "CAST(0 AS SMALLINT)",
    "long": "CAST(0 AS INTEGER)",
}
_WHOLES = {n: f"CAST(0 AS DECIMAL({n},0))" for n in range(1, 33)}

FAMILY = Family(
    title="Quotients",
    udfs=(
        Udf("_dremio_quotient_scale", ["VARCHAR", "VARCHAR"], "INTEGER", _scale, constant=True),
        Udf("_dremio_quotient_whole", ["VARCHAR", "VARCHAR"], "INTEGER", _whole, constant=True),
        Udf("_dremio_quotient_kind", ["VARCHAR", "VARCHAR"], "VARCHAR", _kind, constant=True),
    ),
    macros={
        "_QUOTIENT_UNIT": (_UNIT,),
        # DuckDB gives both in one column as many digits before the point as the one has, and as
        # many after it as the other.
        "_QUOTIENT": (f"(t, u) AS coalesce({_picked(_WHOLES, _BEFORE)}, @_QUOTIENT_UNIT(t, u))",),
        # `x` and `y` are the operands as doubles: DuckDB takes long to make one of 128 bits. Their
        # quotient has 15 digits; what is left of the dividend after its first six decimals is
        # exact, and divided again gives the others.
        "_FIRST": ("(x, y) AS CAST(x / y AS DECIMAL(38,6))",),
        "_SECOND": ("(a, b, x, y) AS CAST(a - @_FIRST(x, y) * b AS DOUBLE) / y",),
        # A type's name is a constant once the query is bound: in a lambda, where DuckDB folds no
        # calls, too.
        "_QUOTIENT_KIND": (f"(t, u) AS typeof({_picked(_KINDS, _KIND)})",),
        "_DECIMAL_QUOTIENT": (
            "(a, b, x, y, t, u) AS CASE WHEN @_QUOTIENT_KIND(t, u) = 'TINYINT' THEN NULL "
            "WHEN b = 0 THEN error('divide by zero') "
            "WHEN @_QUOTIENT_KIND(t, u) = 'SMALLINT' AND abs(x) < 1e12 AND abs(x / y) < 1e15 "
            "THEN @_FIRST(x, y) + cast_to_type(@_SECOND(a, b, x, y), @_QUOTIENT_UNIT(t, u)) "
            "ELSE cast_to_type(x / y, @_QUOTIENT(t, u)) END",
        ),
        # `//` has the type wanted: that of the integers, or DOUBLE.
        "_PLAIN_QUOTIENT": (
            "(a, b) AS CASE WHEN b = 0 THEN error('divide by zero') "
            "WHEN typeof(a // b) IN ('DOUBLE', 'FLOAT') THEN cast_to_type(a / b, a // b) "
            "ELSE a // b END",
        ),
        # `coalesce` keeps DuckDB from looking further into the body when the macro is made.
        "_DIVIDED": (
            "(a, b, x, y) AS struct_extract({'decimal': CASE WHEN coalesce(a, b) IS NULL THEN NULL "
            "ELSE cast_to_type(@_DECIMAL_QUOTIENT(a, b, x, y, typeof(a), typeof(b)), "
            "@_QUOTIENT(typeof(a), typeof(b))) END, "
            "'other': CASE WHEN @_QUOTIENT_KIND(typeof(a), typeof(b)) = 'TINYINT' "
            "THEN @_PLAIN_QUOTIENT(a, b) END}, CASE WHEN coalesce(typeof(a), typeof(b)) IS NULL "
            "OR @_QUOTIENT_KIND(typeof(a), typeof(b)) = 'TINYINT' THEN 'other' "
            "ELSE 'decimal' END)",
        ),
        "_DIVIDE": ("(a, b) AS @_DIVIDED(a, b, CAST(a AS DOUBLE), CAST(b AS DOUBLE))",),
        # The same where the operands are better not written down more than once.
        "_DIVIDE_ONCE": (
            "(a, b) AS list_transform([{'a': a, 'b': b, 'x': CAST(a AS DOUBLE), "
            "'y': CAST(b AS DOUBLE)}], lambda v: @_DIVIDED(v.a, v.b, v.x, v.y))[1]",
        ),
    },
)

_DOUBLES = (exp.DType.DOUBLE, exp.DType.FLOAT)
_COSTLY = (exp.Subquery, exp.Select, exp.Window)
# DuckDB does not bind a lambda's parameters there.
_LAMBDAS_FAIL = (exp.Having, exp.Order, exp.Qualify, exp.Group)


def divide(node: exp.Div) -> exp.Expr:
    """Return `a / b` with Dremio's result types."""
    operands = (node.this, node.expression)
    if any(_is_double(operand) or literal(operand.unnest()) for operand in operands):
        return macro("_PLAIN_QUOTIENT", *operands)
    once = any(_is_costly(operand) for operand in operands) and not any(
        isinstance(above, _LAMBDAS_FAIL) for above in _above(node)
    )
    return macro("_DIVIDE_ONCE" if once else "_DIVIDE", *operands)


def _is_double(node: exp.Expr) -> bool:
    node = node.unnest()
    return isinstance(node, exp.Cast) and node.to.this in _DOUBLES


def _is_costly(node: exp.Expr) -> bool:
    """Whether it is much to bind or to run several times: a subquery, a window, a quotient."""
    return any(
        isinstance(part, _COSTLY)
        or (isinstance(part, exp.Anonymous) and "._divide" in part.name.lower())
        for part in node.walk()
    )


def _above(node: exp.Expr) -> list[exp.Expr]:
    """Return the clauses that an expression stands in, up to its own query."""
    found: list[exp.Expr] = []
    parent = node.parent
    while parent is not None and not isinstance(parent, exp.Select):
        found.append(parent)
        parent = parent.parent
    return found
