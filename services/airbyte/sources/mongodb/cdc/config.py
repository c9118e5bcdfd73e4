"""What changes carry besides the documents' fields, and positions in the oplog.

Facts (Airbyte's source-mongodb-v2): the shared state is `{"state": {key: offset},
"schema_enforced"}`, the offset JSON text of `sec`, `ord` and `resume_token`, the key JSON text that
names the server; `_ab_cdc_cursor` is seconds × 100,000,000 and a number within the second.

Facts (MongoDB): a resume token is hexadecimal text, 82 and the time of its operation (8 bytes)
first; tokens sort as their changes do. A token may also stand for a time that had no change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from pyiceberg.types import LongType, StringType

from services.airbyte.cdk.columns import Column
from services.airbyte.cdk.shared_states import SHARED

Json = dict[str, Any]

CURSOR, UPDATED_AT, DELETED_AT = "_ab_cdc_cursor", "_ab_cdc_updated_at", "_ab_cdc_deleted_at"
# Times are ISO 8601 text in UTC.
CDC_COLUMNS = (
    Column(UPDATED_AT, StringType()),
    Column(DELETED_AT, StringType()),
    Column(CURSOR, LongType()),
)
CDC_NAMES = frozenset(column.name for column in CDC_COLUMNS)

_SECOND, _OPERATION = 100_000_000, 100
# After every token of the same time.
_ALL = "~"


@dataclass(frozen=True)
class Position:
    """Everything up to here is in the table.

    `time` is an operation's, seconds << 32 | number. With a `token`: up to the change with this
    token; without: everything that was done by then.
    """

    time: int
    token: str | None = None

    @property
    def order(self) -> tuple[int, str]:
        """Positions sort by this."""
        return self.time, self.token or _ALL

    @property
    def cursor(self) -> int:
        """The first value of `_ab_cdc_cursor` for what happens at this time."""
        number = min(self.time & 0xFFFFFFFF, _SECOND // _OPERATION - 1)
        return (self.time >> 32) * _SECOND + number * _OPERATION

    def __str__(self) -> str:
        return f"{self.time >> 32}:{self.time & 0xFFFFFFFF}"


def cursor(time: int, number: int) -> int:
    """Return `_ab_cdc_cursor` of the `number`th change of the operations at a time."""
    return Position(time).cursor + min(number, _OPERATION - 1)


def token_time(token: str) -> int:
    """Return the time that a resume token holds. Raises ValueError: it is none."""
    if len(token) < 18 or not token.startswith("82"):
        raise ValueError(f"no resume token: {token[:20]!r}")
    return int(token[2:18], 16)


def to_state(position: Position, server: str, *, schema_enforced: bool, fields: Json) -> Json:
    """Return a stream's state: Airbyte's shared one, and what the engine and this source add.

    `fields` are the kinds of columns, where they are not the catalog's alone.
    """
    offset = {
        "sec": position.time >> 32,
        "ord": position.time & 0xFFFFFFFF,
        "resume_token": position.token,
    }
    key = orjson.dumps([server, {"server_id": server}]).decode()
    state: Json = {
        "state_type": "log_based",
        "state": {key: orjson.dumps(offset).decode()},
        "schema_enforced": schema_enforced,
        "pos": position.time,
    }
    return {**state, "fields": fields} if fields else state


@dataclass(frozen=True)
class Known:
    """What a state says. `server` None: an Airbyte's state, whose names of servers are its own."""

    position: Position
    server: str | None
    schema_enforced: bool
    fields: dict[str, str]


def from_state(state: Json | None) -> Known | None:
    """Read a state, this source's or Airbyte's; None where it is neither."""
    if not state:
        return None
    own = state.get("state_type") == "log_based"
    shared = state if own else state.get(SHARED) or {}
    offsets = shared.get("state")
    if not isinstance(offsets, dict) or not offsets:
        return None
    key, offset = next(iter(offsets.items()))
    found = orjson.loads(offset) if isinstance(offset, str) else offset
    if "sec" not in found:
        return None
    return Known(
        Position(int(found["sec"]) << 32 | int(found.get("ord") or 0), found.get("resume_token")),
        str(orjson.loads(key)[0]) if own else None,
        shared.get("schema_enforced") is not False,
        dict(state.get("fields") or {}),
    )
