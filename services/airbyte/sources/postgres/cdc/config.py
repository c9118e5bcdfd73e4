"""The CDC part of the source's configuration, and the columns that changes carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyiceberg.types import LongType, StringType

from services.airbyte.cdk.columns import Column
from services.airbyte.cdk.failures import config_error

Json = dict[str, Any]

LSN, UPDATED_AT, DELETED_AT = "_ab_cdc_lsn", "_ab_cdc_updated_at", "_ab_cdc_deleted_at"
# As Airbyte's source-postgres has them: times are ISO 8601 text in UTC.
CDC_COLUMNS = (
    Column(LSN, LongType()),
    Column(UPDATED_AT, StringType()),
    Column(DELETED_AT, StringType()),
)
CDC_NAMES = frozenset(column.name for column in CDC_COLUMNS)


@dataclass(frozen=True)
class CdcConfig:
    """`replication_method` of method CDC; defaults as in the connector's specification."""

    slot: str
    publication: str
    initial_waiting_seconds: float
    acknowledge_while_reading: bool
    heartbeat: str
    resync: bool
    load_hours: float
    queue_size: int

    @classmethod
    def parse(cls, config: Json) -> CdcConfig:
        """Read the fields. Raises ConnectorError when slot or publication is not given."""
        method = config["replication_method"]
        plugin = method.get("plugin") or "pgoutput"
        if plugin != "pgoutput":
            raise config_error(f"plugin {plugin} is not supported; set plugin to pgoutput")
        for name in ("replication_slot", "publication"):
            if not method.get(name):
                raise config_error(f"replication_method CDC needs {name}; set it")
        behaviour = method.get("lsn_commit_behaviour") or ""
        invalid = method.get("invalid_cdc_cursor_position_behavior") or ""
        return cls(
            slot=method["replication_slot"],
            publication=method["publication"],
            initial_waiting_seconds=float(method.get("initial_waiting_seconds") or 1200),
            acknowledge_while_reading=behaviour == "While reading Data",
            heartbeat=(method.get("heartbeat_action_query") or "").strip(),
            resync=invalid == "Re-sync data",
            load_hours=float(method.get("initial_load_timeout_hours") or 8),
            queue_size=int(method.get("queue_size") or 10_000),
        )


def lsn_text(lsn: int) -> str:
    """Return a position as PostgreSQL writes it: `16/B374D848`."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def lsn_number(text: str) -> int:
    """Return a position as a number of bytes."""
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)
