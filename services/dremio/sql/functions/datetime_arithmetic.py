"""Sums and differences of dates, times and intervals."""

from __future__ import annotations

import re

from sqlglot import exp

from services.dremio.sql.functions.datetime_parts import unit_name
from services.dremio.sql.functions.registry import (
    Context,
    Family,
    Handler,
    arity,
    function_error,
    macro,
    through,
)

_MAKERS = {
    "YEAR": "to_years(CAST(b AS INTEGER))",
    "QUARTER": "to_months(CAST(b AS INTEGER) * 3)",
    "MONTH": "to_months(CAST(b AS INTEGER))",
    "WEEK": "to_days(CAST(b AS INTEGER) * 7)",
    "DAY": "to_days(CAST(b AS INTEGER))",
    "HOUR": "to_hours(CAST(b AS BIGINT))",
    "MINUTE": "to_minutes(CAST(b AS BIGINT))",
    "SECOND": "to_seconds(b)",
    "MILLISECOND": "to_milliseconds(b)",
    "MICROSECOND": "to_microseconds(CAST(b AS BIGINT))",
}
_DATE_UNITS = {"YEAR", "QUARTER", "MONTH", "WEEK", "DAY"}
# TIMESTAMPDIFF counts whole units between; a and b are timestamps.
_SPANS = ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND")
_SHORT = {
    "SQL_TSI_YEAR": "YEAR", "SQL_TSI_QUARTER": "QUARTER", "SQL_TSI_MONTH": "MONTH",
    "SQL_TSI_WEEK": "WEEK", "SQL_TSI_DAY": "DAY", "SQL_TSI_HOUR": "HOUR",
    "SQL_TSI_MINUTE": "MINUTE", "SQL_TSI_SECOND": "SECOND", "FRAC_SECOND": "MICROSECOND",
    "SQL_TSI_FRAC_SECOND": "MICROSECOND", "YEARS": "YEAR", "MONTHS": "MONTH", "DAYS": "DAY",
    "HOURS": "HOUR", "MINUTES": "MINUTE", "SECONDS": "SECOND",
}  # fmt: skip


def _unit(node: exp.Expr | None, known: object) -> str:
    name = unit_name(node).upper()
    name = _SHORT.get(name, name)
    if name not in known:  # type: ignore[operator]
        raise function_error(f"unknown time unit '{name}'")
    return name


def interval(unit: str, value: exp.Expr) -> exp.Expr:
    """Return CAST(value AS INTERVAL unit). Raises DremioError for an unknown unit."""
    return macro(f"_INTERVAL_{_unit(exp.var(unit), _MAKERS)}", value)


def interval_span(node: exp.Interval) -> exp.Expr:
    """Return `INTERVAL '1-2' YEAR TO MONTH`, `INTERVAL '3 04:05' DAY TO MINUTE` and the like.

    Raises DremioError for a value that has not the parts its unit tells of.
    """
    span = node.args["unit"]
    units = [span.this.name.upper(), span.expression.name.upper()]
    value, sign = node.this, ""
    if isinstance(value, exp.Neg):
        value, sign = value.this, "-"
    for row in _SPAN_UNITS:
        if units[0] in row and units[1] in row:
            parts = row[row.index(units[0]) : row.index(units[1]) + 1]
            numbers = _SPAN_PARTS.findall(value.name)
            if value.name.strip().startswith("-"):
                sign = "" if sign else "-"
            if len(numbers) == len(parts) > 1:
                pieces = (f"{sign}{n} {part}" for n, part in zip(numbers, parts, strict=True))
                return exp.cast(exp.Literal.string(" ".join(pieces)), "INTERVAL")
    raise function_error(f"not an interval of {' TO '.join(units)}: {value.sql()}")


_SPAN_UNITS = (("YEAR", "MONTH"), ("DAY", "HOUR", "MINUTE", "SECOND"))
_SPAN_PARTS = re.compile(r"\d+(?:\.\d+)?")


