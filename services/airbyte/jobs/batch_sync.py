"""Syncing a source that gives all its streams in one go (see `cdk.batches`)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.airbyte.cdk.batches import Batch, BatchSource
from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.destination.commits import Commit
from services.airbyte.jobs import whole_states
from services.airbyte.mapping.rows import map_reading
from services.airbyte.state import streams
from services.airbyte.state.records import StreamState

if TYPE_CHECKING:
    from services.airbyte.jobs.sync import Sync


def run(sync: Sync, source: BatchSource, wanted: Sequence[ConfiguredStream]) -> None:
    """Read `wanted` and commit batch after batch, those that belong together in one commit."""
    known: dict[str, StreamState] = {}
    left: list[ConfiguredStream] = []
    read = {stream.key for stream in wanted if stream.incremental}
    whole_states.leave_behind(sync.db, sync.connection.id, read, sync.log.write)
    if any(_is_lost(sync, stream) for stream in wanted):
        whole_states.forget_legacy(sync.db, sync.connection.id, sync.log.write)
    for stream in wanted:
        with sync.failing(stream):
            table = sync.table(stream)
            known[stream.key] = sync.settle(stream, table)
            if not stream.incremental and sync.committed_before(stream, table):
                continue
            if stream.incremental and not table.exists:
                # The rows that the state stands for are gone.
                known[stream.key] = known[stream.key].after(
                    None, known[stream.key].version, known[stream.key].generation
                )
            left.append(stream)
            sync.log.write(
                f"{stream.name}: {stream.sync_mode} | {stream.destination_sync_mode}"
                f" {'from its state' if known[stream.key].state else 'from the start'}",
                source="source",
            )
    if not left:
        return
    states = {s.key: known[s.key].state if s.incremental else None for s in left}
    with (
        sync.failing(),
        source.batches(sync.source_config, left, states, sync.duck, sync.env) as batches,
    ):
        for group in batches:
            _commit(sync, group, known)


def _is_lost(sync: Sync, stream: ConfiguredStream) -> bool:
    """Whether the rows that a state of the whole connector stands for are gone."""
    name = (stream.namespace or "", stream.name)
    known = streams.get(sync.db, sync.connection.id, *name)
    return whole_states.is_legacy(known) and not sync.table(stream).exists


def _commit(sync: Sync, group: list[Batch], known: dict[str, StreamState]) -> None:
    began = time.monotonic()
    with contextlib.ExitStack() as writes:
        commits = [_staged(sync, writes, batch, known[batch.stream.key]) for batch in group]
    # From here on the files stay: whether a commit took place is not always known.
    sync.commit(commits)
    for commit in commits:
        stream, note = commit.stream, commit.note
        known[stream.key] = known[stream.key].after(note.state, note.version, note.generation)
        if stream.overwrite:
            sync.letters.filled_anew(stream.name)
        sync.log.write(
            f"{commit.table.name}: {note.records} records committed in"
            f" {time.monotonic() - began:.2f} s, {note.bytes} bytes",
            source="destination",
            records_synced=note.records,
            bytes_synced=note.bytes,
            stream=stream.name,
        )


def _staged(sync: Sync, writes: contextlib.ExitStack, batch: Batch, known: StreamState) -> Commit:
    with sync.failing(batch.stream):
        stream, reading = map_reading(batch.stream, batch.reading)
        table = sync.table(stream)
        staged = table.begin(reading, replace=stream.overwrite)
        generation = known.generation + (1 if stream.overwrite else 0)
        write_id, location = writes.enter_context(sync.writing(table, staged))
        table.stage(
            staged,
            sync.duck,
            stream,
            reading,
            folder=location,
            job_id=sync.job_id,
            generation=generation,
            replace=stream.overwrite,
        )
        for change in staged.changes:
            sync.log.write(f"{table.name}: {change}", source="destination")
        note = sync.note(
            stream,
            known,
            reading.state(),
            generation=generation,
            write_id=write_id,
            records=staged.records,
            size=staged.bytes,
        )

        return Commit(stream, table, staged, note)
