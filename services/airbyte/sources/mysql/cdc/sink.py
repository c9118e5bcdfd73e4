"""One table's row events of a window, gathered until they are decoded as a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.columns import quote
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.log import KEPT, OP, SEQ, Changes
from services.airbyte.cdk.places import Ints
from services.airbyte.sources.mysql.cdc.charsets import decoded
from services.airbyte.sources.mysql.cdc.config import (
    CDC_COLUMNS,
    CURSOR,
    DELETED_AT,
    LOG_FILE,
    LOG_POS,
    UPDATED_AT,
    Place,
)
from services.airbyte.sources.mysql.cdc.layout import TableMap
from services.airbyte.sources.mysql.cdc.rows import Image, find_rows
from services.airbyte.sources.mysql.cdc.values import Asked, differ, read_column
from services.airbyte.sources.mysql.tables import SourceColumn, SourceTable

_STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"
_BAD = "__lakelet_bad_"
# Numbers of rows within an event take this many bits of SEQ, the order of events the rest.
_ROW_BITS = 24
INSERT, UPDATE, DELETE = "insert", "update", "delete"


@dataclass
class Batch:
    """Events of one kind: their bytes, where the rows begin, order, place and time of each."""

    events: list[bytes] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    seconds: list[int] = field(default_factory=list)


@dataclass
class Sink:
    """Takes a table's events; `drain` makes `Changes` of them."""

    stream: ConfiguredStream
    table_map: TableMap
    names: tuple[str, ...]
    chosen: tuple[SourceColumn, ...]
    batches: dict[str, Batch] = field(default_factory=dict)
    truncates: list[tuple[int, Place, int]] = field(default_factory=list)
    size: int = 0

    def add(self, kind: str, event: bytes, begin: int, order: int, place: Place, at: int) -> None:
        """Take an event; `at` are its seconds since 1970."""
        batch = self.batches.setdefault(kind, Batch())
        batch.events.append(event)
        batch.begins.append(begin)
        batch.orders.append(order)
        batch.places.append(place)
        batch.seconds.append(at)
        self.size += len(event)

    def drain(self) -> Changes | None:
        """Decode what was gathered, and forget it."""
        tables = [
            table for kind, batch in self.batches.items() for table in self._tables(kind, batch)
        ]
        if self.truncates:
            tables.append(self._truncated())
        self.batches, self.truncates, self.size = {}, [], 0
        if not tables:
            return None
        fallible = [c.name for c in self.chosen if _BAD + c.name in tables[0].column_names]
        return Changes(
            stream=self.stream,
            columns=(*(column.column for column in self.chosen), *CDC_COLUMNS),
            batch=pa.concat_tables(tables, promote_options="default"),
            values={
                UPDATED_AT: f"strftime({UPDATED_AT}, '{_STAMP}')",
                DELETED_AT: f"strftime({DELETED_AT}, '{_STAMP}')",
            },
            nulled={
                name: (f"coalesce({quote(_BAD + name)}, false)", "SOURCE_SERIALIZATION_ERROR")
                for name in fallible
            },
        )

    def _tables(self, kind: str, batch: Batch) -> list[pa.Table]:
        cells = self.table_map.cells
        found = find_rows(batch.events, batch.begins, cells, updates=kind == UPDATE)
        count = len(found.event)
        if not count:
            return []
        every = np.arange(count, dtype=np.int64)
        order = np.asarray(batch.orders, np.int64)[found.event]
        seq = ((order << _ROW_BITS) | found.number) * 2
        if found.before is None:
            operation = "D" if kind == DELETE else "U"
            return [self._table(batch, found.after, found.event, seq, pa.repeat(operation, count))]
        key = [n for n, name in enumerate(self.names) if name in self.stream.primary_key]
        moved = differ(found.before, found.after, key)
        codes = pa.array(np.where(moved, "M", "U"))
        tables = [self._table(batch, found.after, found.event, seq + moved, codes)]
        if moved.any():
            gone = every[moved]
            tables.append(
                self._table(
                    batch,
                    found.before.take(gone),
                    found.event[gone],
                    seq[gone],
                    pa.repeat("D", len(gone)),
                )
            )
        return tables

    def _table(
        self, batch: Batch, image: Image, event: Ints, seq: Ints, operation: pa.Array
    ) -> pa.Table:
        count = len(event)
        columns: dict[str, pa.Array] = {
            SEQ: pa.array(seq),
            OP: operation,
            KEPT: pa.nulls(count, pa.list_(pa.string())),
        }
        place = {name: number for number, name in enumerate(self.names)}
        described = self.table_map
        for column in self.chosen:
            number = place.get(column.name)
            if number is None:  # added after these rows were written
                columns[column.name] = pa.nulls(count)
                continue
            unsigned = described.unsigned[number] if described.unsigned else column.unsigned
            logged = described.texts[number] if described.texts else ()
            texts = tuple(decoded(text, column.charset, column.name) for text in logged)
            texts = texts or column.texts
            cell = described.cells[number]
            told = read_column(Asked(image, number, cell, column, unsigned, texts))
            columns[column.name] = told.values
            if told.bad is not None:
                columns[_BAD + column.name] = pa.array(told.bad)
        columns |= _positions(batch.places, batch.seconds, event, operation)
        return pa.table(columns)

    def _truncated(self) -> pa.Table:
        orders = np.asarray([order for order, _, _ in self.truncates], np.int64)
        count = len(orders)
        operation = pa.repeat("T", count)
        columns: dict[str, pa.Array] = {
            SEQ: pa.array((orders << _ROW_BITS) * 2),
            OP: operation,
            KEPT: pa.nulls(count, pa.list_(pa.string())),
            **{column.name: pa.nulls(count) for column in self.chosen},
        }
        columns |= _positions(
            [place for _, place, _ in self.truncates],
            [at for _, _, at in self.truncates],
            np.arange(count, dtype=np.int64),
            operation,
        )
        return pa.table(columns)


