"""The changes of one table since a version, as batches.

Facts (Microsoft's "CHANGETABLE"): there is one row per primary key that changed, with the last
change's version and what it comes to since the version asked from: I, U or D; a changed key is a D
and an I. The row's values come from the table, joined by its key, in the same snapshot.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.log import KEPT, OP, SEQ, Changes
from services.airbyte.sources.sqlserver.connecting import Session
from services.airbyte.sources.sqlserver.names import identifier
from services.airbyte.sources.sqlserver.rows import Rows
from services.airbyte.sources.sqlserver.tables import SourceColumn, SourceTable
from services.airbyte.sources.sqlserver.tracking.config import (
    CDC_COLUMNS,
    CURSOR,
    DELETED_AT,
    UPDATED_AT,
)


def changes_query(table: SourceTable, columns: Sequence[SourceColumn], since: int) -> str:
    """Return the query of what changed after a version."""
    keys = [identifier(name) for name in table.primary_key]
    joined = " AND ".join(f"T.{key} = CT.{key}" for key in keys)
    listing = [
        column.select("CT." if column.name in table.primary_key else "T.") for column in columns
    ]
    # A row that is not there has been deleted, whatever its change says.
    gone = f"CASE WHEN CT.SYS_CHANGE_OPERATION = 'D' OR T.{keys[0]} IS NULL THEN 1 ELSE 0 END"
    return (
        f"SELECT CT.SYS_CHANGE_VERSION AS {identifier(CURSOR)}, {gone} AS {identifier(OP)},"
        f" {', '.join(listing)} FROM CHANGETABLE(CHANGES {table.full_name}, {since}) AS CT"
        f" LEFT JOIN {table.full_name} AS T ON {joined}"
    )


def read_changes(
    db: Session,
    table: SourceTable,
    stream: ConfiguredStream,
    columns: Sequence[SourceColumn],
    since: int,
    now: str,
    numbers: Iterator[int],
) -> Iterator[Changes]:
    """Yield the changes after a version; `now` is the time that they are read at (ISO 8601)."""
    rows = Rows(db, changes_query(table, columns, since), columns)
    try:
        for batch in rows.batches():
            yield Changes(
                stream,
                (*(column.column for column in columns), *CDC_COLUMNS),
                _table(batch, columns, now, numbers),
            )
    finally:
        rows.close()


def _table(
    batch: pa.RecordBatch, columns: Sequence[SourceColumn], now: str, numbers: Iterator[int]
) -> pa.Table:
    count = batch.num_rows
    gone = pc.equal(batch.column(OP), 1)
    time = pa.repeat(pa.scalar(now), count)
    return pa.table(
        {
            SEQ: pa.array(itertools.islice(numbers, count), pa.int64(), size=count),
            OP: pc.if_else(gone, "D", "U"),
            KEPT: pa.nulls(count, pa.list_(pa.string())),
            **{column.name: batch.column(column.name) for column in columns},
            CURSOR: batch.column(CURSOR),
            UPDATED_AT: time,
            DELETED_AT: pc.if_else(gone, time, pa.nulls(count, pa.string())),
        }
    )
