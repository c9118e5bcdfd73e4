"""One relation's messages of a window, gathered until they are decoded as a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.types import ListType

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.log import KEPT, OP, SEQ, Changes
from services.airbyte.sources.postgres.cdc.config import (
    CDC_COLUMNS,
    DELETED_AT,
    LSN,
    UPDATED_AT,
)
from services.airbyte.sources.postgres.cdc.decode import read_rows
from services.airbyte.sources.postgres.cdc.relation import Relation
from services.airbyte.sources.postgres.cdc.values import arrays, expression, without_place
from services.airbyte.sources.postgres.tables import SourceColumn

_STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass
class Transactions:
    """The transactions of a window: the number of the first change of each, and its time."""

    first: list[int] = field(default_factory=list)
    micros: list[int] = field(default_factory=list)

    def times(self, numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Array:
        """Return when the changes with these numbers were committed."""
        at = np.searchsorted(np.asarray(self.first, np.int64), numbers, side="right") - 1
        return pa.array(np.asarray(self.micros, np.int64)[at], pa.timestamp("us"))


@dataclass
class Sink:
    """Takes whole messages with their numbers; `drain` makes `Changes` of them."""

    stream: ConfiguredStream
    relation: Relation
    chosen: tuple[SourceColumn, ...]
    transactions: Transactions
    messages: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    truncates: list[int] = field(default_factory=list)

    def drain(self) -> Changes | None:
        """Decode what was gathered, and forget it."""
        table = self._table() if self.messages else None
        cut = self._truncates() if self.truncates else None
        self.messages, self.numbers, self.truncates = [], [], []
        parts = [part for part in (table, cut) if part is not None]
        if not parts:
            return None
        return Changes(
            stream=self.stream,
            columns=(*(column.column for column in self.chosen), *CDC_COLUMNS),
            batch=pa.concat_tables(parts),
            values={
                **{c.name: value for c in self.chosen if (value := expression(c)) is not None},
                UPDATED_AT: f"strftime({UPDATED_AT}, '{_STAMP}')",
                DELETED_AT: f"strftime({DELETED_AT}, '{_STAMP}')",
            },
            nulled={c.name: rule for c in self.chosen if (rule := without_place(c)) is not None},
        )

    def _table(self) -> pa.Table:
        names = self.relation.names
        key = [n for n, name in enumerate(names) if name in self.stream.primary_key]
        rows = read_rows(self.messages, len(names), key)
        numbers = np.asarray(self.numbers, np.int64)[rows.message]
        times = self.transactions.times(numbers)
        dead = pa.array(rows.operation == "D")
        place = {name: number for number, name in enumerate(names)}
        columns: dict[str, pa.Array] = {
            SEQ: pa.array(numbers * 2 + rows.late),
            OP: pa.array(rows.operation),
            KEPT: rows.kept({place[column.name]: column.name for column in self.chosen}),
        }
        for column in self.chosen:
            columns[column.name] = self._values(column, rows.column(place[column.name]))
        columns[LSN] = pa.array(rows.lsn)
        columns[UPDATED_AT] = times
        columns[DELETED_AT] = pc.if_else(dead, times, pa.nulls(len(times), times.type))
        return pa.table(columns)

    @staticmethod
    def _values(column: SourceColumn, texts: pa.Array) -> pa.Array:
        return arrays(texts) if isinstance(column.mapping.type, ListType) else texts

    def _truncates(self) -> pa.Table:
        numbers = np.asarray(self.truncates, np.int64)
        count = len(numbers)
        times = self.transactions.times(numbers)
        columns: dict[str, pa.Array] = {
            SEQ: pa.array(numbers * 2),
            OP: pa.array(["T"] * count),
            KEPT: pa.nulls(count, pa.list_(pa.string())),
        }
        for column in self.chosen:
            columns[column.name] = self._values(column, pa.nulls(count, pa.large_string()))
        columns[LSN] = pa.nulls(count, pa.int64())
        columns[UPDATED_AT] = columns[DELETED_AT] = times
        return pa.table(columns)


def choose(
    stream: ConfiguredStream,
    relation: Relation,
    columns: Sequence[SourceColumn],
    say: Callable[[str], None],
) -> tuple[SourceColumn, ...]:
    """Return the columns of a relation that the connection wants.

    Raises ConnectorError when changes could not be told apart by the stream's primary key.
    """
    there = {column.name: column for column in columns}
    if missing := [name for name in stream.primary_key if stream.dedup and name not in there]:
        raise config_error(
            f"stream {stream.name!r}: column {', '.join(missing)} of its primary key is gone from"
            " the source; refresh the connection's schema"
        )
    check_key(stream, f"{relation.schema}.{relation.name}", relation.key)
    wanted = stream.selected_columns or stream.known_columns
    if wanted is None:
        return tuple(columns)
    keep = {*wanted, *stream.primary_key}
    if new := [column.name for column in columns if column.name not in keep]:
        say(f"{stream.name}: not read, as not in the connection's catalog: {', '.join(new)}")
    return tuple(column for column in columns if column.name in keep)


def check_key(stream: ConfiguredStream, table: str, identity: Set[str]) -> None:
    """Raise ConnectorError when the log does not tell the key of a table's deleted rows."""
    if stream.dedup and not set(stream.primary_key) <= identity:
        raise config_error(
            f"stream {stream.name!r}: the log does not tell {', '.join(stream.primary_key)} of"
            f" deleted rows, as that is not the table's replica identity: ALTER TABLE"
            f" {table} REPLICA IDENTITY FULL (or make it the table's"
            " primary key), or choose the table's own key in the connection"
        )
