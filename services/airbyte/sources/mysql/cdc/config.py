"""What changes carry besides the table's columns, and positions in the log.

Facts (Airbyte's source-mysql): `_ab_cdc_cursor` is the number in the log file's extension in the
high 32 bits and the position in the low ones; `invalid_cdc_cursor_position_behavior` says what
happens when the log does not reach back to the position any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyiceberg.types import LongType, StringType

from services.airbyte.cdk.columns import Column

Json = dict[str, Any]

LOG_FILE, LOG_POS, CURSOR = "_ab_cdc_log_file", "_ab_cdc_log_pos", "_ab_cdc_cursor"
UPDATED_AT, DELETED_AT = "_ab_cdc_updated_at", "_ab_cdc_deleted_at"
# Times are ISO 8601 text in UTC.
CDC_COLUMNS = (
    Column(CURSOR, LongType()),
    Column(LOG_FILE, StringType()),
    Column(LOG_POS, LongType()),
    Column(UPDATED_AT, StringType()),
    Column(DELETED_AT, StringType()),
)
CDC_NAMES = frozenset(column.name for column in CDC_COLUMNS)


@dataclass(frozen=True, order=True)
class Place:
    """A position: the number of the log file and the byte in it."""

    number: int
    at: int
    file: str = ""

    @classmethod
    def of(cls, file: str, at: int) -> Place:
        """Return the position in a file such as `binlog.000002`."""
        extension = file.rpartition(".")[2]
        return cls(int(extension) if extension.isdigit() else 0, at, file)

    def __str__(self) -> str:
        return f"{self.file}:{self.at}"

    @property
    def cursor(self) -> int:
        """The position as one number that grows with the log."""
        return (self.number << 32) | self.at


def to_state(place: Place, gtid: str | None, server: str) -> Json:
    """Return a stream's state: all transactions before the position are in the table."""
    return {
        "state_type": "log_based",
        "file": place.file,
        "pos": place.at,
        "gtid": gtid,
        "server": server,
    }


def from_state(state: Json | None) -> Place | None:
    """Read a state; None where it is not of this kind (the method was another one)."""
    if not state or state.get("state_type") != "log_based" or "file" not in state:
        return None
    return Place.of(str(state["file"]), int(state["pos"]))
