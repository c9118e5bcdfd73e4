"""The initial snapshot: exactly what was committed before a position of the log.

A temporary slot is made with `SNAPSHOT 'export'`: its snapshot sees the transactions that committed
before the slot's consistent point, and no other. Nothing is locked. The connection's own slot was
there before, so its log has everything from that point on. A killed reader leaves nothing behind:
the temporary slot ends with its connection.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import psycopg
from psycopg import errors

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.columns import literal
from services.airbyte.cdk.failures import config_error, of_destination
from services.airbyte.cdk.log import without_log_columns
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.postgres import connecting
from services.airbyte.sources.postgres.cdc.config import (
    CDC_COLUMNS,
    CDC_NAMES,
    DELETED_AT,
    LSN,
    UPDATED_AT,
    lsn_number,
)
from services.airbyte.sources.postgres.cdc.publication import Published
from services.airbyte.sources.postgres.cdc.replication import connect
from services.airbyte.sources.postgres.reading import TableReader
from services.airbyte.sources.postgres.tables import find_tables

Json = dict[str, Any]


class Snapshot:
    """An exported snapshot, which lives as long as its connection."""

    def __init__(self, target: str, db: psycopg.Connection[Any], lsn: int, name: str) -> None:
        self._target, self._db, self.lsn, self._name = target, db, lsn, name
        self.taken_at = datetime.datetime.now(datetime.UTC)

    @classmethod
    @contextmanager
    def take(cls, target: str) -> Iterator[Snapshot]:
        """Export a snapshot. Waits for the transactions that are writing at this moment."""
        name = f"lakelet_{uuid.uuid4().hex[:20]}"
        with connect(target) as db:
            try:
                row = db.execute(
                    f"CREATE_REPLICATION_SLOT {name} TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT"
                ).fetchone()
            except errors.ConfigurationLimitExceeded as error:
                raise config_error(
                    "the server has no replication slot left for the initial snapshot (it is taken"
                    " with a temporary one): raise max_replication_slots by one, or drop a slot"
                    " that is not used",
                    str(error),
                ) from error
            assert row is not None  # noqa: S101 - the command gives a row
            yield cls(target, db, lsn_number(str(row[1])), str(row[2]))

    def release(self) -> None:
        """Give the temporary slot back."""
        with contextlib.suppress(psycopg.Error):
            self._db.close()

    @contextmanager
    def read(
        self,
        config: Json,
        db: psycopg.Connection[dict[str, Any]],
        stream: ConfiguredStream,
        published: Published,
        state: Json,
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
    ) -> Iterator[Reading]:
        """Read a table as of the snapshot."""
        whole = dataclasses.replace(
            without_log_columns(stream, CDC_NAMES), sync_mode="full_refresh"
        )
        tables = find_tables(db, [stream.namespace or "public"], stream.name)
        if not tables:
            raise config_error(
                f"stream {stream.name!r} is not in the source (or the user may not read it);"
                " refresh the connection's schema"
            )
        reader = TableReader(
            self._target,
            published.of(tables[0]),
            whole,
            duck,
            env,
            snapshot=self._name,
            only=published.condition,
        )
        try:
            reading = reader.start(None)
            taken = self.taken_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            yield dataclasses.replace(
                reading,
                columns=(*reading.columns, *CDC_COLUMNS),
                relation=f"(SELECT *, {self.lsn}::BIGINT AS {LSN},"
                f" {literal(taken)} AS {UPDATED_AT}, NULL::VARCHAR AS {DELETED_AT}"
                f" FROM {reading.relation})",
                state=lambda: state,
            )
        except duckdb.Error as error:
            if of_destination(error):
                raise
            raise connecting.explain(error, config) from error
        finally:
            reader.close()
