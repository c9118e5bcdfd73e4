"""What a dimension kept by the day still answers exactly."""

from __future__ import annotations

import re

from sqlglot import exp

from services.dremio.sql.reflections.determinism import function

_UNITS = {"DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "DECADE", "CENTURY", "MILLENNIUM"}
_PARTS = _UNITS | {"DOW", "DOY", "DAYOFWEEK", "DAYOFYEAR"}
_OF_DAY = {
    "YEAR", "MONTH", "DAY", "DAYOFMONTH", "DAYOFWEEK", "DAYOFYEAR", "WEEK", "WEEKOFYEAR",
    "QUARTER", "LAST_DAY",
}  # fmt: skip
_MIDNIGHT = re.compile(r"\d{4}-\d{2}-\d{2}([ T]00:00(:00(\.0+)?)?)?")


def of_day(node: exp.Expr) -> exp.Column | None:
    """Return the column when `node` is a function of it that the time of day does not change."""
    value: exp.Expr | None = None
    name = function(node)
    if isinstance(node, exp.Cast):
        value = node.this if node.to.this == exp.DType.DATE else None
    elif isinstance(node, exp.Extract):
        value = node.expression if node.name.upper() in _PARTS else None
    elif isinstance(node, exp.Floor):
        unit = node.args.get("to")
        value = node.this if unit is not None and unit.name.upper() in _UNITS else None
    elif isinstance(node, exp.Anonymous) and name in ("DATE_TRUNC", "DATE_PART"):
        if len(node.expressions) == 2:
            unit = node.expressions[0]
            allowed = _UNITS if name == "DATE_TRUNC" else _PARTS
            if isinstance(unit, exp.Literal) and unit.name.upper() in allowed:
                value = node.expressions[1]
    elif isinstance(node, exp.Anonymous) and name in _OF_DAY and len(node.expressions) == 1:
        value = node.expressions[0]
    while isinstance(value, exp.Paren):
        value = value.this
    return value if isinstance(value, exp.Column) else None


def cut_at_midnight(node: exp.Expr) -> exp.Column | None:
    """Return the column when `node` is `column >= midnight` or `column < midnight`."""
    if not isinstance(node, exp.GTE | exp.LT):
        return None
    left: exp.Expr = node.this
    while isinstance(left, exp.Paren):
        left = left.this
    return left if isinstance(left, exp.Column) and _is_midnight(node.expression) else None


def _is_midnight(node: exp.Expr) -> bool:
    if isinstance(node, exp.Cast) and node.to.this in (exp.DType.DATE, exp.DType.TIMESTAMP):
        node = node.this
    elif function(node) in ("TO_TIMESTAMP", "TO_DATE") and len(node.expressions) == 2:
        pattern = node.expressions[1]
        if not (isinstance(pattern, exp.Literal) and pattern.name.upper().startswith("YYYY-MM-DD")):
            return False
        node = node.expressions[0]
    return (
        isinstance(node, exp.Literal)
        and node.is_string
        and _MIDNIGHT.fullmatch(node.name) is not None
    )
