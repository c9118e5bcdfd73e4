"""How far connections that read a log are."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from uuid import UUID

from services.airbyte.state.database import Db


@dataclass(frozen=True)
class Freshness:
    """Bronze holds what the source held at `up_to_date_at`; `lag_bytes` of log are kept."""

    up_to_date_at: datetime.datetime | None
    lag_bytes: int | None


def get(db: Db, connection_id: UUID) -> Freshness | None:
    """Return what was last noted, None for a connection that never read a log."""
    row = db.execute(
        "SELECT up_to_date_at, lag_bytes FROM freshness WHERE connection_id = %s", (connection_id,)
    ).fetchone()
    return Freshness(**row) if row else None


def up_to_date(db: Db, connection_id: UUID, at: datetime.datetime) -> None:
    """Note that bronze holds what the source held at a moment."""
    db.execute(
        "INSERT INTO freshness (connection_id, up_to_date_at) VALUES (%s, %s)"
        " ON CONFLICT (connection_id) DO UPDATE SET up_to_date_at = excluded.up_to_date_at,"
        " updated_at = now()",
        (connection_id, at),
    )


def lag(db: Db, connection_id: UUID, size: int | None) -> None:
    """Note how many bytes of log are kept for the connection; None: unknown."""
    db.execute(
        "INSERT INTO freshness (connection_id, lag_bytes) VALUES (%s, %s)"
        " ON CONFLICT (connection_id) DO UPDATE SET lag_bytes = excluded.lag_bytes,"
        " updated_at = now()",
        (connection_id, size),
    )
