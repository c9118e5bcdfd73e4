"""PostgreSQL's log as a `ChangeLog`: where it may be continued, snapshots, windows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import duckdb
import psycopg

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.failures import config_error, transient_error
from services.airbyte.cdk.log import Changes, Limits, without_log_columns
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.postgres import connecting
from services.airbyte.sources.postgres.cdc import slot as slots
from services.airbyte.sources.postgres.cdc.config import CDC_NAMES, CdcConfig, lsn_text
from services.airbyte.sources.postgres.cdc.position import (
    Position,
    continuing,
    replaced,
    tell_partitions,
)
from services.airbyte.sources.postgres.cdc.publication import (
    Published,
    left_out,
    published_tables,
    unpublished,
)
from services.airbyte.sources.postgres.cdc.replication import Replication, connect
from services.airbyte.sources.postgres.cdc.sink import check_key
from services.airbyte.sources.postgres.cdc.snapshot import Snapshot
from services.airbyte.sources.postgres.cdc.window import WindowReader

Json = dict[str, Any]
_HEARTBEAT_SECONDS = 10.0
_LAG_TOLD = 1 << 30


class PostgresLog:
    """One open slot."""

    def __init__(
        self,
        config: Json,
        target: str,
        db: psycopg.Connection[dict[str, Any]],
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
        stack: ExitStack,
    ) -> None:
        self._config, self._cdc, self._target = config, CdcConfig.parse(config), target
        self._db, self._duck, self._env, self._stack = db, duck, env, stack
        self._positions: dict[str, int] = {}
        self._streams: dict[str, ConfiguredStream] = {}
        self._tables: dict[str, Published] = {}
        self._snapshot: Snapshot | None = None
        self._reader: WindowReader | None = None
        self._opened = time.monotonic()
        self._beat = 0.0
        self.lost: frozenset[str] = frozenset()

    def begin(self, streams: Sequence[ConfiguredStream], states: Mapping[str, Json | None]) -> None:
        """Find out where each stream goes on."""
        slots.check_server(self._db, self._cdc)
        published = published_tables(self._db, self._cdc)
        for stream in streams:
            schema = stream.namespace or "public"
            table = published.get((schema, stream.name))
            if table is None:
                raise config_error(unpublished(self._db, self._cdc, schema, stream.name))
            if table.unlike:
                raise config_error(f"stream {stream.name!r}: {table.unlike}")
            check_key(stream, f"{schema}.{stream.name}", table.identity)
            self._streams[stream.key] = stream
            self._tables[stream.key] = table
        if kinds := left_out(self._db, self._cdc):
            self._env.log(
                f"publication {self._cdc.publication} does not publish {', '.join(kinds)}: these"
                " changes do not reach the tables"
            )
        self._system = _system(self._target)
        known = {
            key: position
            for key, state in states.items()
            if (position := Position.of(state)) is not None
        }
        self.lost = continuing(self._db, self._cdc, self._system, known, self._env.log)
        self.lost |= replaced(self._cdc, known, self._tables, self._env.log)
        tell_partitions(known, self._tables, self._env.log)
        # Read by another method until now: a state that says nothing about the log.
        self.lost |= {k for k, state in states.items() if state is not None and k not in known}
        self._positions = {k: p.lsn for k, p in known.items() if k not in self.lost}

    @property
    def caught_up(self) -> bool:
        """Whether the log was read to where it ended when reading began."""
        return self._reader is not None and self._reader.caught_up

    @contextmanager
    def snapshot(self, stream: ConfiguredStream) -> Iterator[Reading]:
        """Read a table whole, in the one snapshot that all tables of this opening share."""
        if time.monotonic() - self._opened > self._cdc.load_hours * 3600:
            raise transient_error(
                f"the initial load takes longer than initial_load_timeout_hours"
                f" ({self._cdc.load_hours:g}); the tables that were read are kept, the next attempt"
                " goes on with the others"
            )
        if self._snapshot is None:
            slots.tell_writers(self._db, self._env.log)
            self._snapshot = self._stack.enter_context(Snapshot.take(self._target))
            self._env.log(f"snapshot at {lsn_text(self._snapshot.lsn)}")
        with self._snapshot.read(
            self._config,
            self._db,
            stream,
            self._tables[stream.key],
            self._state(stream.key, self._snapshot.lsn),
            self._duck,
            self._env,
        ) as reading:
            yield reading
        self._positions[stream.key] = self._snapshot.lsn

    def window(self, limits: Limits) -> Iterator[Changes]:
        """Read on."""
        if self._reader is None:
            self._begin_reading()
        now = time.monotonic()
        if now - self._beat > _HEARTBEAT_SECONDS:
            slots.heartbeat(self._db, self._cdc, self._env.log)
            self._beat = now
        assert self._reader is not None  # noqa: S101 - made above
        try:
            yield from self._reader.read(limits)
        except psycopg.Error as error:
            raise connecting.explain(error, self._config) from error
        if self._cdc.acknowledge_while_reading:
            self.acknowledge()

    def _begin_reading(self) -> None:
        if self._snapshot is not None:
            self._snapshot.release()
        slots.heartbeat(self._db, self._cdc, self._env.log)
        self._beat = time.monotonic()
        start = min(self._positions.values())
        replication = Replication(self._target, self._cdc.slot, self._cdc.publication, start)
        self._stack.callback(replication.close)
        self._reader = WindowReader(
            replication,
            self._db,
            {table.oid: self._streams[key] for key, table in self._tables.items()},
            self._positions,
            self._env.log,
            end=slots.log_end(self._db),
            patience=self._cdc.initial_waiting_seconds,
            batch_rows=self._cdc.queue_size,
        )
        self._env.log(f"reading the log from {lsn_text(start)}")

    def states(self) -> dict[str, Json]:
        """Return the streams' states."""
        return {key: self._state(key, lsn) for key, lsn in self._positions.items()}

    def _state(self, key: str, lsn: int) -> Json:
        table = self._tables[key]
        position = Position(lsn, self._system, table.oid, table.member, table.partitions)
        return position.as_state(self._cdc.slot)

    def aim(self) -> None:
        """Look where the log ends now."""
        if self._reader is not None:
            self._reader.aim(slots.log_end(self._db))

    def acknowledge(self) -> None:
        """Confirm the window's end to the slot."""
        if self._reader is not None:
            self._reader.confirm()

    def lag(self) -> int | None:
        """Return how much log the slot holds; warn when there is much, fail when it is lost."""
        slot = slots.find_slot(self._db, self._cdc)
        if slot is None or not slot.alive:
            raise config_error(
                f"replication slot {self._cdc.slot!r} was dropped or invalidated while it was read:"
                " reset the connection to read its tables anew"
            )
        if slot.held is not None:
            room = "" if slot.safe is None else f", {slot.safe >> 20} MB more before it is lost"
            if slot.held > _LAG_TOLD or (slot.safe is not None and slot.safe < _LAG_TOLD // 4):
                self._env.log(
                    f"slot {self._cdc.slot} keeps {slot.held >> 20} MB of log{room}: an open"
                    " transaction, or syncs too rare"
                )
        return slot.held


@contextmanager
def open_log(
    config: Json,
    streams: Sequence[ConfiguredStream],
    states: Mapping[str, Json | None],
    duck: duckdb.DuckDBPyConnection,
    env: Environment,
) -> Iterator[PostgresLog]:
    """Open the slot of a configuration for the streams."""
    own = [without_log_columns(stream, CDC_NAMES) for stream in streams]
    with ExitStack() as stack:
        db = stack.enter_context(connecting.session(config))
        target = stack.enter_context(connecting.conninfo(config))
        log = PostgresLog(config, target, db, duck, env, stack)
        log.begin(own, states)
        yield log


def _system(target: str) -> str:
    with connect(target) as db:
        row = db.execute("IDENTIFY_SYSTEM").fetchone()
    return str(row[0]) if row else ""
