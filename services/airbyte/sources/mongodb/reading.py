"""Reading a whole collection, in the order of `_id`.

A snapshot of one moment is asked for where the server can give one (MongoDB 5.0, for as long as
its `minSnapshotHistoryWindowInSeconds`, five minutes). Where it cannot, or not any more, documents
are read as they are: what changes meanwhile is told by the change stream once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp
from pymongo.errors import AutoReconnect, CursorNotFound, OperationFailure, PyMongoError

from services.airbyte.sources.mongodb.connecting import RAW, Client
from services.airbyte.sources.mongodb.failures import NO_SNAPSHOT
from services.airbyte.sources.mongodb.layout import Layout

Json = dict[str, Any]
Say = Callable[[str], None]

ROWS = "lakelet_documents"
_BATCH_BYTES = 8 << 20
_BATCH_ROWS = 5_000
_RETRIES = 5


class Walk:
    """Goes through a collection once; where it is interrupted, it goes on after the last `_id`.

    It reads the collection of the moment `at` if it can, and never what a member of the replica set
    held before the moment `after` (a secondary may be late).
    """

    def __init__(
        self,
        client: Client,
        database: str,
        collection: str,
        say: Say,
        *,
        at: int | None = None,
        after: int | None = None,
    ) -> None:
        self._database = client.get_database(database, codec_options=RAW)
        self._collection, self._say = collection, say
        self._at, self._after = at, at if after is None else after
        self._last: RawBSONDocument | None = None

    def __iter__(self) -> Iterator[RawBSONDocument]:
        failed = 0
        while True:
            try:
                for document in self._documents():
                    yield document
                    self._last, failed = document, 0
                return
            except (AutoReconnect, CursorNotFound) as error:
                failed += 1
                if failed > _RETRIES:
                    raise
                self._say(f"{self._collection}: going on after an interruption ({error})")
            except OperationFailure as error:
                if self._at is None or error.code not in NO_SNAPSHOT:
                    raise
                self._say(
                    f"{self._collection}: no snapshot of one moment ({error.code}), reading its"
                    " documents as they are; what changes meanwhile comes from the change stream"
                )
                self._at = None

    def _documents(self) -> Iterator[RawBSONDocument]:
        options: Json = {"sort": {"_id": 1}, "hint": {"_id": 1}, "batchSize": _BATCH_ROWS}
        options["readConcern"] = {"level": "majority"}
        if self._at is not None:
            options["readConcern"] = {"level": "snapshot", "atClusterTime": _stamp(self._at)}
        elif self._after is not None:
            options["readConcern"]["afterClusterTime"] = _stamp(self._after)
        last = None if self._last is None else self._last["_id"]
        if self._last is not None:  # a condition would find ids of the same type only
            options["min"] = {"_id": last}
        cursor: Any = self._database.cursor_command(
            "find",
            self._collection,
            read_preference=self._database.read_preference,
            codec_options=RAW,  # of the answer; those of later batches are the database's
            **options,
        )
        with cursor:
            first = next(cursor, None)
            if first is not None and (self._last is None or first["_id"] != last):
                yield first
            yield from cursor


def _stamp(time: int) -> Timestamp:
    return Timestamp(time >> 32, time & 0xFFFFFFFF)


def blocks(documents: Iterator[RawBSONDocument]) -> Iterator[bytes]:
    """Put documents together into blocks of some megabytes."""
    gathered: list[bytes] = []
    size = 0
    for document in documents:
        gathered.append(bytes(document.raw))
        size += len(document.raw)
        if size >= _BATCH_BYTES or len(gathered) >= _BATCH_ROWS:
            yield b"".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield b"".join(gathered)


@contextmanager
def registered(
    duck: duckdb.DuckDBPyConnection, documents: Iterator[RawBSONDocument], layout: Layout
) -> Iterator[None]:
    """Let DuckDB select the documents as `ROWS`, once.

    What goes wrong while it does is raised as it was, not as DuckDB's error about it.
    """
    schema = layout.schema
    failures: list[PyMongoError | Exception] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for block in blocks(documents):
                yield pa.RecordBatch.from_pydict(layout.arrays(block), schema=schema)
        except Exception as error:
            failures.append(error)
            raise

    duck.register(ROWS, pa.RecordBatchReader.from_batches(schema, batches()))
    try:
        yield
    except duckdb.Error as error:
        if failures:
            raise failures[0] from error
        raise
    finally:
        duck.unregister(ROWS)
