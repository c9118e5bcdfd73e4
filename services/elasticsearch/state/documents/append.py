"""Appending many new documents at once: a bulk request as it mostly is.

Whatever needs more (documents that exist, fields to be learnt, values to be refused, updates and
deletions) is left to `Writer`, operation by operation; the outcome is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import duckdb

from services.elasticsearch.state.catalog import Index
from services.elasticsearch.state.documents.parameters import Parameters
from services.elasticsearch.state.mapping.columns import Column, columns_of


class NewDocuments(NamedTuple):
    """The documents of a bulk request, each list in its order, `index` and `create` only.

    `targets`: (action, name of index, alias or stream); `texts`: the sources as they came, UTF-8.
    `ids_are_new`: the ids were made here, so that no document can have them.
    """

    targets: list[tuple[str, str]]
    ids: list[str]
    texts: list[bytes]
    documents: list[dict[str, Any]]
    ids_are_new: bool


@dataclass
class Appended:
    """What one index gets; `positions`: where its documents stand in the request."""

    index: Index
    positions: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    first_seq: int = 0

    def take(self, new: NewDocuments) -> None:
        """Take the documents at `positions`, in the request's order."""
        if len(self.positions) == len(new.ids):
            self.ids, self.texts, self.documents = new.ids, new.texts, new.documents
            self.positions = list(range(len(new.ids)))
            return
        self.positions.sort()
        self.ids = [new.ids[p] for p in self.positions]
        self.texts = [new.texts[p] for p in self.positions]
        self.documents = [new.documents[p] for p in self.positions]

    def fill_columns(self) -> bool:
        """Make the columns; False when that is not possible."""
        if self.index.data_stream and any("@timestamp" not in d for d in self.documents):
            return False
        made = columns_of(self.index.mapping, self.documents)
        self.columns, self.documents = made or [], []
        return made is not None and len(set(self.ids)) == len(self.ids)

    def write(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Insert the documents in the caller's transaction."""
        table = self.index.table
        given = Parameters()
        selected = {
            "_id": given.array(self.ids, "VARCHAR"),
            "_seq": f"unnest(range({self.first_seq}, {self.first_seq + len(self.ids)}))",
            "_version": "1",
            "_source": given.lines(b"\n".join(self.texts).decode()),
            **{f.column: given.array(values, f.type.column) for f, values in self.columns},
        }
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(selected)}) "
            f"SELECT {', '.join(selected.values())} FROM {given.relation}",
            given.values,
        )
