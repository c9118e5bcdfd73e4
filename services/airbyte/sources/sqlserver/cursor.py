"""Conditions of a read by cursor, in T-SQL. The rule itself: `sources.mysql.cursor`.

The window (the rows at the upper end) is told apart by hashes that are made here, of the values as
they arrive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from services.airbyte.cdk.columns import quote
from services.airbyte.sources.mysql.cursor import Position
from services.airbyte.sources.sqlserver.names import text
from services.airbyte.sources.sqlserver.types import Mapping

_HOUR = "DATEADD(hour, -1, CAST({} AS {}))"
# How far below the highest value the window reaches at most.
MARGINS = {
    "datetime": _HOUR,
    "datetime2": _HOUR,
    "smalldatetime": _HOUR,
    "datetimeoffset": _HOUR,
    "date": "DATEADD(day, -1, CAST({} AS {}))",
    **dict.fromkeys(("smallint", "int", "bigint"), "CAST({} AS decimal(20,0)) - 10000"),
}
TEMPORAL = frozenset({"date", "datetime", "datetime2", "smalldatetime", "datetimeoffset"})
_BARE = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?|0x[0-9a-f]*", re.IGNORECASE)
_TODAY = "CAST(CAST(SYSUTCDATETIME() AS date) AS datetime2)"


def literal(value: str, mapping: Mapping) -> str:
    """Return a cursor value as T-SQL has it. What is no number is a text, whatever the column."""
    return value if not mapping.quoted and _BARE.fullmatch(value) else text(value)


def margin(type_name: str, top: str) -> str | None:
    """Return the SQL of the value that a window below `top` (a literal) does not reach below."""
    found = MARGINS.get(type_name)
    return found and found.format(top, type_name)


def before_today(type_name: str, column: str) -> str:
    """Return the condition of `exclude_todays_data`: values up to the last midnight in UTC."""
    return f"{column} < {_TODAY}" if type_name in TEMPORAL else "1 = 1"


def since(position: Position | None, column: str, mapping: Mapping) -> str:
    """Return the condition for the rows that the previous sync may not have read."""
    if position is None or position.cursor is None:
        return "1 = 1"
    if position.window is not None:
        return f"{column} >= {literal(position.window.low, mapping)}"
    return f"{column} {'>=' if position.again else '>'} {literal(position.cursor, mapping)}"


def below_window(position: Position | None, column: str, low: str | None, mapping: Mapping) -> str:
    """Return the condition for the rows below the new window; `low` None: there is no window."""
    below = f"{column} < {literal(low, mapping)}" if low is not None else "1 = 1"
    if position is None:
        return f"({below} OR {column} IS NULL)"
    return f"({below} AND {column} IS NOT NULL AND {since(position, column, mapping)})"


def row_hash(names: Sequence[str], there: Sequence[str]) -> str:
    """Return DuckDB's SQL of a row's hash over columns; one that is gone counts as null."""
    values = [
        f"coalesce(md5(CAST({quote(name)} AS VARCHAR)), '-')" if name in there else "'-'"
        for name in names
    ]
    return f"left(md5(concat_ws(',', {', '.join(values)})), 16)"
