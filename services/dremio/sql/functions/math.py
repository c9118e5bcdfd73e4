"""Mathematical functions. Java's answers at the edges: NaN and infinities, not errors."""

from __future__ import annotations

from sqlglot import exp

from services.dremio.sql.functions.registry import Context, Family, arity, call, macro

_NAN = "CAST('nan' AS DOUBLE)"


def _random(node: exp.Anonymous, context: Context) -> exp.Expr:
    """RANDOM([seed]): the seed is taken and not used."""
    return call("random")


def remainder(dividend: exp.Expr, divisor: exp.Expr) -> exp.Expr:
    """Return `dividend % divisor`; divided by zero, the dividend is what remains."""
    plain = exp.Paren(
        this=exp.Mod(this=exp.Paren(this=dividend), expression=exp.Paren(this=divisor))
    )
    if isinstance(divisor, exp.Literal) and divisor.name.strip("0."):
        return plain
    return macro("_MOD", dividend, divisor)


def _mod(node: exp.Anonymous, context: Context) -> exp.Expr:
    return remainder(*arity(node, 2))


FAMILY = Family(
    title="Math",
    native={
        name: name
        for name in (
            (
                "ABS",
                "ATAN",
                "ATAN2",
                "CBRT",
                "COS",
                "COSH",
                "SIN",
                "SINH",
                "TAN",
                "TANH",
                "DEGREES",
                "RADIANS",
                "EXP",
                "PI",
                "ROUND",
            )
        )
    }
    | {"CEILING": "ceil", "CEIL": "ceil", "FLOOR": "floor", "TRUNC": "trunc", "TRUNCATE": "trunc"},
    macros={
        "ACOS": (f"(a DOUBLE) AS CASE WHEN abs(a) > 1 THEN {_NAN} ELSE acos(a) END",),
        "ASIN": (f"(a DOUBLE) AS CASE WHEN abs(a) > 1 THEN {_NAN} ELSE asin(a) END",),
        "BROUND": (
            "(a DOUBLE) AS round_even(a, 0)",
            "(a DOUBLE, b INTEGER) AS round_even(a, b)",
        ),
        "COT": ("(a DOUBLE) AS tan(pi() / 2 - a)",),
        "E": ("() AS exp(1)",),
        "FACTORIAL": ("(a) AS CAST(factorial(CAST(a AS INTEGER)) AS BIGINT)",),
        # Over a range where no logarithm exists the reference prints null.
        "LN": ("(a DOUBLE) AS CASE WHEN a > 0 THEN ln(a) END",),
        "LOG": (
            "(a DOUBLE) AS CASE WHEN a > 0 THEN ln(a) END",
            "(a DOUBLE, b DOUBLE) AS CASE WHEN a > 0 AND b > 0 THEN ln(b) / ln(a) END",
        ),
        "LOG10": ("(a DOUBLE) AS CASE WHEN a > 0 THEN log10(a) END",),
        "LOG2": ("(a DOUBLE) AS CASE WHEN a > 0 THEN log2(a) END",),
        "_MOD": ("(a, b) AS CASE WHEN b = 0 THEN a ELSE a % b END",),
        "PMOD": ("(a, b) AS ((a % b) + b) % b",),
        "POWER": (
            f"(a DOUBLE, b DOUBLE) AS CASE WHEN a < 0 AND b <> trunc(b) THEN {_NAN} "
            "ELSE pow(a, b) END",
        ),
        "POW": ("(a DOUBLE, b DOUBLE) AS @POWER(a, b)",),
        "SIGN": ("(a) AS CAST(sign(a) AS INTEGER)",),
        "SQRT": (f"(a DOUBLE) AS CASE WHEN a < 0 THEN {_NAN} ELSE sqrt(a) END",),
    },
    handlers={"RANDOM": _random, "RAND": _random, "MOD": _mod},
)
