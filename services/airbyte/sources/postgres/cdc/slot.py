"""The slot and the publication: are they there, do they fit, how far does the log reach back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors, sql

from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.postgres.cdc.config import CdcConfig, lsn_number

Db = psycopg.Connection[dict[str, Any]]

# `invalidation_reason` is too new to count on (17); wal_status is there from 13 on.
_SLOT = """
SELECT s.plugin, s.database, s.active, s.active_pid, s.wal_status,
       s.confirmed_flush_lsn::text AS confirmed, s.restart_lsn::text AS restart,
       pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::bigint AS held, s.safe_wal_size
FROM pg_replication_slots s WHERE s.slot_name = %s
"""
# Of other users' sessions only some may see more than that they are there.
_WRITERS = """
SELECT (SELECT count(*) FROM pg_snapshot_xip(pg_current_snapshot())) AS count,
       (SELECT words FROM (
           SELECT xact_start AS at, format('process %s of user %s, since %s, %s', pid, usename,
                  xact_start, state) AS words
           FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
           UNION ALL
           SELECT prepared, format('prepared transaction %L of user %s, since %s', gid, owner,
                  prepared)
           FROM pg_prepared_xacts
       ) AS open ORDER BY at LIMIT 1) AS oldest
"""
_PAGE, _LONG_HEADER = 8192, 40


@dataclass(frozen=True)
class Slot:
    """A slot as the server tells; `held` bytes of log are kept for it, `safe` more may come."""

    confirmed: int
    held: int | None
    safe: int | None
    alive: bool


def find_slot(db: Db, cdc: CdcConfig) -> Slot | None:
    """Return the slot, None when there is none. Raises ConnectorError when it is another kind."""
    row = db.execute(_SLOT, [cdc.slot]).fetchone()
    if row is None:
        return None
    if row["plugin"] != "pgoutput":
        raise config_error(
            f"replication slot {cdc.slot!r} has plugin {row['plugin']}, not pgoutput; choose"
            " another name for replication_slot, or drop it"
        )
    database = db.info.dbname
    if row["database"] != database:
        raise config_error(
            f"replication slot {cdc.slot!r} belongs to database {row['database']!r}, not to"
            f" {database!r}; choose another name for replication_slot"
        )
    alive = row["wal_status"] != "lost" and row["confirmed"] is not None
    return Slot(
        lsn_number(row["confirmed"]) if row["confirmed"] else 0,
        row["held"],
        row["safe_wal_size"],
        alive,
    )


def create_slot(db: Db, cdc: CdcConfig) -> Slot:
    """Make the slot (anew, where there is a dead one)."""
    try:
        db.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE slot_name = %s",
            [cdc.slot],
        )
        db.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [cdc.slot])
    except errors.InsufficientPrivilege as error:
        raise config_error(
            f"user {db.info.user!r} may not create replication slot {cdc.slot!r}: ALTER USER"
            f" {db.info.user} REPLICATION, or have an administrator run SELECT"
            f" pg_create_logical_replication_slot('{cdc.slot}', 'pgoutput')",
            str(error),
        ) from error
    except errors.ConfigurationLimitExceeded as error:
        raise config_error(
            "the server has no replication slot left: raise max_replication_slots, or drop one"
            " that is not used (pg_replication_slots)",
            str(error),
        ) from error
    slot = find_slot(db, cdc)
    assert slot is not None  # noqa: S101 - it was made above
    return slot


def tell_writers(db: Db, say: Callable[[str], None]) -> None:
    """Say which transactions are writing: a new slot begins when all of them have ended."""
    row = db.execute(_WRITERS).fetchone() or {}
    if row["count"]:
        oldest = f"; the oldest: {row['oldest']}" if row["oldest"] else ""
        say(
            f"waiting for {row['count']} open transactions that have written something to end"
            f"{oldest}"
        )


def check_server(db: Db, cdc: CdcConfig) -> None:
    """Raise ConnectorError saying what to set when the server or the user cannot do CDC."""
    row = db.execute(
        "SELECT current_setting('wal_level') AS level, pg_is_in_recovery() AS standby,"
        " (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user) AS may,"
        " EXISTS (SELECT 1 FROM pg_publication WHERE pubname = %s) AS published",
        [cdc.publication],
    ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM gives a row
    if row["level"] != "logical":
        raise config_error(
            f"the server's wal_level is {row['level']}: set wal_level = logical and restart it"
        )
    if row["standby"]:
        raise config_error("the server is a standby: CDC reads from the primary; set host")
    if not row["may"]:
        raise config_error(
            f"user {db.info.user!r} may not replicate: ALTER USER {db.info.user} REPLICATION"
        )
    if not row["published"]:
        raise config_error(
            f"there is no publication {cdc.publication!r} in database {db.info.dbname!r}: CREATE"
            f" PUBLICATION {cdc.publication} FOR TABLE … (the tables to read); set publication"
        )


def log_end(db: Db) -> int:
    """Return a position that the log's reader reaches when it has seen everything until now."""
    row = db.execute("SELECT pg_current_wal_insert_lsn()::text AS at").fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM gives a row
    end = lsn_number(row["at"])
    # Right after a page's end the next record begins behind the page's header; the last one ended
    # before it.
    return end - end % _PAGE if end % _PAGE <= _LONG_HEADER else end


def heartbeat(db: Db, cdc: CdcConfig, say: Callable[[str], None]) -> None:
    """Run the user's heartbeat query; a failure is told and is none of the sync."""
    if not cdc.heartbeat:
        return
    try:
        db.execute("SET default_transaction_read_only = off")
        db.execute(sql.SQL(cdc.heartbeat))
    except psycopg.Error as error:
        say(f"heartbeat_action_query failed: {error}")
    finally:
        db.execute("SET default_transaction_read_only = on")
