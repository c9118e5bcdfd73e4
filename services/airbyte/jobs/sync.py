"""One attempt at a sync: stream after stream, each in one commit together with its state."""

from __future__ import annotations

import contextlib
import time
import uuid
from dataclasses import dataclass
from typing import Any

import duckdb
from pyiceberg.catalog.rest import RestCatalog

from services.airbyte.cdk.catalog import ConfiguredStream, configured_streams
from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.cdk.source import Environment, Source
from services.airbyte.destination.catalog import LakeConfig, explain, table_identifier
from services.airbyte.destination.table import CommitNote, Staged, StreamTable
from services.airbyte.jobs.attempt_log import AttemptLog
from services.airbyte.state import jobs, streams
from services.airbyte.state.database import Db
from services.airbyte.state.records import Connection, StreamState

Json = dict[str, Any]


class StreamFailedError(Exception):
    """A stream failed; the cause is `__cause__`."""

    def __init__(self, stream: ConfiguredStream) -> None:
        super().__init__(stream.name)
        self.stream = stream


@dataclass
class Sync:
    """What an attempt works with."""

    db: Db
    job_id: int
    attempt: int
    connection: Connection
    source: Source
    source_config: Json
    lake: LakeConfig
    catalog: RestCatalog
    duck: duckdb.DuckDBPyConnection
    env: Environment
    log: AttemptLog

    def run(self) -> None:
        """Sync all selected streams. Raises StreamFailedError at the first that fails."""
        changes = self.connection.options.get("nonBreakingChangesPreference", "ignore")
        propagate = str(changes).startswith("propagate")
        for stream in configured_streams(self.connection.catalog, propagate=propagate):
            try:
                self._stream(stream)
            except (ConnectorError, jobs.LostAttemptError) as error:
                raise StreamFailedError(stream) from error
            except Exception as error:  # noqa: BLE001 - explained and raised again
                raise StreamFailedError(stream) from explain(error, self.lake)

    def clear(self) -> None:
        """Empty the tables of all selected streams and forget how far they were read."""
        wanted = configured_streams(self.connection.catalog)
        for stream in wanted:
            table = self._table(stream)
            known = self._settle(stream, table)
            staged = table.stage_removal() if table.exists else None
            note = self._note(stream, known, None, generation=known.generation + 1)
            self._commit(table, staged, note, stream)
            self.log.write(f"{table.name}: cleared", source="destination")

    def _table(self, stream: ConfiguredStream) -> StreamTable:
        identifier = table_identifier(
            self.lake,
            stream,
            definition=self.connection.namespace_definition,
            namespace_format=self.connection.namespace_format,
            prefix=self.connection.prefix,
        )
        return StreamTable(self.catalog, identifier)

    def _settle(self, stream: ConfiguredStream, table: StreamTable) -> StreamState:
        """Find out how far the stream got: the newer of the table's note and the database.

        They differ when a sync ended between the commit and the storing of its state. Files of
        writes that never became part of the table are removed.
        """
        stored = streams.get(self.db, self.connection.id, stream.namespace or "", stream.name)
        notes = table.notes(str(self.connection.id))
        if notes and notes[0].stream == stream.key and notes[0].version > stored.version:
            last = notes[0]
            self.log.write(
                f"{stream.name}: the table is ahead of the stored state (job {last.job_id} ended"
                " after its commit); carrying on from the table"
            )
            stored = StreamState(
                stored.connection_id,
                stored.namespace,
                stored.name,
                last.state,
                last.version,
                last.generation,
            )
            streams.put(self.db, stored)
        committed = {note.write_id for note in notes}
        for write_id, location in streams.pending_writes(self.db, self.connection.id, table.name):
            if write_id not in committed:
                count = table.remove_files(self.duck, location)
                if count:
                    self.log.write(
                        f"{table.name}: removed {count} files that an earlier attempt left behind",
                        source="destination",
                    )
            streams.settle_write(self.db, write_id)
        return stored

    def _stream(self, stream: ConfiguredStream) -> None:
        began = time.monotonic()
        table = self._table(stream)
        known = self._settle(stream, table)
        for note in table.notes(str(self.connection.id))[:1]:
            if note.job_id == self.job_id and note.stream == stream.key:
                self.log.write(f"{table.name}: an earlier attempt of this job has committed it")
                self._save_stats(stream, note.records, note.bytes)
                return
        if known.state and not table.exists:
            self.log.write(f"{table.name} is gone, reading {stream.name} from the start")
        state = known.state if stream.incremental and table.exists else None
        write_id = f"job{self.job_id}-{self.attempt}-{uuid.uuid4().hex[:12]}"
        self.log.write(
            f"{stream.name}: {stream.sync_mode} | {stream.destination_sync_mode}"
            f" {'from ' + str(state.get('cursor')) if state else 'from the start'}",
            source="source",
        )
        with self.source.read(self.source_config, stream, state, self.duck, self.env) as reading:
            staged = table.begin(reading, replace=stream.overwrite)
            location = f"{staged.transaction.table_metadata.location}/data/{write_id}"
            streams.announce_write(self.db, write_id, self.connection.id, table.name, location)
            generation = known.generation + (1 if stream.overwrite else 0)
            try:
                table.stage(
                    staged,
                    self.duck,
                    stream,
                    reading,
                    folder=location,
                    job_id=self.job_id,
                    generation=generation,
                )
                after = reading.state()
            except Exception:
                with contextlib.suppress(Exception):  # the next sync finds what is left
                    table.remove_files(self.duck, location)
                raise
        for change in staged.changes:
            self.log.write(f"{table.name}: {change}", source="destination")
        note = self._note(
            stream,
            known,
            after,
            generation=generation,
            write_id=write_id,
            records=staged.records,
            size=staged.bytes,
        )
        self._commit(table, staged, note, stream)
        seconds = time.monotonic() - began
        self.log.write(
            f"{table.name}: {staged.records} records in {seconds:.2f} s"
            f" ({staged.records / max(seconds, 1e-6):,.0f}/s), {staged.bytes} bytes",
            source="destination",
            records_synced=staged.records,
            bytes_synced=staged.bytes,
            stream=stream.name,
        )

    def _note(
        self,
        stream: ConfiguredStream,
        known: StreamState,
        state: Json | None,
        *,
        generation: int,
        write_id: str = "",
        records: int = 0,
        size: int = 0,
    ) -> CommitNote:
        return CommitNote(
            connection_id=str(self.connection.id),
            stream=stream.key,
            job_id=self.job_id,
            attempt=self.attempt,
            write_id=write_id,
            version=known.version + 1,
            generation=generation,
            state=state,
            records=records,
            bytes=size,
        )

    def _commit(
        self,
        table: StreamTable,
        staged: Staged | None,
        note: CommitNote,
        stream: ConfiguredStream,
    ) -> None:
        """Commit table and state while no one else can declare this attempt dead."""
        with self.db.transaction():
            jobs.lock_attempt(self.db, self.job_id, self.attempt)
            if staged is not None:
                table.commit(staged, note)
            streams.put(
                self.db,
                StreamState(
                    self.connection.id,
                    stream.namespace or "",
                    stream.name,
                    note.state,
                    note.version,
                    note.generation,
                ),
            )
            streams.settle_write(self.db, note.write_id)
            self._save_stats(stream, note.records, note.bytes)

    def _save_stats(self, stream: ConfiguredStream, records: int, size: int) -> None:
        stats = {
            **stream.descriptor,
            "recordsEmitted": records,
            "bytesEmitted": size,
            "recordsCommitted": records,
            "bytesCommitted": size,
            "stateMessagesEmitted": 1,
        }
        jobs.save_stats(self.db, self.job_id, self.attempt, stream.key, stats)
