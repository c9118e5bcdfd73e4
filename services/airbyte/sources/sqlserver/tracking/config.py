"""What changes carry besides the table's columns, and how far a stream was read.

Facts (Microsoft's "Work with change tracking"): the version counts committed transactions of the
database; a client that knows all changes up to version n asks for those after n.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyiceberg.types import LongType, StringType

from services.airbyte.cdk.columns import Column

Json = dict[str, Any]

CURSOR, UPDATED_AT, DELETED_AT = "_ab_cdc_cursor", "_ab_cdc_updated_at", "_ab_cdc_deleted_at"
# The cursor is the version of the row's last change. Times are ISO 8601 text in UTC.
CDC_COLUMNS = (
    Column(CURSOR, LongType()),
    Column(UPDATED_AT, StringType()),
    Column(DELETED_AT, StringType()),
)
CDC_NAMES = frozenset(column.name for column in CDC_COLUMNS)
_KIND = "change_tracking"


@dataclass(frozen=True)
class Place:
    """All changes up to `version` are known; `tracking` names the table's tracking."""

    version: int
    tracking: str

    def to_state(self) -> Json:
        """Return a stream's state."""
        return {"state_type": _KIND, "version": self.version, "tracking": self.tracking}

    @classmethod
    def from_state(cls, state: Json | None) -> Place | None:
        """Read a state; None where it is not of this kind (the method was another one)."""
        if not state or state.get("state_type") != _KIND:
            return None
        return cls(int(state["version"]), str(state.get("tracking") or ""))
