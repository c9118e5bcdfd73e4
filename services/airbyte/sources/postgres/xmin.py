"""Method Xmin: what is new by the id of the transaction that wrote a row; no cursor column.

Deleted rows are not seen. A table that was rewritten (ALTER TABLE … TYPE) is read whole again.
"""

from __future__ import annotations

from typing import Any

from services.airbyte.sources.postgres.cursor import Position, Snapshot

Json = dict[str, Any]


def position_of(state: Json | None) -> Position | None:
    """Return where the previous sync ended; None: begin anew."""
    mark = (state or {}).get("snapshot") or {}
    if (state or {}).get("state_type") != "xmin" or not mark:
        return None
    seen = mark.get("seen")
    return Position(
        cursor=None,
        count=0,
        snapshot=Snapshot.parse(mark["value"]),
        seen=None if seen is None else tuple(seen),
        late=True,
        file=mark.get("file"),
    )


def to_state(snapshot: Snapshot, mark: Json) -> Json:
    """Return the state: the fields of Airbyte's xmin state, and the snapshot."""
    return {
        "version": 2,
        "state_type": "xmin",
        "num_wraparound": snapshot.xmin >> 32,
        "xmin_xid_value": snapshot.xmin & 0xFFFFFFFF,
        "xmin_raw_value": snapshot.xmin,
        "snapshot": mark,
    }
