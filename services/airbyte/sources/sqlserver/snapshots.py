"""Snapshots: transactions that see one moment of the database, and lock nothing.

Facts (Microsoft's "SET TRANSACTION ISOLATION LEVEL"): a SNAPSHOT transaction sees what was
committed before its first access of data; the database has to allow it (ALLOW_SNAPSHOT_ISOLATION).
"""

from __future__ import annotations

import contextlib

from services.airbyte.sources.sqlserver.connecting import Session, execute, query


def allowed(db: Session) -> bool:
    """Whether the database allows snapshots (1: on; 2 and 3 are on the way there or back)."""
    found = query(
        db,
        "SELECT snapshot_isolation_state AS state FROM sys.databases WHERE database_id = DB_ID()",
    )
    return bool(found and found[0]["state"] == 1)


def begin(db: Session) -> None:
    """Begin a snapshot; its moment is that of the first access."""
    execute(db, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
    execute(db, "BEGIN TRANSACTION")


def end(db: Session) -> None:
    """End the snapshot. Where the connection has broken it has ended."""
    with contextlib.suppress(Exception):
        execute(db, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION")
        execute(db, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
