"""Names that sqlglot's generic printer gives Dremio's functions.

Tools that parse a statement and print it anew (Superset among them) send these. Only those are
taken that cannot mean anything else.
"""

from __future__ import annotations

from sqlglot import exp

from services.dremio.sql.functions.datetime_parts import part, truncate, unit_name
from services.dremio.sql.functions.registry import Context, Family, Handler, arity


def _part(unit: str) -> Handler:
    return lambda node, context: part(unit, arity(node, 1)[0])


def _truncate(node: exp.Anonymous, context: Context) -> exp.Expr:
    """TIMESTAMP_TRUNC(moment, UNIT): DATE_TRUNC with its arguments the other way round."""
    value, unit = arity(node, 2)
    return truncate(unit_name(unit), value)


FAMILY = Family(
    title="Reprinted names",
    native={"LOGICAL_AND": "bool_and", "LOGICAL_OR": "bool_or", "VARIANCE_POP": "var_pop"},
    handlers={
        "DAY_OF_MONTH": _part("DAY"),
        "DAY_OF_WEEK": _part("DOW"),
        "DAY_OF_YEAR": _part("DOY"),
        "WEEK_OF_YEAR": _part("WEEK"),
        "TIMESTAMP_TRUNC": _truncate,
    },
)
