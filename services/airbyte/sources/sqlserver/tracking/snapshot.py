"""The moment that a snapshot of the database stands for, and a table read whole in it.

The documentation has the version asked for within the snapshot's transaction, and does not say
whether the function sees what the snapshot sees. So it is asked before and after the first access
of data: where both answers are the same, no tracked transaction was committed in between, and the
snapshot is exactly that version. After some tries the version before is taken: what was committed
in between is then in the snapshot, and comes once more as a change. Nothing can be lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import duckdb

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.choosing import choose
from services.airbyte.cdk.columns import literal, quote
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.sqlserver.connecting import Session, query
from services.airbyte.sources.sqlserver.failures import explain
from services.airbyte.sources.sqlserver.rows import Rows
from services.airbyte.sources.sqlserver.snapshots import begin, end
from services.airbyte.sources.sqlserver.tables import SourceTable, believed_rows
from services.airbyte.sources.sqlserver.tracking.config import (
    CDC_COLUMNS,
    CURSOR,
    DELETED_AT,
    UPDATED_AT,
    Place,
)
from services.airbyte.sources.sqlserver.tracking.server import current_version

_TRIES = 20
_ROWS = "lakelet_sqlserver_snapshot"
_NOW = "SELECT CONVERT(nvarchar(40), SYSUTCDATETIME(), 126) AS now"


@dataclass(frozen=True)
class Moment:
    """An open snapshot of the version; `time` is the server's, ISO 8601 in UTC."""

    version: int
    time: str
    exact: bool

    @classmethod
    def take(cls, db: Session, table: SourceTable) -> Moment:
        """Begin a snapshot in the session; `table` is the one whose data is accessed first."""
        touch = f"SELECT TOP (1) 1 AS touched FROM {table.full_name}"
        for number in range(_TRIES):
            begin(db)
            version = current_version(db) or 0
            now = str(query(db, _NOW)[0]["now"])[:26]
            query(db, touch)
            if current_version(db) == version:
                return cls(version, f"{now}Z", exact=True)
            if number < _TRIES - 1:
                end(db)
        return cls(version, f"{now}Z", exact=False)

    @property
    def words(self) -> str:
        """The moment for the log."""
        about = "" if self.exact else " or some transactions later: their changes come once more"
        return f"snapshot at version {self.version}{about}"


@contextmanager
def read_whole(
    db: Session,
    table: SourceTable,
    stream: ConfiguredStream,
    moment: Moment,
    place: Place,
    duck: duckdb.DuckDBPyConnection,
    env: Environment,
) -> Iterator[Reading]:
    """Read a table as of the moment."""
    columns = choose(table.columns, replace(stream, sync_mode="full_refresh"), env)
    listing = ", ".join(column.select() for column in columns)
    believed = believed_rows(db, table)
    rows = Rows(db, f"SELECT {listing} FROM {table.full_name}", columns)
    duck.register(_ROWS, rows.reader())
    try:
        yield Reading(
            columns=(*(c.column for c in columns), *CDC_COLUMNS),
            relation=f"(SELECT {', '.join(quote(c.name) for c in columns)},"
            f" {moment.version}::BIGINT AS {CURSOR}, {literal(moment.time)} AS {UPDATED_AT},"
            f" NULL::VARCHAR AS {DELETED_AT} FROM {_ROWS})",
            state=place.to_state,
            unique_key=bool(table.primary_key)
            and set(stream.primary_key) == set(table.primary_key),
            estimated_rows=believed,
        )
    except duckdb.Error as error:
        if rows.error is None:
            raise
        raise explain(rows.error, {}) from error
    finally:
        duck.unregister(_ROWS)
        rows.close()
