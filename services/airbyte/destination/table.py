"""One stream's table: what a sync left in it, and the next commit to it."""

from __future__ import annotations

import contextlib
import datetime
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import duckdb
import orjson
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import NamespaceAlreadyExistsError, NoSuchTableError
from pyiceberg.io import FileIO, load_file_io
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table, Transaction

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.columns import quote
from services.airbyte.cdk.source import Reading
from services.airbyte.destination.deletes import MODE, Deletion, LiveFile, RowDelta
from services.airbyte.destination.schema import (
    PROPERTIES,
    evolve,
    new_schema,
    number_rows,
    select_list,
)
from services.airbyte.destination.writing import (
    crowded,
    data_files,
    merge,
    together,
    write_files,
)

Json = dict[str, Any]

_PREFIX = "lakelet."
# How far back a connection's last commit is looked for.
_HISTORY = 1000


@dataclass(frozen=True)
class CommitNote:
    """What a sync writes into its snapshot: enough to carry on from the table alone."""

    connection_id: str
    stream: str
    job_id: int
    attempt: int
    write_id: str
    version: int
    generation: int
    state: Json | None
    records: int
    bytes: int

    def properties(self) -> dict[str, str]:
        """Return the snapshot's properties."""
        return {
            f"{_PREFIX}connection-id": self.connection_id,
            f"{_PREFIX}stream": self.stream,
            f"{_PREFIX}job-id": str(self.job_id),
            f"{_PREFIX}attempt": str(self.attempt),
            f"{_PREFIX}write-id": self.write_id,
            f"{_PREFIX}state-version": str(self.version),
            f"{_PREFIX}generation": str(self.generation),
            f"{_PREFIX}state": orjson.dumps(self.state).decode(),
            f"{_PREFIX}records": str(self.records),
            f"{_PREFIX}bytes": str(self.bytes),
        }

    @classmethod
    def read(cls, summary: dict[str, str]) -> CommitNote:
        """Read a snapshot's properties."""
        get = {k.removeprefix(_PREFIX): v for k, v in summary.items()}
        return cls(
            connection_id=get["connection-id"],
            stream=get["stream"],
            job_id=int(get["job-id"]),
            attempt=int(get["attempt"]),
            write_id=get["write-id"],
            version=int(get["state-version"]),
            generation=int(get["generation"]),
            state=orjson.loads(get["state"]),
            records=int(get["records"]),
            bytes=int(get["bytes"]),
        )


@dataclass
class Staged:
    """A commit in the making: changed columns, and files that are not yet part of the table."""

    transaction: Transaction
    new_table: bool = False
    added: list[DataFile] = field(default_factory=list)
    removed: list[LiveFile] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)
    records: int = 0
    bytes: int = 0
    changes: list[str] = field(default_factory=list)


