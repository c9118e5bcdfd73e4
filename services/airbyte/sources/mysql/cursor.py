"""Reading only what is new, exactly once, from servers that do not show rows' transactions.

A cursor alone loses rows (a transaction that was open during a sync commits later, with a cursor
value that has been passed) and doubles or loses rows that share the last value. So the rows at
the upper end (the *window*: those with the highest cursor values, within a margin of the highest)
are kept in the state as hashes of their contents, and the next sync reads the window again,
leaving out what it has seen. A row that arrives later than the window reaches back is missed:
that takes a transaction that stays open while hundreds of rows are written, or for an hour, and
is what CDC is for.

When more rows share the highest value than the window holds, Airbyte's rule has to do: `>` the
last value, or `>=` when the number of rows with it has changed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

# Rows in the window. The state lies in every snapshot of the table, so it has to stay small;
# while a transaction is known to be open, more is worth it.
WINDOW, WINDOW_WHEN_LATE = 500, 5000

MARGINS = {
    "datetime": "- INTERVAL 1 HOUR",
    "timestamp": "- INTERVAL 1 HOUR",
    "date": "- INTERVAL 1 DAY",
    **dict.fromkeys(("smallint", "mediumint", "int", "bigint"), "- 10000"),
}

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Window:
    """The rows from `low` on that were there, as hashes over `columns`."""

    low: str
    columns: tuple[str, ...]
    seen: tuple[str, ...]


@dataclass(frozen=True)
class Position:
    """Where the previous sync ended; `again` says to read the rows with the last value again."""

    cursor: str | None
    count: int
    window: Window | None
    again: bool = False

    @classmethod
    def from_state(cls, state: Json | None, cursor_field: str) -> Position | None:
        """Return the position, or None to begin anew (no state, or another cursor field)."""
        if not state:
            return None
        field = state.get("cursor_field")
        if (field[0] if isinstance(field, list) and field else field) != cursor_field:
            return None
        cursor, mark = state.get("cursor"), state.get("window")
        window = None
        # A cursor set by hand does not belong to the window: what is above it is wanted again.
        if mark and mark["cursor"] == cursor:
            window = Window(mark["low"], tuple(mark["columns"]), tuple(mark["seen"]))
        return cls(cursor, int(state.get("cursor_record_count") or 0), window)


def lowest(values: Sequence[str], size: int) -> str | None:
    """Return where a window of at most `size` rows begins, from the highest values downwards.

    `values` has one more than `size` when there are more rows; None when they are all the same.
    """
    if len(values) <= size:
        return values[-1] if values else None
    whole = [value for value in values if value != values[-1]]
    return whole[-1] if whole else None


def unseen_below(position: Position | None, column: str, low: str | None, quoted: bool) -> str:
    """SQL condition (the server's) for the rows below the new window, without the seen ones.

    `column` is a quoted identifier, `low` None: there is no window. The caller leaves out the
    rows of `position`'s window that it has seen.
    """
    below = f"{column} < {literal(low, quoted)}" if low is not None else "TRUE"
    if position is None:
        return f"({below} OR {column} IS NULL)"
    if position.cursor is None:
        return f"({below} AND {column} IS NOT NULL)"
    return f"({below} AND {_from(position, column, quoted)})"


def new_in_window(position: Position | None, column: str, quoted: bool) -> str:
    """SQL condition (the server's) for the rows of the new window that may be new."""
    if position is None or position.cursor is None:
        return "TRUE"
    return _from(position, column, quoted)


def _from(position: Position, column: str, quoted: bool) -> str:
    if position.window is not None:
        return f"{column} >= {literal(position.window.low, quoted)}"
    operator = ">=" if position.again else ">"
    return f"{column} {operator} {literal(position.cursor or '', quoted)}"


def literal(value: str, quoted: bool) -> str:
    """Return a cursor value as the server's literal.

    A number must not be a text: the server compares numbers with texts as floats, inexactly.
    """
    if not quoted and _NUMBER.fullmatch(value):
        return value
    return text_literal(value)


def text_literal(text: str) -> str:
    """Return `text` as the server's literal, whatever its sql_mode says about backslashes."""
    return f"CONVERT(x'{text.encode().hex()}' USING utf8mb4)" if "\\" in text else _plain(text)


def _plain(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def to_state(
    stream: str,
    namespace: str | None,
    cursor_field: str,
    cursor: str | None,
    count: int,
    window: Window | None,
) -> Json:
    """Return the state: Airbyte's fields, and the window."""
    state: Json = {
        "version": 2,
        "state_type": "cursor_based",
        "stream_name": stream,
        "stream_namespace": namespace,
        "cursor_field": [cursor_field],
        "cursor": cursor,
        "cursor_record_count": count,
    }
    if window is not None:
        state["window"] = {
            "cursor": cursor,
            "low": window.low,
            "columns": list(window.columns),
            "seen": list(window.seen),
        }
    return state
