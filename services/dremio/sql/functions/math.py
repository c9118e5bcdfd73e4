"""Mathematical functions. Java's answers at the edges: NaN and infinities, not errors."""

from __future__ import annotations

from sqlglot import exp

from services.dremio.sql.functions.registry import Context, Family, call

_NAN = "CAST('nan' AS DOUBLE)"


def _random(node: exp.Anonymous, context: Context) -> exp.Expr:
    """RANDOM([seed]): the seed is taken and not used."""
    return call("random")


def _mod(node: exp.Anonymous, context: Context) -> exp.Expr:
    dividend, divisor = node.expressions
    return exp.Paren(
        this=exp.Mod(this=exp.Paren(this=dividend), expression=exp.Paren(this=divisor))
    )


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
        "COT": ("(a DOUBLE) AS 1 / tan(a)",),
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