class StreamTable:
    """The Iceberg table of one stream of one connection."""

    def __init__(self, catalog: RestCatalog, identifier: tuple[str, ...]) -> None:
        self._catalog, self.identifier = catalog, identifier
        self._table: Table | None
        try:
            self._table = catalog.load_table(identifier)
        except NoSuchTableError:
            self._table = None

    @property
    def name(self) -> str:
        """The table's name with its namespace."""
        return ".".join(self.identifier)

    @property
    def exists(self) -> bool:
        """Whether the table is there."""
        return self._table is not None

    @property
    def table(self) -> Table:
        """The table, which must be there."""
        if self._table is None:
            raise NoSuchTableError(f"table {self.name} does not exist")
        return self._table

    def begin(self, reading: Reading, *, replace: bool) -> Staged:
        """Begin a commit: the table made, if it is not there, or its columns brought up to date.

        A new table comes into being with the commit. `replace`: all rows will be replaced; as in a
        table without rows, columns may change to any type then.
        """
        if self._table is not None:
            staged = Staged(self._table.transaction())
            anew = replace or not self.files
            staged.changes = evolve(staged.transaction, reading.columns, replace=anew)
            return staged
        namespace = self.identifier[:-1]
        for depth in range(1, len(namespace) + 1):
            with contextlib.suppress(NamespaceAlreadyExistsError):
                self._catalog.create_namespace(namespace[:depth])
        schema, partitioning = new_schema(reading.columns)
        transaction = self._catalog.create_table_transaction(
            self.identifier, schema=schema, partition_spec=partitioning, properties=PROPERTIES
        )
        return Staged(transaction, new_table=True)

    def notes(self, connection_id: str) -> list[CommitNote]:
        """Return the commits of a connection that the table's history holds, newest first."""
        if self._table is None:
            return []
        metadata = self._table.metadata
        by_id = {snapshot.snapshot_id: snapshot for snapshot in metadata.snapshots}
        found: list[CommitNote] = []
        current = metadata.current_snapshot_id
        for _ in range(_HISTORY):
            snapshot = by_id.get(current) if current is not None else None
            if snapshot is None:
                break
            summary = snapshot.summary.additional_properties if snapshot.summary else {}
            if summary.get(f"{_PREFIX}connection-id") == connection_id:
                found.append(CommitNote.read(summary))
            current = snapshot.parent_snapshot_id
        return found

    def stage(
        self,
        staged: Staged,
        duck: duckdb.DuckDBPyConnection,
        stream: ConfiguredStream,
        reading: Reading,
        *,
        folder: str,
        job_id: int,
        generation: int,
        replace: bool,
    ) -> None:
        """Write what `reading` gives as files in `folder`, beside the table's own.

        `replace`: the table's own rows go.
        """
        metadata = staged.transaction.table_metadata
        schema = metadata.schema()
        number_rows(duck)
        listing = select_list(
            schema,
            reading.columns,
            nulled=reading.nulled,
            changes=quote(reading.changes) if reading.changes else None,
            extracted_at=datetime.datetime.now(datetime.UTC).isoformat(),
            sync_id=job_id,
            generation=generation,
        )
        query = f"SELECT {listing} FROM {reading.relation}"
        one_each = latest(stream, reading.order) if stream.dedup and not reading.unique_key else ""
        stored = quote(reading.order) if reading.stored and reading.order and one_each else None
        existing = self.files
        if stream.dedup and not replace and existing:
            batch = f"lakelet_batch_{uuid.uuid4().hex}"
            if stored:  # whole rows are held nowhere: they are read again by their numbers
                names = dict.fromkeys([*stream.primary_key, stream.cursor_field])
                keys = ", ".join(quote(name) for name in names if name)
                numbered = f"SELECT {listing}, {stored} FROM {reading.relation}{one_each}"
                duck.execute(
                    f"CREATE TEMP TABLE {batch} AS SELECT {keys}, {stored} FROM ({numbered})"
                )
            else:
                duck.execute(f"CREATE TEMP TABLE {batch} AS {query}{one_each}")
            merged = merge(
                duck,
                batch,
                existing,
                schema,
                key=stream.primary_key,
                cursor=stream.cursor_field,
                folder=folder,
                mode=metadata.properties.get(MODE),
                rows=f"{query} WHERE {stored} IN (SELECT {stored} FROM {batch})"
                if stored
                else None,
            )
            duck.execute(f"DROP TABLE {batch}")
            new, kept = merged.added, merged.kept
            staged.removed, staged.deletions = merged.gone, merged.deletions
        else:
            if stored:
                numbers = f"SELECT {stored} FROM {reading.relation}{one_each}"
                one_each = f" WHERE {stored} IN ({numbers})"
            new = write_files(duck, query + one_each, schema, folder)
            going = set() if replace or not new else crowded(existing)
            kept = together(duck, existing, going, schema, folder)
            staged.removed = [existing[path] for path in (existing if replace else going)]
        staged.added = data_files(self.io(folder), metadata, [*new, *kept])
        for data_file in staged.added[: len(new)]:
            staged.records += data_file.record_count
            staged.bytes += data_file.file_size_in_bytes

    def stage_removal(self) -> Staged:
        """Prepare to empty the table."""
        return Staged(self.table.transaction(), removed=list(self.files.values()))

    def prepare(self, staged: Staged, note: CommitNote) -> bool:
        """Put staged files into the transaction; False when there is nothing to change."""
        if staged.removed or staged.deletions:
            with RowDelta(
                staged.transaction, note.properties(), staged.removed, staged.deletions
            ) as update:
                for data_file in staged.added:
                    update.append_data_file(data_file)
        elif staged.added:
            with staged.transaction.update_snapshot(note.properties()).fast_append() as append:
                for data_file in staged.added:
                    append.append_data_file(data_file)
        elif not staged.changes and not staged.new_table:
            return False
        return True

    def remove_files(self, duck: duckdb.DuckDBPyConnection, location: str) -> int:
        """Delete the files below `location` (of a write that was never committed)."""
        rows = duck.execute("SELECT file FROM glob(?)", [f"{location}/**"]).fetchall()
        for (path,) in rows:
            self.io(location).delete(path)
        return len(rows)

    def io(self, location: str) -> FileIO:
        """Return what writes at `location`."""
        if self._table is not None:
            return self._table.io
        return load_file_io(self._catalog.properties, location)

    def holds(self, location: str) -> bool:
        """Whether files below `location` are part of the table."""
        paths = (
            file.file_path for live in self.files.values() for file in (live.file, *live.deletes)
        )
        return any(path.startswith(location.rstrip("/") + "/") for path in paths)

    @cached_property
    def files(self) -> dict[str, LiveFile]:
        """The table's data files by path, as they were when it was loaded."""
        if self._table is None:
            return {}
        return {
            task.file.file_path: LiveFile(task.file, tuple(task.delete_files))
            for task in self.table.scan().plan_files()
        }


def latest(stream: ConfiguredStream, tie: str | None) -> str:
    """SQL that keeps one row per primary key: the one with the latest cursor, then `tie`."""
    keys = ", ".join(quote(name) for name in stream.primary_key)
    ranks = [quote(name) for name in (stream.cursor_field, tie) if name]
    order = " ORDER BY " + ", ".join(f"{r} DESC NULLS LAST" for r in ranks) if ranks else ""
    return f" QUALIFY row_number() OVER (PARTITION BY {keys}{order}) = 1"
