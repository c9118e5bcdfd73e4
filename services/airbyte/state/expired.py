"""Files that no snapshot needs any more, until they are removed."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from uuid import UUID

from services.airbyte.state.database import Db


def add(db: Db, connection_id: UUID, paths: Iterable[str]) -> None:
    """Note files as not needed from now on."""
    db.execute(
        "INSERT INTO expired_files (path, connection_id) SELECT unnest(%s::text[]), %s"
        " ON CONFLICT (path) DO NOTHING",
        (list(paths), connection_id),
    )


def due(db: Db, connection_id: UUID, age: datetime.timedelta, limit: int = 10_000) -> list[str]:
    """Return the files that were noted at least `age` ago, oldest first."""
    rows = db.execute(
        "SELECT path FROM expired_files WHERE connection_id = %s AND expired_at <= now() - %s"
        " ORDER BY expired_at LIMIT %s",
        (connection_id, age, limit),
    )
    return [row["path"] for row in rows]


def forget(db: Db, paths: Iterable[str]) -> None:
    """The files are gone."""
    db.execute("DELETE FROM expired_files WHERE path = ANY(%s)", (list(paths),))
