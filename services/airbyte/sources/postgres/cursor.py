"""Reading only what is new, exactly once: cursor and transaction ids together.

A cursor alone loses rows (a transaction that was open during a sync commits later, with a
cursor value that has been passed) and doubles or loses rows that share the last cursor value.
So a sync reads in one snapshot and keeps that snapshot in its state; the next one reads the rows
whose writing transaction (`xmin`) that snapshot could not see. The cursor narrows the search, so
that an index on it can be used: to a margin below the last value, or not at all when a
transaction was open (it may commit any value).

What the snapshot could see, row by row: transaction ids below `xmin`, and of those from `xmin`
on the ones that were found in the table (`seen`). The snapshot's own list of running
transactions is not enough, as it leaves out subtransactions (savepoints).

A table that was rewritten since (ALTER TABLE … TYPE, TRUNCATE) has new transaction ids everywhere:
it, and relations without `xmin` (views, foreign tables), follow Airbyte's rule: `>` the last value,
or `>=` when the number of rows with that value has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.airbyte.cdk.columns import literal, quote

Json = dict[str, Any]

MAX_SEEN = 5000

_MARGINS = {
    "timestamp": "- interval '1 hour'",
    "timestamptz": "- interval '1 hour'",
    "date": "- 1",
    "int4": "::bigint - 10000",
    "int8": "- 10000",
}

# Values that nothing is above: rows to come would all be below a cursor that is one of them.
_ENDS = frozenset({"float4", "float8", "numeric", "date", "timestamp", "timestamptz"})
_ENDLESS = {"infinity": "infinity", "Infinity": "Infinity", "NaN": "Infinity"}

# Another session's transaction may have begun before this snapshot, or may hide whether it has.
LATE_QUERY = (
    "EXISTS (SELECT 1 FROM pg_stat_activity WHERE datid = (SELECT oid FROM pg_database"
    " WHERE datname = current_database()) AND pid <> pg_backend_pid()"
    " AND (xact_start IS NOT NULL OR backend_type IS NULL))"
    " OR EXISTS (SELECT 1 FROM pg_prepared_xacts WHERE database = current_database())"
)


def highest(column: str, kind: str) -> str:
    """SQL of the highest value's text."""
    if kind == "uuid":  # has an order, but no max()
        return f'max({quote(column)}::text COLLATE "C")'
    return f"max({quote(column)})::text"


def below_endless(column: str, kind: str, top: str | None) -> str | None:
    """SQL condition for the values below infinity, where the highest is infinity or NaN."""
    end = _ENDLESS.get(top or "") if kind in _ENDS else None
    return f"{quote(column)} < {literal(end)}::{kind}" if end else None


@dataclass(frozen=True)
class Snapshot:
    """PostgreSQL's `xmin:xmax:running` with what was found in the table above `xmin`."""

    xmin: int
    xmax: int
    running: bool

    @classmethod
    def parse(cls, text: str) -> Snapshot:
        """Read txid_snapshot's text form."""
        low, high, running = text.split(":")
        return cls(int(low), int(high), bool(running))

    def row_xid(self) -> str:
        """SQL: the 64-bit id of the transaction that wrote the row, seen from this snapshot."""
        base, low = self.xmax & ~0xFFFFFFFF, self.xmax & 0xFFFFFFFF
        return (
            f"(xmin::text::bigint + CASE WHEN xmin::text::bigint >= {low}"
            f" THEN {base - (1 << 32)} ELSE {base} END)"
        )


@dataclass(frozen=True)
class Position:
    """Where the previous sync ended, as its state tells."""

    cursor: str | None
    count: int
    snapshot: Snapshot | None
    seen: tuple[int, ...] | None
    late: bool
    file: int | None = None

    @classmethod
    def from_state(cls, state: Json | None, cursor_field: str) -> Position | None:
        """Return the position, or None to begin anew (no state, or another cursor field)."""
        if not state:
            return None
        field = state.get("cursor_field")
        if (field[0] if isinstance(field, list) and field else field) != cursor_field:
            return None
        cursor = state.get("cursor")
        mark = state.get("snapshot") or {}
        snapshot = None
        # A cursor set by hand does not belong to the snapshot: what is above it is wanted again.
        if mark and mark.get("cursor") == cursor:
            snapshot = Snapshot.parse(mark["value"])
        elif cursor is None:
            return None
        seen = mark.get("seen")
        return cls(
            cursor,
            int(state.get("cursor_record_count") or 0),
            snapshot,
            tuple(seen) if seen is not None else None,
            bool(mark.get("late", True)),
            mark.get("file"),
        )

    def without_snapshot(self) -> Position:
        """Return the position with nothing but the cursor to go by."""
        return Position(self.cursor, self.count, None, None, True)


def condition(position: Position, now: Snapshot | None, column: str, kind: str) -> str:
    """SQL condition for the rows that `position` has not covered.

    `now` is the reading snapshot (None: the relation has no xmin), `kind` the cursor's type.
    """
    name = quote(column)
    last = f"{literal(position.cursor)}::{kind}" if position.cursor is not None else None
    before = position.snapshot
    if now is None or before is None or now.xmax < before.xmax:
        # No transaction ids to go by (or those of another server: it was replaced).
        if last is None:
            return "true"
        return f"({name} {'>=' if position.count < 0 else '>'} {last})"
    xid = now.row_xid()
    if not before.running:
        unseen = f"{xid} >= {before.xmax}"
    elif position.seen is not None:
        known = f" AND {xid} NOT IN ({', '.join(map(str, position.seen))})" if position.seen else ""
        unseen = f"{xid} >= {before.xmin}{known}"
    else:
        mark = f"'{before.xmin}:{before.xmax}:'"
        unseen = (
            f"{xid} >= {before.xmin} AND NOT ({xid} < {before.xmax}"
            f" AND txid_visible_in_snapshot({xid}, {mark}))"
        )
    if position.late or last is None:
        return f"({unseen})"
    return f"(({name} >= {last}{_MARGINS.get(kind, '')} OR {name} IS NULL) AND {unseen})"


def to_state(
    stream: str,
    namespace: str | None,
    cursor_field: str,
    cursor: str | None,
    count: int,
    mark: Json | None,
) -> Json:
    """Return the state: Airbyte's fields, and the snapshot."""
    state: Json = {
        "version": 2,
        "state_type": "cursor_based",
        "stream_name": stream,
        "stream_namespace": namespace,
        "cursor_field": [cursor_field],
        "cursor": cursor,
        "cursor_record_count": count,
    }
    if mark is not None:
        state["snapshot"] = {"cursor": cursor, **mark}
    return state
