"""Parts of dates and times, truncation, and the present moment (UTC, in milliseconds)."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from services.dremio.sql.functions.registry import (
    Context,
    Family,
    Handler,
    arity,
    function_error,
    literal,
    macro,
    through,
)

# Unit → how it is taken from a timestamp `a`. The week begins on Sunday for DOW (1 to 7).
_PARTS = {
    "YEAR": "year(a)",
    "ISOYEAR": "isoyear(a)",
    "QUARTER": "quarter(a)",
    "MONTH": "month(a)",
    "WEEK": "week(a)",
    "DAY": "day(a)",
    "DOW": "dayofweek(a) + 1",
    "ISODOW": "isodow(a)",
    "DOY": "dayofyear(a)",
    "HOUR": "hour(a)",
    "MINUTE": "minute(a)",
    "SECOND": "second(a)",
    "MILLISECOND": "millisecond(a)",
    "MICROSECOND": "microsecond(a)",
    "EPOCH": "CAST(floor(epoch(a)) AS BIGINT)",
    "CENTURY": "century(a)",
    "DECADE": "decade(a)",
    "MILLENNIUM": "millennium(a)",
}
# Type of `a` → the moment it stands for; a time is one of 1970-01-01.
_MOMENTS = {
    "TIMESTAMP": "a",
    "DATE": "CAST(a AS TIMESTAMP)",
    "TIME": "DATE '1970-01-01' + a",
    "VARCHAR": "CAST(a AS TIMESTAMP)",
    "": "CAST(a AS TIMESTAMP)",
}
_OF_INTERVALS = {"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "EPOCH"}
# Function → unit.
_FUNCTIONS = {
    "YEAR": "YEAR",
    "QUARTER": "QUARTER",
    "MONTH": "MONTH",
    "WEEK": "WEEK",
    "WEEKOFYEAR": "WEEK",
    "YEARWEEK": "WEEK",
    "DAY": "DAY",
    "DAYOFMONTH": "DAY",
    "DAYOFWEEK": "DOW",
    "DAYOFYEAR": "DOY",
    "HOUR": "HOUR",
    "MINUTE": "MINUTE",
    "SECOND": "SECOND",
}
_UNITS = {
    "YEAR",
    "QUARTER",
    "MONTH",
    "WEEK",
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "DECADE",
    "CENTURY",
    "MILLENNIUM",
}


def _overloads(unit: str, body: str) -> tuple[str, ...]:
    moment = f"(a) AS CAST({body.replace('(a)', '(@_TS(a))')} AS BIGINT)"
    if unit in _OF_INTERVALS:
        return f"(a INTERVAL) AS CAST({body} AS BIGINT)", moment
    return (moment,)


def part(unit: str, value: exp.Expr) -> exp.Expr:
    """Return EXTRACT(unit FROM value). Raises DremioError for an unknown unit."""
    unit = unit.upper().removesuffix("S") if unit.upper() != "MILLENNIUMS" else "MILLENNIUM"
    if unit not in _PARTS:
        raise function_error(f"EXTRACT: unknown time unit '{unit}', one of {', '.join(_PARTS)}")
    return macro(f"_PART_{unit}", value)


def truncate(unit: str, value: exp.Expr) -> exp.Expr:
    """Return DATE_TRUNC('unit', value). Raises DremioError for an unknown unit."""
    if unit.upper() not in _UNITS:
        raise function_error(f"DATE_TRUNC: unknown time unit '{unit}'")
    return macro("_TRUNCATE", exp.Literal.string(unit.lower()), value)


def unit_name(node: exp.Expr | None) -> str:
    """Return the unit as written: a literal or a bare word."""
    return literal(node) or (node.name if node is not None else "")


def _date_part(node: exp.Anonymous, context: Context) -> exp.Expr:
    unit, value = arity(node, 2)
    return part(unit_name(unit), value)


def _named_part(unit: str) -> Handler:
    return lambda node, context: part(unit, arity(node, 1)[0])


def _date_trunc(node: exp.Anonymous, context: Context) -> exp.Expr:
    unit, value = arity(node, 2)
    return truncate(unit_name(unit), value)


_NOW = (
    "() AS CAST(date_trunc('millisecond', get_current_timestamp() AT TIME ZONE 'UTC') AS TIMESTAMP)"
)
_TODAY = "() AS CAST(@NOW() AS DATE)"
_TIME = "() AS CAST(@NOW() AS TIME)"

_MACROS: dict[str, Any] = {
    "_TS": tuple(f"(a {kind}) AS {moment}" for kind, moment in _MOMENTS.items()),
    **{f"_PART_{unit}": _overloads(unit, body) for unit, body in _PARTS.items()},
    # The type stays: a date (or a string, read as one) gives a date.
    "_TRUNCATE": (
        "(u, a DATE) -> DATE AS CAST(date_trunc(u, a) AS DATE)",
        "(u, a VARCHAR) -> DATE AS CAST(date_trunc(u, CAST(a AS DATE)) AS DATE)",
        "(u, a TIME) -> TIME AS CAST(date_trunc(u, @_TS(a)) AS TIME)",
        "(u, a) -> TIMESTAMP AS CAST(date_trunc(u, @_TS(a)) AS TIMESTAMP)",
    ),
    "_LAST_DAY": ("(a TIMESTAMP) AS last_day(CAST(a AS DATE))",),
    "NOW": (_NOW,),
    "CURRENT_TIMESTAMP": (_NOW, _NOW.replace("()", "(p)", 1)),
    "LOCALTIMESTAMP": (_NOW, _NOW.replace("()", "(p)", 1)),
    "TRANSACTION_TIMESTAMP": (_NOW,),
    "STATEMENT_TIMESTAMP": (_NOW,),
    "CURRENT_DATE": (_TODAY,),
    "CURRENT_DATE_UTC": (_TODAY,),
    "CURRENT_TIME": (_TIME, _TIME.replace("()", "(p)", 1)),
    "LOCALTIME": (_TIME, _TIME.replace("()", "(p)", 1)),
}

FAMILY = Family(
    title="Date and time: parts",
    macros=_MACROS,
    handlers={
        **{name: _named_part(unit) for name, unit in _FUNCTIONS.items()},
        "DATE_PART": _date_part,
        "DATE_TRUNC": _date_trunc,
        "LAST_DAY": through("_LAST_DAY", "_TS"),
    },
)