def _positions(
    places: list[Place], seconds: list[int], event: Ints, operation: pa.Array
) -> dict[str, pa.Array]:
    """The columns that say where in the log a change stands, and when it was made."""
    at = pa.array(np.asarray(seconds, np.int64)[event] * 1_000_000, pa.timestamp("us"))
    dead = pc.is_in(operation, pa.array(["D", "T"]))
    chosen = pa.array(event)
    return {
        CURSOR: pa.array([place.cursor for place in places], pa.int64()).take(chosen),
        LOG_FILE: pa.array([place.file for place in places], pa.string()).take(chosen),
        LOG_POS: pa.array([place.at for place in places], pa.int64()).take(chosen),
        UPDATED_AT: at,
        DELETED_AT: pc.if_else(dead, at, pa.nulls(len(at), at.type)),
    }


def choose(
    stream: ConfiguredStream, table: SourceTable, say: Callable[[str], None]
) -> tuple[SourceColumn, ...]:
    """Return the columns that the connection wants.

    Raises ConnectorError without a key, and where the log cannot be followed.
    """
    if table.unlike:
        raise config_error(f"stream {stream.name!r}: {table.unlike}")
    there = {column.name for column in table.columns}
    if stream.dedup and (missing := [name for name in stream.primary_key if name not in there]):
        raise config_error(
            f"stream {stream.name!r}: column {', '.join(missing)} of its primary key is gone from"
            " the source; refresh the connection's schema"
        )
    wanted = stream.selected_columns or stream.known_columns
    if wanted is None:
        return table.columns
    keep = {*wanted, *stream.primary_key}
    if new := [column.name for column in table.columns if column.name not in keep]:
        say(f"{stream.name}: not read, as not in the connection's catalog: {', '.join(new)}")
    return tuple(column for column in table.columns if column.name in keep)
