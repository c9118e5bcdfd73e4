"""What the server says about the changes that it tracks.

Facts (Microsoft's documentation of each): CHANGE_TRACKING_CURRENT_VERSION is NULL where the
database tracks nothing; CHANGE_TRACKING_MIN_VALID_VERSION is NULL where the table is not tracked or
the user may not see it (VIEW CHANGE TRACKING); `begin_version` of sys.change_tracking_tables is set
when tracking is switched on and when the table is truncated; what was tracked lies in an internal
table (sys.internal_tables, type 209), which is made anew when tracking is switched on again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.sqlserver.connecting import Session, query
from services.airbyte.sources.sqlserver.names import identifier
from services.airbyte.sources.sqlserver.snapshots import allowed
from services.airbyte.sources.sqlserver.tables import SourceTable

Json = dict[str, Any]

UNSEEN = "?"

_TRACKED = """
SELECT t.object_id AS id, t.begin_version AS started,
       CHANGE_TRACKING_MIN_VALID_VERSION(t.object_id) AS oldest, i.object_id AS journal
FROM sys.change_tracking_tables AS t
LEFT JOIN sys.internal_tables AS i ON i.parent_id = t.object_id AND i.internal_type = 209
"""


@dataclass(frozen=True)
class Tracked:
    """A table's tracking: the oldest version to ask from (None: not ours to see), and its name."""

    oldest: int | None
    identity: str

    def is_the_one(self, identity: str) -> bool:
        """Whether it is still the tracking of that identity, as far as the user may see."""
        mine, other = self.identity.rpartition("/"), identity.rpartition("/")
        return mine[0] == other[0] and (mine[2] == other[2] or UNSEEN in (mine[2], other[2]))


def current_version(db: Session) -> int | None:
    """Return the version of the last committed transaction; None: the database tracks nothing."""
    version = query(db, "SELECT CHANGE_TRACKING_CURRENT_VERSION() AS version")[0]["version"]
    return None if version is None else int(version)


def tracked_tables(db: Session) -> dict[int, Tracked]:
    """Return the tables whose changes are tracked, by object_id."""
    found = {}
    for row in query(db, _TRACKED):
        oldest = None if row["oldest"] is None else int(row["oldest"])
        identity = f"{row['id']}/{row['started']}/{row['journal'] or UNSEEN}"
        found[int(row["id"])] = Tracked(oldest, identity)
    return found


def check_database(db: Session, config: Json) -> int:
    """Return the current version. Raises ConnectorError when changes cannot be read."""
    database = identifier(str(config["database"]))
    version = current_version(db)
    if version is None:
        raise config_error(
            f"database {config['database']!r} tracks no changes: ALTER DATABASE {database} SET"
            " CHANGE_TRACKING = ON (CHANGE_RETENTION = 7 DAYS, AUTO_CLEANUP = ON), then ALTER TABLE"
            ' … ENABLE CHANGE_TRACKING; or set replication_method to {"method": "STANDARD"}'
        )
    if not allowed(db):
        raise config_error(
            f"changes are read in snapshots and database {config['database']!r} does not allow"
            f" them: ALTER DATABASE {database} SET ALLOW_SNAPSHOT_ISOLATION ON"
        )
    return version


def check_tables(db: Session, tables: Sequence[SourceTable], config: Json) -> None:
    """Raise ConnectorError when no table's changes may be read."""
    tracking = tracked_tables(db)
    mine = [tracking[table.id] for table in tables if table.id in tracking]
    if not mine:
        raise config_error(
            "no table is tracked that the user sees: ALTER TABLE … ENABLE CHANGE_TRACKING"
        )
    if all(one.oldest is None for one in mine):
        raise config_error(
            f"user {config.get('username')!r} may not see tracked changes: GRANT VIEW CHANGE"
            f" TRACKING ON SCHEMA::{identifier(tables[0].schema)} TO the user"
        )
