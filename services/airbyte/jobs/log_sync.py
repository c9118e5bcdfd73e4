"""The streams of a sync that share a log: snapshots first, then window after window.

A window is committed to all its tables at once, then its end is stored, then acknowledged. With
the connection's option `continuous` the sync goes on until it is stopped, in small windows.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.log import ChangeLog, Limits, LogSource
from services.airbyte.destination import applying
from services.airbyte.destination.commits import Commit
from services.airbyte.destination.spool import Spool, Spooled
from services.airbyte.jobs import backfill
from services.airbyte.jobs.continuous import Continuous
from services.airbyte.jobs.pulse import Pulse
from services.airbyte.mapping.rows import map_changes
from services.airbyte.state import streams as states
from services.airbyte.state.records import StreamState

if TYPE_CHECKING:
    from services.airbyte.jobs.sync import Sync

Json = dict[str, Any]

# How often positions are stored and acknowledged while nothing changes.
_QUIET = 10.0


@dataclass
class _Told:
    """What was applied since the last line about it: a line for each small window is too many."""

    rows: int = 0
    bytes: int = 0
    windows: int = 0
    seconds: float = 0.0
    tables: set[str] = field(default_factory=set)
    at: float = 0.0

    @property
    def seconds_since(self) -> float:
        """Seconds since the last line."""
        return time.monotonic() - self.at

    def add(self, commits: Sequence[Commit], seconds: float) -> None:
        """Count a window."""
        self.rows += sum(commit.note.records for commit in commits)
        self.bytes += sum(commit.note.bytes for commit in commits)
        self.windows, self.seconds = self.windows + 1, self.seconds + seconds
        self.tables |= {commit.table.name for commit in commits}

    def write(self, sync: Sync) -> None:
        """Write the line."""
        several = f" in {self.windows} windows" if self.windows > 1 else ""
        sync.log.write(
            f"{self.rows} changes of {', '.join(sorted(self.tables))}{several}"
            f" in {self.seconds:.2f} s",
            source="destination",
            records_synced=self.rows,
            bytes_synced=self.bytes,
        )
        self.rows = self.bytes = self.windows = 0
        self.seconds, self.at = 0.0, time.monotonic()
        self.tables.clear()


@dataclass
class _Windows:
    """The state of reading: how far each stream is, and when that was last stored."""

    sync: Sync
    log: ChangeLog
    known: dict[str, StreamState]
    streams: dict[str, ConfiguredStream]
    pulse: Pulse
    stored_at: float = 0.0
    told: _Told = field(default_factory=_Told)


def run(sync: Sync, source: LogSource, wanted: Sequence[ConfiguredStream]) -> None:
    """Bring all streams up to where the log ends now (or, continuously, for ever)."""
    known: dict[str, StreamState] = {}
    from_log: dict[str, Json | None] = {}
    for stream in wanted:
        with sync.failing(stream):
            table = sync.table(stream)
            known[stream.key] = state = sync.settle(stream, table, from_notes=False)
            from_log[stream.key] = state.state if table.exists else None
    with sync.failing():
        _forget_others(sync, wanted)
        opened = source.open_log(sync.source_config, wanted, from_log, sync.duck, sync.env)
        with opened as log:
            for stream in wanted:
                if from_log[stream.key] is None or stream.key in log.lost:
                    known[stream.key] = _snapshot(sync, log, stream, known[stream.key])
            by_key = {stream.key: stream for stream in wanted}
            continuous = Continuous.of(sync.connection.options) if sync.continuous else None
            pulse = Pulse(sync, log, continuous)
            _read(_Windows(sync, log, known, by_key, pulse), continuous)


def _forget_others(sync: Sync, wanted: Sequence[ConfiguredStream]) -> None:
    """Drop the states of streams that are not read any more: the log will not be kept for them."""
    keys = {stream.key for stream in wanted}
    for state in states.listing(sync.db, sync.connection.id):
        if state.state is not None and state.key not in keys:
            states.put(sync.db, state.after(None, state.version + 1, state.generation))


def _snapshot(
    sync: Sync, log: ChangeLog, stream: ConfiguredStream, known: StreamState
) -> StreamState:
    with sync.failing(stream):
        table = sync.table(stream)
        sync.log.write(f"{stream.name}: reading all of it before its changes", source="source")
        replace = table.exists and stream.dedup
        return sync.copy(stream, table, known, log.snapshot(stream), replace=replace)


def _read(windows: _Windows, continuous: Continuous | None) -> None:
    sync, log, pulse = windows.sync, windows.log, windows.pulse
    limits = Limits()
    if continuous:
        limits = Limits(rows=continuous.rows, gather=continuous.every, idle=1.0, target=False)
    spool = Spool(sync.duck)
    while True:
        with contextlib.closing(log.window(limits)) as window:  # type: ignore[type-var]
            for changes in window:
                with sync.failing(changes.stream):
                    spool.add(map_changes(sync.duck, changes))
        changed = list(spool)
        if changed:
            _apply(windows, changed)
        spool.clear()
        over = pulse.over()
        if changed or over or time.monotonic() - windows.stored_at > _QUIET:
            _store(windows)
            log.acknowledge()
        pulse.beat(windows.streams.values())
        if over:
            return


def _apply(windows: _Windows, changed: Sequence[Spooled]) -> None:
    sync, after = windows.sync, windows.log.states()
    began = time.monotonic()
    commits: list[Commit] = []
    with contextlib.ExitStack() as stack:
        for spooled in changed:
            stream, known = spooled.stream, windows.known[spooled.stream.key]
            with sync.failing(stream):
                table = sync.table(stream)
                staged = applying.begin(table, spooled)
                write_id, folder = stack.enter_context(sync.writing(table, staged))
                applying.apply(
                    table,
                    staged,
                    sync.duck,
                    spooled,
                    folder=folder,
                    job_id=sync.job_id,
                    generation=known.generation,
                )
                for change in staged.changes:
                    sync.log.write(f"{table.name}: {change}", source="destination")
                if any(change.endswith("is new") for change in staged.changes):
                    _tell_of_old_rows(windows, stream, table.name)
                note = sync.note(
                    stream,
                    known,
                    after[stream.key],
                    generation=known.generation,
                    write_id=write_id,
                    records=staged.records,
                    size=staged.bytes,
                )
                commits.append(Commit(stream, table, staged, note))
    sync.commit(commits)
    for commit in commits:
        note = commit.note
        before = windows.known[commit.stream.key]
        windows.known[commit.stream.key] = before.after(note.state, note.version, note.generation)
    windows.told.add(commits, time.monotonic() - began)
    if not sync.continuous or windows.told.seconds_since > _QUIET:
        windows.told.write(sync)


def _tell_of_old_rows(windows: _Windows, stream: ConfiguredStream, table: str) -> None:
    sync = windows.sync
    if backfill.is_wanted(sync.connection) and stream.known_columns is None:
        windows.pulse.end(f"{table}: the next sync reads what its old rows have in a new column")
        return
    sync.log.write(
        f"{table}: rows that do not change have null in a new column, whatever its default;"
        f" connections/refresh of {stream.name} reads them",
        source="destination",
    )


def _store(windows: _Windows) -> None:
    """Store the window's end for the streams in which nothing changed, too."""
    after = windows.log.states()
    with windows.sync.db.transaction():
        for key, known in windows.known.items():
            if known.state != after[key]:
                new = known.after(after[key], known.version + 1, known.generation)
                states.put(windows.sync.db, new)
                windows.known[key] = new
    windows.stored_at = time.monotonic()
