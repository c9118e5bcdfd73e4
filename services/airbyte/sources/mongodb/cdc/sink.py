"""One collection's changes of a window, gathered until they are decoded as a batch."""

from __future__ import annotations

from dataclasses import dataclass, field

import bson
import pyarrow as pa
import pyarrow.compute as pc

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.log import KEPT, OP, SEQ, Changes
from services.airbyte.sources.mongodb.cdc.config import CDC_COLUMNS, CURSOR, DELETED_AT, UPDATED_AT
from services.airbyte.sources.mongodb.layout import Layout

_STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"
# A document without fields, not even a key: of a change that is about all rows.
_NOTHING = bson.encode({})

SET, DELETE, EMPTY = "U", "D", "T"


@dataclass
class Sink:
    """Takes changes as (kind, document's BSON); `drain` makes `Changes` of them."""

    stream: ConfiguredStream
    layout: Layout
    documents: list[bytes] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    cursors: list[int] = field(default_factory=list)
    micros: list[int] = field(default_factory=list)

    def add(
        self, operation: str, document: bytes | None, number: int, cursor: int, micros: int
    ) -> None:
        """Take a change; `micros` is its time since 1970."""
        document = _NOTHING if document is None else document
        self.documents.append(document)
        self.operations.append(operation)
        self.numbers.append(number)
        self.cursors.append(cursor)
        self.micros.append(micros)

    def drain(self) -> Changes | None:
        """Decode what was gathered, and forget it."""
        if not self.documents:
            return None
        # First: it may find that there are new fields.
        arrays = self.layout.arrays(b"".join(self.documents))
        count = len(self.documents)
        operations = pa.array(self.operations)
        at = pa.array(self.micros, pa.int64()).cast(pa.timestamp("us"))
        gone = pc.is_in(operations, pa.array([DELETE, EMPTY]))
        arrays |= {
            SEQ: pa.array(self.numbers, pa.int64()),
            OP: operations,
            KEPT: pa.nulls(count, pa.list_(pa.string())),
            UPDATED_AT: at,
            DELETED_AT: pc.if_else(gone, at, pa.nulls(count, at.type)),
            CURSOR: pa.array(self.cursors, pa.int64()),
        }
        self.documents, self.operations, self.numbers = [], [], []
        self.cursors, self.micros = [], []
        return Changes(
            stream=self.stream,
            columns=(*self.layout.columns, *CDC_COLUMNS),
            batch=pa.table(arrays),
            values={name: f"strftime({name}, '{_STAMP}')" for name in (UPDATED_AT, DELETED_AT)},
            nulled=self.layout.nulled,
        )
