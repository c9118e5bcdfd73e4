"""Change streams as a `ChangeLog`: where they may be continued, snapshots, windows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import duckdb
from bson.raw_bson import RawBSONDocument
from pymongo.errors import PyMongoError

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.failures import config_error, transient_error
from services.airbyte.cdk.log import Changes, Limits, without_log_columns
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.mongodb import collections
from services.airbyte.sources.mongodb.cdc.config import (
    CDC_NAMES,
    Known,
    Position,
    from_state,
    to_state,
)
from services.airbyte.sources.mongodb.cdc.snapshot import read_snapshot
from services.airbyte.sources.mongodb.cdc.stream import HistoryLostError, Stream, open_stream
from services.airbyte.sources.mongodb.cdc.window import Name, WindowReader
from services.airbyte.sources.mongodb.collections import ID
from services.airbyte.sources.mongodb.config import MongoConfig
from services.airbyte.sources.mongodb.connecting import (
    Client,
    RawClient,
    connect,
    connect_raw,
    operation_time,
    server_name,
)
from services.airbyte.sources.mongodb.failures import LOST, explain
from services.airbyte.sources.mongodb.layout import Layout, layout_of
from services.airbyte.sources.mongodb.reading import Walk

Json = dict[str, Any]


class MongoLog:
    """One replica set's changes, of collections of the configured databases."""

    def __init__(
        self,
        settings: MongoConfig,
        client: Client,
        raw: RawClient,
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
        stack: ExitStack,
    ) -> None:
        self._settings, self._client, self._raw = settings, client, raw
        self._duck, self._env, self._stack = duck, env, stack
        self._streams: dict[str, ConfiguredStream] = {}
        self._names: dict[str, Name] = {}
        self._layouts: dict[str, Layout] = {}
        self._positions: dict[str, Position] = {}
        self._opened: Stream | None = None
        self._reader: WindowReader | None = None
        self._snapshot_at: int | None = None
        self._began = time.monotonic()
        self._server = ""
        self.lost: frozenset[str] = frozenset()

    def begin(self, streams: Sequence[ConfiguredStream], states: Mapping[str, Json | None]) -> None:
        """Find out where each stream goes on. Raises ConnectorError when it cannot."""
        self._server = server_name(self._client)
        known = {k: found for k, state in states.items() if (found := from_state(state))}
        for stream in streams:
            self._add(stream, known.get(stream.key))
        why = self._elsewhere(known)
        self._positions = {k: one.position for k, one in known.items() if k not in why}
        while self._positions and self._opened is None:
            first = min(self._positions.values(), key=lambda position: position.order)
            try:
                self._opened = self._open(first)
            except HistoryLostError as error:
                late = [k for k, position in self._positions.items() if position == first]
                why |= dict.fromkeys(late, str(error))
                for key in late:
                    del self._positions[key]
        if why:
            reason = next(iter(why.values()))
            if not self._settings.resync:
                raise config_error(LOST.format(first=reason), reason)
            self._env.log(f"the oplog cannot be continued ({reason}): reading anew, as configured")
        # Read by another method until now: a state that says nothing about the oplog.
        others = {key for key, state in states.items() if state and key not in known}
        self.lost = frozenset(why) | frozenset(others)

    def _add(self, stream: ConfiguredStream, known: Known | None) -> None:
        settings = self._settings
        database = collections.database_of(stream, settings)
        if stream.dedup and stream.primary_key != (ID,):
            raise config_error(
                f"stream {stream.name!r}: the change stream tells deleted documents by {ID} only;"
                f" set the primary key to {ID}, or append the changes"
            )
        if known is not None and known.schema_enforced != settings.schema_enforced:
            raise config_error(
                f"stream {stream.name!r} was read with schema_enforced"
                f" {str(known.schema_enforced).lower()}, which the source has changed: refresh the"
                " connection's schema and reset its data"
            )
        sampled = {}
        if not stream.schema.get("properties"):
            sampled = collections.fields(self._client, database, stream.name, settings)
        layout = layout_of(
            stream, sampled, schema_enforced=settings.schema_enforced, say=self._env.log
        )
        if known is not None and layout.grows:
            # What a field was taken for stays: the next sample may see other types, or no such
            # field.
            layout.kinds |= known.fields
        self._streams[stream.key] = stream
        self._names[stream.key] = (database, stream.name)
        self._layouts[stream.key] = layout

    def _elsewhere(self, known: Mapping[str, Known]) -> dict[str, str]:
        """Return the streams whose state is of another replica set, and what to say of it."""
        return {
            key: f"the state is of replica set {one.server!r}, this one is {self._server!r}"
            for key, one in known.items()
            if one.server is not None and one.server != self._server
        }

    def _open(self, position: Position) -> Stream:
        by_database: dict[str, list[str]] = {name: [] for name in self._settings.databases}
        for database, collection in self._names.values():
            by_database[database].append(collection)
        stream = open_stream(self._raw, self._settings, by_database, position)
        self._stack.callback(stream.close)
        return stream

    @property
    def caught_up(self) -> bool:
        """Whether all changes were read that had been made when reading began."""
        return self._reader is not None and self._reader.caught_up

    @contextmanager
    def snapshot(self, stream: ConfiguredStream) -> Iterator[Reading]:
        """Read a collection whole, as of the moment that all snapshots of this opening share."""
        if time.monotonic() - self._began > self._settings.load_hours * 3600:
            raise transient_error(
                f"the initial load takes longer than initial_load_timeout_hours"
                f" ({self._settings.load_hours:g}); the collections that were read are kept, the"
                " next attempt goes on with the others"
            )
        try:
            collections.check_there(self._client, *self._names[stream.key])
            if self._snapshot_at is None:
                self._snapshot_at = operation_time(self._client)
                self._env.log(f"snapshot at {Position(self._snapshot_at)}")
            position = Position(self._snapshot_at)
            layout = self._layouts[stream.key]
            with read_snapshot(
                self._client,
                self._names[stream.key],
                layout,
                self._streams[stream.key],
                position,
                self._state(stream.key, position),
                self._duck,
                self._env,
            ) as reading:
                yield reading
        except PyMongoError as error:
            raise explain(error, self._settings) from error
        self._positions[stream.key] = position

    def window(self, limits: Limits) -> Iterator[Changes]:
        """Read on."""
        try:
            if self._reader is None:
                self._begin_reading()
            assert self._reader is not None  # noqa: S101 - made above
            yield from self._reader.read(limits)
        except HistoryLostError as error:
            raise config_error(LOST.format(first=str(error)), str(error)) from error
        except PyMongoError as error:
            raise explain(error, self._settings) from error

    def _begin_reading(self) -> None:
        streams = [
            (self._names[key], stream, self._layouts[key]) for key, stream in self._streams.items()
        ]
        self._reader = WindowReader(
            self._open,
            self._documents,
            streams,
            self._positions,
            end=operation_time(self._client),
            batch_rows=self._settings.queue_size,
            stream=self._opened,
        )
        self._env.log(f"reading changes from {self._reader.at} on")

    def _documents(self, name: Name, after: int) -> Iterator[RawBSONDocument]:
        self._env.log(f"{name[1]}: another collection was renamed to it, reading all of it")
        return iter(Walk(self._client, *name, self._env.log, after=after))

    def states(self) -> dict[str, Json]:
        """Return the streams' states."""
        return {key: self._state(key, position) for key, position in self._positions.items()}

    def _state(self, key: str, position: Position) -> Json:
        layout = self._layouts[key]
        return to_state(
            position,
            self._server,
            schema_enforced=self._settings.schema_enforced,
            fields=layout.kinds if layout.grows else {},
        )

    def aim(self) -> None:
        """Look where the oplog ends now."""
        if self._reader is not None:
            try:
                self._reader.aim(operation_time(self._client))
            except PyMongoError as error:
                raise explain(error, self._settings) from error

    def acknowledge(self) -> None:
        """Nothing to say: a server keeps its oplog by size and age, whoever reads it."""

    def lag(self) -> int | None:
        """Unknown: a server does not tell how many bytes of its oplog lie behind a position."""
        return None


@contextmanager
def open_log(
    config: Json,
    streams: Sequence[ConfiguredStream],
    states: Mapping[str, Json | None],
    duck: duckdb.DuckDBPyConnection,
    env: Environment,
) -> Iterator[MongoLog]:
    """Open the change stream of a configuration for the streams."""
    settings = MongoConfig.parse(config)
    own = [without_log_columns(stream, CDC_NAMES) for stream in streams]
    with ExitStack() as stack:
        client = stack.enter_context(connect(settings))
        raw = stack.enter_context(connect_raw(settings))
        log = MongoLog(settings, client, raw, duck, env, stack)
        log.begin(own, states)
        yield log
