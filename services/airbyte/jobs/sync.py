"""One attempt at a sync: stream after stream, each in one commit together with its state.

Streams that are read from a log share it: see `log_sync`.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
from pyiceberg.catalog.rest import RestCatalog

from services.airbyte.cdk.batches import BatchSource
from services.airbyte.cdk.catalog import ConfiguredStream, configured_streams
from services.airbyte.cdk.failures import ConnectorError, config_error
from services.airbyte.cdk.log import LogSource
from services.airbyte.cdk.naming import shared
from services.airbyte.cdk.source import Environment, Reading, Source
from services.airbyte.destination.catalog import LakeConfig, explain, table_identifier
from services.airbyte.destination.commits import Commit, commit_together
from services.airbyte.destination.table import CommitNote, Staged, StreamTable
from services.airbyte.jobs import batch_sync, log_sync, upkeep, whole_states
from services.airbyte.jobs.attempt_log import AttemptLog
from services.airbyte.jobs.dead_letters import DeadLetters
from services.airbyte.jobs.lanes import Lanes, side_by_side
from services.airbyte.jobs.progress import Progress
from services.airbyte.jobs.schema_changes import preference
from services.airbyte.mapping.rows import map_reading
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
    """What an attempt works with; `continuous`: it goes on until its connection is changed."""

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
    progress: Progress
    letters: DeadLetters
    continuous: bool = False
    lanes: Lanes | None = None
    totals: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    changed: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def run(self) -> None:
        """Sync all selected streams. Raises StreamFailedError at the first that fails."""
        propagate = preference(self.connection).startswith("propagate")
        wanted = configured_streams(self.connection.catalog, propagate=propagate)
        named = (((one.namespace or "", one.name), self._identifier(one)) for one in wanted)
        if problem := shared(named):
            raise config_error(problem)
        source: Any = self.source
        if hasattr(source, "batches"):
            batch_source: BatchSource = source
            batch_sync.run(self, batch_source, wanted)
            return
        has_log = hasattr(source, "reads_log") and source.reads_log(self.source_config)
        from_log = [stream for stream in wanted if has_log and stream.incremental]
        self._each([stream for stream in wanted if stream not in from_log])
        if from_log:
            log_source: LogSource = source
            log_sync.run(self, log_source, from_log)

    def _each(self, wanted: Sequence[ConfiguredStream]) -> None:
        def one(sync: Sync, stream: ConfiguredStream) -> None:
            with sync.failing(stream):
                sync._stream(stream)

        if self.lanes is None or self.lanes.width < 2 or len(wanted) < 2:
            for stream in wanted:
                one(self, stream)
        else:
            side_by_side(self, self.lanes.width, self.lanes.open, wanted, one)

    @contextlib.contextmanager
    def failing(self, stream: ConfiguredStream | None = None) -> Iterator[None]:
        """Explain what is raised within; where it is one stream's, say whose."""
        try:
            yield
        except (StreamFailedError, ConnectorError, jobs.LostAttemptError) as error:
            if stream is None or isinstance(error, StreamFailedError):
                raise
            raise StreamFailedError(stream) from error
        except Exception as error:
            explained = explain(error, self.lake)
            explained.__cause__ = error
            if stream is None:
                raise explained from error
            raise StreamFailedError(stream) from explained

    def clear(self) -> None:
        """Empty the tables of all selected streams and forget how far they were read."""
        wanted = configured_streams(self.connection.catalog)
        for stream in wanted:
            table = self.table(stream)
            known = self.settle(stream, table)
            staged = table.stage_removal() if table.exists else None
            note = self.note(stream, known, None, generation=known.generation + 1)
            self.commit([Commit(stream, table, staged, note)])
            self.letters.filled_anew(stream.name)
            self.log.write(f"{table.name}: cleared", source="destination")
        whole_states.forget_legacy(self.db, self.connection.id, self.log.write)

    def begin_anew(self, *, truncate: bool) -> None:
        """Forget how far the selected streams were read; `truncate`: empty their tables as well.

        It is done once in a job: what an attempt has read since then stays.
        """
        if jobs.has_begun_anew(self.db, self.job_id):
            return
        if truncate:
            self.clear()
        with self.db.transaction():
            jobs.lock_attempt(self.db, self.job_id, self.attempt)
            for stream in configured_streams(self.connection.catalog) if not truncate else ():
                known = self.settle(stream, self.table(stream))
                streams.forget(self.db, known)
                self.log.write(f"{stream.name}: its state is forgotten, its rows stay")
                if whole_states.is_legacy(known):
                    whole_states.forget_legacy(self.db, self.connection.id, self.log.write)
            jobs.note_begun_anew(self.db, self.job_id)

    def table(self, stream: ConfiguredStream) -> StreamTable:
        """Return the stream's table, as it is now."""
        return StreamTable(self.catalog, self._identifier(stream))

    def _identifier(self, stream: ConfiguredStream) -> tuple[str, ...]:
        return table_identifier(
            self.lake,
            stream,
            definition=self.connection.namespace_definition,
            namespace_format=self.connection.namespace_format,
            prefix=self.connection.prefix,
        )

    def settle(
        self, stream: ConfiguredStream, table: StreamTable, *, from_notes: bool = True
    ) -> StreamState:
        """Find out how far the stream got: the newer of the table's note and the database.

        They differ when a sync ended between the commit and the storing of its state. Where the
        database tells of another table (the prefix or namespace was changed, and back) the table's
        own note counts, or none of them without `from_notes` (a log does not go back). Files of
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
            stored = stored.after(last.state, last.version, last.generation)
            streams.put(self.db, replace(stored, table_name=table.name))
        elif stored.state and table.exists and stored.table_name not in (None, table.name):
            stored = self._moved(stream, table, stored, notes if from_notes else ())
        committed = {note.write_id for note in notes}
        for write_id, location in streams.pending_writes(self.db, self.connection.id, table.name):
            # The snapshot with the note may have been expired: its files are the table's still.
            if write_id not in committed and not table.holds(location):
                count = table.remove_files(self.duck, location)
                if count:
                    self.log.write(
                        f"{table.name}: removed {count} files that an earlier attempt left behind",
                        source="destination",
                    )
            streams.settle_write(self.db, write_id)
        self.letters.reading(stream.name, stream.key, stored.version)
        return replace(stored, table_name=table.name)

    def _moved(
        self,
        stream: ConfiguredStream,
        table: StreamTable,
        stored: StreamState,
        notes: Sequence[CommitNote],
    ) -> StreamState:
        """Return how far the stream is in `table`, where another one was written to since."""
        own = [note for note in notes if note.stream == stream.key]
        state = own[0].state if own else None
        self.log.write(
            f"{stream.name} was read into {stored.table_name} until now;"
            f" {'carrying on from what' if state else 'reading all of it:'} {table.name}"
            f" {'holds' if state else 'does not say how much it holds'}"
        )
        return stored.after(state, stored.version, stored.generation)

    def _stream(self, stream: ConfiguredStream) -> None:
        table = self.table(stream)
        known = self.settle(stream, table)
        if self.committed_before(stream, table):
            return
        if known.state and not table.exists:
            self.log.write(f"{table.name} is gone, reading {stream.name} from the start")
        state = known.state if stream.incremental and table.exists else None
        self.log.write(
            f"{stream.name}: {stream.sync_mode} | {stream.destination_sync_mode}"
            f" {'from ' + str(state.get('cursor')) if state else 'from the start'}",
            source="source",
        )
        opened = self.source.read(self.source_config, stream, state, self.duck, self.env)
        self.copy(stream, table, known, opened, replace=stream.overwrite)

    def committed_before(self, stream: ConfiguredStream, table: StreamTable) -> bool:
        """Whether an earlier attempt of this job has committed the whole stream."""
        for note in table.notes(str(self.connection.id))[:1]:
            own = note.job_id == self.job_id and note.stream == stream.key
            if own and note.write_id:  # one without wrote nothing: the stream was cleared
                self.log.write(f"{table.name}: an earlier attempt of this job has committed it")
                self.count(stream, note.records, note.bytes)
                return True
        return False

    def copy(
        self,
        stream: ConfiguredStream,
        table: StreamTable,
        known: StreamState,
        opened: AbstractContextManager[Reading],
        *,
        replace: bool,
    ) -> StreamState:
        """Write what `opened` reads and commit it with the state after it, which is returned.

        `replace`: the rows take the place of all that the table held.
        """
        began = time.monotonic()
        with opened as given:
            stream, reading = map_reading(stream, given)
            staged = table.begin(reading, replace=replace)
            generation = known.generation + (1 if replace else 0)
            counting = self.progress.of(stream, reading, self._stats(stream))
            with self.writing(table, staged) as (write_id, location), counting:
                table.stage(
                    staged,
                    self.duck,
                    stream,
                    reading,
                    folder=location,
                    job_id=self.job_id,
                    generation=generation,
                    replace=replace,
                )
                after = reading.state()
        for change in staged.changes:
            self.log.write(f"{table.name}: {change}", source="destination")
        note = self.note(
            stream,
            known,
            after,
            generation=generation,
            write_id=write_id,
            records=staged.records,
            size=staged.bytes,
        )
        self.commit([Commit(stream, table, staged, note)])
        if replace:
            self.letters.filled_anew(stream.name)
        seconds = time.monotonic() - began
        self.log.write(
            f"{table.name}: {staged.records} records in {seconds:.2f} s"
            f" ({staged.records / max(seconds, 1e-6):,.0f}/s), {staged.bytes} bytes",
            source="destination",
            records_synced=staged.records,
            bytes_synced=staged.bytes,
            stream=stream.name,
        )
        return known.after(note.state, note.version, note.generation)

    @contextlib.contextmanager
    def writing(self, table: StreamTable, staged: Staged) -> Iterator[tuple[str, str]]:
        """Announce a write; give its id and the folder for its files, removed if it fails."""
        write_id = f"job{self.job_id}-{self.attempt}-{uuid.uuid4().hex[:12]}"
        location = f"{staged.transaction.table_metadata.location}/data/{write_id}"
        streams.announce_write(self.db, write_id, self.connection.id, table.name, location)
        try:
            yield write_id, location
        except Exception:
            with contextlib.suppress(Exception):  # the next sync finds what is left
                table.remove_files(self.duck, location)
            raise

    def note(
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
        """Return what a commit says of itself; `known` is what was known before."""
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

    def commit(self, commits: Sequence[Commit]) -> None:
        """Commit tables and states while no one else can declare this attempt dead."""
        with self.db.transaction():
            jobs.lock_attempt(self.db, self.job_id, self.attempt)
            commit_together(self.catalog, commits)
            for item in commits:
                note, stream = item.note, item.stream
                streams.put(
                    self.db,
                    StreamState(
                        self.connection.id,
                        stream.namespace or "",
                        stream.name,
                        note.state,
                        note.version,
                        note.generation,
                        item.table.name,
                    ),
                )
                streams.settle_write(self.db, note.write_id)
                self.count(stream, note.records, note.bytes)
        for item in commits:
            self.letters.committed(item.stream.name, item.stream.key, item.note.version)
            if item.staged is not None:
                self.changed[item.table.identifier] += 1
                if self.changed[item.table.identifier] % upkeep.EVERY == 0:
                    upkeep.shorten(self, item.table.identifier)

    def look_after(self) -> None:
        """Keep the history of the tables that were changed short. Call it after a sync."""
        for identifier in self.changed:
            upkeep.shorten(self, identifier)
        upkeep.sweep(self)

    def count(self, stream: ConfiguredStream, records: int, size: int) -> None:
        """Add a commit to what this attempt has read of a stream so far."""
        before = self.totals.get(stream.key, (0, 0, 0))
        records, size, states = before[0] + records, before[1] + size, before[2] + 1
        self.totals[stream.key] = (records, size, states)
        stats = self._stats(stream)
        jobs.save_stats(self.db, self.job_id, self.attempt, stream.key, stats)

    def _stats(self, stream: ConfiguredStream) -> Json:
        records, size, states = self.totals.get(stream.key, (0, 0, 0))
        return {
            **stream.descriptor,
            "recordsEmitted": records,
            "bytesEmitted": size,
            "recordsCommitted": records,
            "bytesCommitted": size,
            "stateMessagesEmitted": states,
            "recordsRejected": self.letters.refused.get(stream.name, 0),
        }
