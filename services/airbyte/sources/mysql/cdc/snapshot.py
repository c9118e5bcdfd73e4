"""The initial snapshot: exactly what was committed before a position of the log.

MariaDB tells the position that belongs to a consistent snapshot (`binlog_snapshot_file` and
`_position`, as its own backups use them), and nothing is locked. MySQL does not: there the
snapshot is begun under a global read lock, held for two statements.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pymysql
import pymysql.cursors

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.choosing import choose
from services.airbyte.cdk.columns import literal
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.mysql.cdc.config import (
    CDC_COLUMNS,
    CURSOR,
    DELETED_AT,
    LOG_FILE,
    LOG_POS,
    UPDATED_AT,
    Place,
)
from services.airbyte.sources.mysql.cdc.server import end_of_log
from services.airbyte.sources.mysql.cdc.texts import read_texts
from services.airbyte.sources.mysql.connecting import Session, Target, hang_up, query
from services.airbyte.sources.mysql.reading import arriving, nulled, selecting
from services.airbyte.sources.mysql.tables import SourceTable, believed_size, identifier
from services.airbyte.sources.mysql.types import exactly_as_text

Json = dict[str, Any]
_ROWS = "lakelet_snapshot_rows"
_SETUP = (
    "SET SESSION time_zone = '+00:00', net_write_timeout = 3600",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
)


class Snapshot:
    """A transaction that sees one moment, which lives as long as its connection."""

    def __init__(self, db: Session, place: Place) -> None:
        self._db, self.place = db, place
        self.taken_at = datetime.datetime.now(datetime.UTC)

    @classmethod
    @contextmanager
    def take(cls, server: Target) -> Iterator[Snapshot]:
        """Begin a snapshot."""
        db = pymysql.connect(
            **server.pymysql_options(),
            cursorclass=pymysql.cursors.DictCursor,
            autocommit=True,
        )
        try:
            for statement in _SETUP:
                query(db, statement)
            yield cls(db, _begin(db))
        finally:
            hang_up(db)

    def release(self) -> None:
        """End the transaction: while it is open, no one can alter the tables it has read."""
        hang_up(self._db)

    @contextmanager
    def read(
        self,
        table: SourceTable,
        stream: ConfiguredStream,
        state: Json,
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
    ) -> Iterator[Reading]:
        """Read a table as of the snapshot."""
        whole = dataclasses.replace(stream, sync_mode="full_refresh")
        columns = tuple(
            dataclasses.replace(c, mapping=exactly_as_text(c.mapping))
            for c in choose(table.columns, whole, env)
        )
        name = f"{identifier(table.database)}.{identifier(table.name)}"
        believed, size = believed_size(self._db, table)
        rows = read_texts(
            self._db,
            f"SELECT {selecting(columns)} FROM {name}",
            [c.name for c in columns],
            [str(c.mapping.type) == "binary" for c in columns],
        )
        taken = self.taken_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        duck.register(_ROWS, rows)
        try:
            yield Reading(
                columns=(*(c.column for c in columns), *CDC_COLUMNS),
                relation=f"(SELECT {arriving(columns)}, {self.place.cursor}::BIGINT AS {CURSOR},"
                f" {literal(self.place.file)} AS {LOG_FILE},"
                f" {self.place.at}::BIGINT AS {LOG_POS}, {literal(taken)} AS {UPDATED_AT},"
                f" NULL::VARCHAR AS {DELETED_AT} FROM {_ROWS})",
                state=lambda: state,
                unique_key=bool(table.primary_key)
                and set(stream.primary_key) == set(table.primary_key),
                nulled=nulled(columns),
                estimated_rows=believed,
                estimated_bytes=size,
            )
        finally:
            duck.unregister(_ROWS)


def _begin(db: Session) -> Place:
    query(db, "START TRANSACTION WITH CONSISTENT SNAPSHOT")
    found = {
        row["variable_name"].lower(): row["value"]
        for row in query(db, "SHOW STATUS LIKE 'binlog_snapshot_%%'")
    }
    if found.get("binlog_snapshot_file"):
        return Place.of(found["binlog_snapshot_file"], int(found["binlog_snapshot_position"]))
    query(db, "ROLLBACK")
    try:
        query(db, "FLUSH TABLES WITH READ LOCK")
    except pymysql.Error as error:
        raise config_error(
            "the initial snapshot of this server needs a global read lock for a moment:"
            " GRANT RELOAD ON *.* to the user of the source",
            str(error),
        ) from error
    try:
        query(db, "START TRANSACTION WITH CONSISTENT SNAPSHOT")
        return end_of_log(db)
    finally:
        query(db, "UNLOCK TABLES")
