"""Where streams go on, and whether the slot still reaches back to there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.shared_states import MEMBER, PARTITIONS, TABLE
from services.airbyte.sources.postgres.cdc import slot as slots
from services.airbyte.sources.postgres.cdc.config import CdcConfig, lsn_text
from services.airbyte.sources.postgres.cdc.publication import Published

Json = dict[str, Any]


@dataclass(frozen=True)
class Position:
    """All transactions whose commit lies before `lsn` are in the table; of which server and table.

    `table` is the oid of the table in the source, `member` that of its place in the publication; 0
    where they are not known. `partitions` is `Published.partitions` at that time.
    """

    lsn: int
    system: str
    table: int = 0
    member: int = 0
    partitions: str = ""

    @classmethod
    def of(cls, state: Json | None) -> Position | None:
        """Read a state; None where it is not of this kind (the method was another one)."""
        if not state or state.get("state_type") != "log_based":
            return None
        return cls(
            int(state["lsn"]),
            str(state.get("system_identifier") or ""),
            int(state.get(TABLE) or 0),
            int(state.get(MEMBER) or 0),
            str(state.get(PARTITIONS) or ""),
        )

    def as_state(self, slot: str) -> Json:
        """Return the position as a stream's state."""
        return {
            "state_type": "log_based",
            "lsn": self.lsn,
            "lsn_text": lsn_text(self.lsn),
            "replication_slot": slot,
            "system_identifier": self.system,
            TABLE: self.table,
            MEMBER: self.member,
            **({PARTITIONS: self.partitions} if self.partitions else {}),
        }


def replaced(
    cdc: CdcConfig,
    known: Mapping[str, Position],
    tables: Mapping[str, Published],
    say: Callable[[str], None],
) -> frozenset[str]:
    """Return the streams whose table is another one than the one that was read until now.

    Raises ConnectorError when there are such and the configuration does not say to read anew.
    """
    others = {k for k, p in known.items() if p.table and p.table != tables[k].oid}
    away = {k for k, p in known.items() if p.member and p.member != tables[k].member} - others
    for found, words in ((others, another_table), (away, _was_away)):
        if found:
            names = ", ".join(sorted(f"{tables[key].schema}.{tables[key].name}" for key in found))
            if not cdc.resync:
                raise config_error(words(names, cdc.publication))
            say(f"{names} was made anew or published anew: reading anew, as configured")
    return frozenset(others | away)


def tell_partitions(
    known: Mapping[str, Position], tables: Mapping[str, Published], say: Callable[[str], None]
) -> None:
    """Say which tables have other partitions than when they were read last."""
    for key, position in known.items():
        table = tables[key]
        if position.partitions and table.partitions not in ("", position.partitions):
            was, now = (mark.partition(":")[0] for mark in (position.partitions, table.partitions))
            say(
                f"{table.schema}.{table.name} has other partitions than at the last sync ({now},"
                f" was {was}): the log does not tell of rows that were attached, detached or"
                " dropped with one; connections/refresh reads the stream anew"
            )


_ANEW = (
    " Have the stream read anew (connections/refresh, or connections/reset for all), or set"
    " invalid_cdc_cursor_position_behavior to 'Re-sync data' to have that done by itself"
)


def _was_away(names: str, publication: str) -> str:
    return (
        f"table {names} was taken out of publication {publication!r} and put in again (or the"
        " publication was made anew), so the log may lack changes in between, or hold other columns"
        f" and rows of it.{_ANEW}"
    )


def another_table(names: str, publication: str) -> str:
    """Return what to do about tables that took the place of others."""
    return (
        f"table {names} (publication {publication!r}) is not the one that was read until now: that"
        f" one was dropped or renamed. The log does not tell what became of its rows.{_ANEW}"
    )


def continuing(
    db: slots.Db,
    cdc: CdcConfig,
    system: str,
    known: Mapping[str, Position],
    say: Callable[[str], None],
) -> frozenset[str]:
    """Make sure that there is a slot; return the streams that it does not reach back to.

    Raises ConnectorError when there are such and the configuration does not say to read anew.
    """
    slot = slots.find_slot(db, cdc)
    lost: set[str] = set()
    why = ""
    if slot is None:
        lost, why = set(known), "does not exist any more"
    elif not slot.alive:
        lost, why = set(known), "was invalidated: the server has removed log that was still needed"
    else:
        strangers = {k for k, p in known.items() if p.system and p.system != system}
        behind = {k for k, p in known.items() if p.lsn < slot.confirmed} - strangers
        lost = strangers | behind
        if strangers:
            why = "is of another server than the one that was read until now"
        elif behind:
            oldest = min(known[key].lsn for key in behind)
            why = (
                f"was confirmed up to {lsn_text(slot.confirmed)}, beyond {lsn_text(oldest)} where"
                " this connection goes on: it was made anew, or someone else reads it"
            )
    if lost and not cdc.resync:
        raise config_error(
            f"replication slot {cdc.slot!r} {why}. The changes since then cannot be read. Reset"
            " the connection (connections/reset) to read its tables anew, or set"
            " invalid_cdc_cursor_position_behavior to 'Re-sync data' to have that done by itself"
        )
    if lost:
        say(f"replication slot {cdc.slot} {why}: reading anew, as configured")
    if slot is None or not slot.alive:
        slots.tell_writers(db, say)
        slots.create_slot(db, cdc)
        say(f"replication slot {cdc.slot} was made")
    return frozenset(lost)