def _timestampadd(node: exp.Anonymous, context: Context) -> exp.Expr:
    unit, count, value = arity(node, 3)
    name = _unit(unit, _MAKERS)
    amount = macro(f"_INTERVAL_{name}", count)
    if name in _DATE_UNITS:
        return macro("_ADD_KEEP", value, amount)
    return macro("_ADD_TS", macro("_TS", value), amount)


def _timestampdiff(node: exp.Anonymous, context: Context) -> exp.Expr:
    unit, first, second = arity(node, 3)
    return macro(f"_SPAN_{_unit(unit, _SPANS)}", macro("_TS", first), macro("_TS", second))


def _shift(sign: int) -> Handler:
    """DATE_ADD, DATE_SUB; a third argument is the unit, as sqlglot's generic printer adds it."""

    def handler(node: exp.Anonymous, context: Context) -> exp.Expr:
        value, amount, *unit = arity(node, 2, 3)
        if unit:
            amount = interval(unit_name(unit[0]), amount)
            if unit_name(unit[0]).upper() in ("DAY", "DAYS"):
                name = "_ADD_KEEP" if sign > 0 else "_SUB_KEEP"
                return macro(name, value, amount)
        # The fewer overloads there are to choose from, the sooner a statement is planned.
        return macro(("_DATE_PLUS" if sign > 0 else "_DATE_MINUS") + _kind(amount), value, amount)

    return handler


def _kind(amount: exp.Expr) -> str:
    """What is added, as far as the text tells."""
    if isinstance(amount, exp.Neg):
        amount = amount.this
    if isinstance(amount, exp.Literal) and amount.is_int:
        return "_DAYS"
    if isinstance(amount, exp.Interval) or "._interval_" in amount.name:
        return "_INTERVAL"
    return ""


def _by_days(op: str) -> tuple[str, ...]:
    return (
        f"(a DATE, b BIGINT) -> DATE AS a {op} CAST(b AS INTEGER)",
        f"(a TIMESTAMP, b BIGINT) -> TIMESTAMP AS a {op} to_days(CAST(b AS INTEGER))",
        f"(a VARCHAR, b BIGINT) -> DATE AS CAST(a AS DATE) {op} CAST(b AS INTEGER)",
    )


def _by_interval(op: str) -> tuple[str, ...]:
    return (
        f"(a DATE, b INTERVAL) -> TIMESTAMP AS CAST(a {op} b AS TIMESTAMP)",
        f"(a TIMESTAMP, b INTERVAL) -> TIMESTAMP AS a {op} b",
        f"(a TIME, b INTERVAL) -> TIME AS a {op} b",
        f"(a VARCHAR, b INTERVAL) -> TIMESTAMP AS CAST(CAST(a AS DATE) {op} b AS TIMESTAMP)",
    )


def _shifts(op: str) -> tuple[str, ...]:
    return (
        *_by_interval(op),
        *_by_days(op),
        f"(a TIMESTAMP, b DOUBLE) -> TIMESTAMP AS a {op} to_seconds(b * 86400)",
    )


def _keeps(op: str) -> tuple[str, ...]:
    return (
        f"(a DATE, b) -> DATE AS CAST(a {op} b AS DATE)",
        f"(a VARCHAR, b) -> DATE AS CAST(CAST(a AS DATE) {op} b AS DATE)",
        f"(a, b) -> TIMESTAMP AS @_TS(a) {op} b",
    )


_DAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")

