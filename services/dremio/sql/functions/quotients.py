"""`a / b`: integers give integers, decimals a decimal, all else doubles; nothing by zero.

The type of a quotient of decimals is that of Gandiva's DecimalTypeUtil, which Dremio plans and
runs with: DECIMAL(p1, s1) / DECIMAL(p2, s2) has max(6, s1 + p2 + 1) digits after the point, of
which some are given up (never below 6) where there would be more than 38 digits in all; the last
digit is rounded half up. An INTEGER counts as DECIMAL(10, 0), a BIGINT as DECIMAL(19, 0).

DuckDB divides decimals as doubles. Here they are divided as whole numbers of 128 bits. The types
are known when a query is bound: `typeof` and what is made of it is answered then, once.
"""

from __future__ import annotations

import re

from sqlglot import exp

from services.dremio.sql.functions.registry import Family, Udf, macro

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


def _fraction(kind: str) -> int:
    """How many digits the type has after the point."""
    digits = _digits(kind)
    return 0 if digits is None else digits[0][1]


def _picked(values: dict[int, str], key: str) -> str:
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


_AT = "_dremio_quotient_scale(t, u)"
_BEFORE = "_dremio_quotient_whole(t, u)"
# In two steps, so that there are 13 types to bind and not 38: DECIMAL(6, 6) * DECIMAL(2, 2) is a
# DECIMAL(8, 8).
_UNIT = (
    f"(t, u) AS {_picked({n: _unit(6 * n) for n in range(7)}, f'greatest({_AT}, 0) // 6')}"
    f" * {_picked({n: _unit(n) for n in range(6)}, f'greatest({_AT}, 0) % 6')}"
)
_WHOLES = {n: f"CAST(0 AS DECIMAL({n},0))" for n in range(1, 33)}

FAMILY = Family(
    title="Quotients",
    udfs=(
        Udf("_dremio_quotient_scale", ["VARCHAR", "VARCHAR"], "INTEGER", _scale, constant=True),
        Udf("_dremio_quotient_whole", ["VARCHAR", "VARCHAR"], "INTEGER", _whole, constant=True),
        Udf("_dremio_fraction", ["VARCHAR"], "INTEGER", _fraction, constant=True),
    ),
    macros={
        "_QUOTIENT_UNIT": (_UNIT,),
        # DuckDB gives both in one column as many digits before the point as the one has, and as
        # many after it as the other.
        "_QUOTIENT": (f"(t, u) AS coalesce({_picked(_WHOLES, _BEFORE)}, @_QUOTIENT_UNIT(t, u))",),
        "_TEN_TO": ("(e) AS CAST('1' || repeat('0', e) AS HUGEINT)",),
        # A decimal as a whole number of its last digit's. Long fractions go by way of text: the
        # product would not go into 128 bits.
        "_UNSCALED": (
            "(a, fraction) AS CASE WHEN fraction > 9 "
            "THEN CAST(replace(CAST(a AS VARCHAR), '.', '') AS HUGEINT) "
            "ELSE CAST(a * CAST(@_TEN_TO(least(fraction, 9)) AS DECIMAL(38,0)) AS HUGEINT) END",
        ),
        "_FITS": (
            "(a, fraction, most) AS abs(CAST(a AS DOUBLE)) "
            "< pow(10, least(most, CASE WHEN fraction > 9 THEN 38 ELSE 37 - 2 * fraction END))",
        ),
        # With one digit more than wanted, which DuckDB's cast then rounds half up.
        "_WHOLE_QUOTIENT": (
            "(a, b, s1, s2, scale) AS CAST(CAST((@_UNSCALED(a, s1) * @_TEN_TO(scale - s1 + s2 + 1))"
            " // @_UNSCALED(b, s2) AS DECIMAL(38,0)) * 0.1 AS DECIMAL(38,0))",
        ),
        # What would not go into 128 bits on the way is divided as doubles.
        "_DECIMAL_QUOTIENT": (
            "(a, b, s1, s2, scale) AS CASE "
            "WHEN @_FITS(a, s1, 36 - scale - s2) AND @_FITS(b, s2, 38) "
            "THEN @_WHOLE_QUOTIENT(a, b, s1, s2, scale) "
            "ELSE CAST(CAST(a AS DOUBLE) / CAST(b AS DOUBLE) * pow(10, scale) AS DECIMAL(38,0)) "
            "END * @_QUOTIENT_UNIT(typeof(a), typeof(b))",
        ),
        # `//` has the type wanted: that of the integers, or DOUBLE.
        "_PLAIN_QUOTIENT": (
            "(a, b) AS CASE WHEN b = 0 THEN error('divide by zero') "
            "WHEN typeof(a // b) IN ('DOUBLE', 'FLOAT') THEN cast_to_type(a / b, a // b) "
            "ELSE a // b END",
        ),
        "_DIVIDE": (
            "(a, b) AS struct_extract({'decimal': CASE "
            "WHEN _dremio_quotient_scale(typeof(a), typeof(b)) < 0 THEN NULL "
            "WHEN b = 0 THEN error('divide by zero') "
            "ELSE cast_to_type(@_DECIMAL_QUOTIENT(a, b, _dremio_fraction(typeof(a)), "
            "_dremio_fraction(typeof(b)), "
            "greatest(_dremio_quotient_scale(typeof(a), typeof(b)), 0)), "
            "@_QUOTIENT(typeof(a), typeof(b))) END, "
            "'other': CASE WHEN _dremio_quotient_scale(typeof(a), typeof(b)) < 0 "
            "THEN @_PLAIN_QUOTIENT(a, b) END}, CASE WHEN coalesce(typeof(a), typeof(b)) IS NULL "
            "OR _dremio_quotient_scale(typeof(a), typeof(b)) < 0 THEN 'other' ELSE 'decimal' END)",
        ),
        # The same where the operands are better not written down more than once.
        "_DIVIDE_ONCE": (
            "(a, b) AS list_transform([{'a': a, 'b': b}], lambda v: @_DIVIDE(v.a, v.b))[1]",
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
    if any(_is_double(operand) for operand in operands):
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