FAMILY = Family(
    title="Date and time: arithmetic",
    macros={
        **{f"_INTERVAL_{unit}": (f"(b) AS {body}",) for unit, body in _MAKERS.items()},
        **{
            f"_SPAN_{unit}": (f"(a, b) AS CAST(date_sub('{unit.lower()}', a, b) AS INTEGER)",)
            for unit in _SPANS
        },
        "_ADD_KEEP": _keeps("+"),
        "_SUB_KEEP": _keeps("-"),
        "_ADD_TS": ("(a TIMESTAMP, b INTERVAL) AS a + b",),
        "_DATE_PLUS": _shifts("+"),
        "_DATE_PLUS_DAYS": _by_days("+"),
        "_DATE_PLUS_INTERVAL": _by_interval("+"),
        "_DATE_MINUS_DAYS": _by_days("-"),
        "_DATE_MINUS_INTERVAL": _by_interval("-"),
        "_DATE_MINUS": (
            *_shifts("-"),
            # Two dates give the interval between them.
            "(a DATE, b DATE) -> INTERVAL AS to_days(CAST(a - b AS INTEGER))",
            "(a TIMESTAMP, b TIMESTAMP) -> INTERVAL AS a - b",
            "(a TIME, b TIME) -> INTERVAL AS @_TS(a) - @_TS(b)",
        ),
        "_ADD_MONTHS": ("(a TIMESTAMP, b) AS CAST(a + to_months(CAST(b AS INTEGER)) AS DATE)",),
        "_DATEDIFF": ("(a TIMESTAMP, b TIMESTAMP) AS CAST(date_diff('day', b, a) AS INTEGER)",),
        # A month is counted as 31 days for the days that are left over; month ends are equal.
        "_MONTHS": (
            "(a TIMESTAMP, b TIMESTAMP) AS CAST((year(a) - year(b)) * 12 + month(a) - month(b)"
            " AS DOUBLE) + CASE WHEN day(a) = day(b) OR (last_day(a) = CAST(a AS DATE) AND "
            "last_day(b) = CAST(b AS DATE)) THEN 0 ELSE (day(a) - day(b)) / 31.0e0 END",
        ),
        "_NEXT_DAY": (
            "(a TIMESTAMP, b) AS CAST(a AS DATE) + CAST(1 + (CASE left(upper(b), 2) "
            + " ".join(f"WHEN '{name}' THEN {index}" for index, name in enumerate(_DAYS))
            + " ELSE error('NEXT_DAY: unknown day of week ' || b) END"
            " - dayofweek(a) + 6) % 7 AS INTEGER)",
        ),
        "_END": ("(a, b INTERVAL) AS a + b", "(a, b) AS @_TS(b)"),
        "_OVERLAPS": (
            "(a, b, c, d) AS greatest(a, b) >= least(c, d) AND greatest(c, d) >= least(a, b)",
        ),
        "DATETYPE": (
            "(a, b, c) AS make_date(CAST(a AS BIGINT), CAST(b AS BIGINT), CAST(c AS BIGINT))",
        ),
        "TIMESTAMPTYPE": (
            "(y, m, d, h, mi, s, ms) AS make_timestamp(CAST(y AS BIGINT), CAST(m AS BIGINT), "
            "CAST(d AS BIGINT), CAST(h AS BIGINT), CAST(mi AS BIGINT), s + ms / 1000.0e0)",
        ),
        "TIMETYPE": (
            "(h, mi, s, ms) AS make_time(CAST(h AS BIGINT), CAST(mi AS BIGINT), s + ms / 1000.0e0)",
        ),
    },
    handlers={
        "ADD_MONTHS": through("_ADD_MONTHS", "_TS", None),
        "DATEDIFF": through("_DATEDIFF", "_TS", "_TS"),
        "MONTHS_BETWEEN": through("_MONTHS", "_TS", "_TS"),
        "NEXT_DAY": through("_NEXT_DAY", "_TS", None),
        "TIMESTAMPADD": _timestampadd,
        "TIMESTAMPDIFF": _timestampdiff,
        "DATE_ADD": _shift(1),
        "DATE_SUB": _shift(-1),
        "DATE_DIFF": _shift(-1),
    },
)


def overlaps(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Return `(start, end or length) OVERLAPS (start, end or length)`."""
    ends = [*left.expressions, *right.expressions]
    if len(ends) != 4:
        raise function_error("OVERLAPS takes two pairs: (start, end) OVERLAPS (start, end)")
    points = []
    for start, end in (ends[:2], ends[2:]):
        moment = macro("_TS", start)
        points += [moment, macro("_END", moment.copy(), end)]
    return macro("_OVERLAPS", *points)
