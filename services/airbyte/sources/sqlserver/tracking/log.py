"""Change tracking as a `ChangeLog`: where it may be continued, snapshots, windows.

A window is one snapshot of the database: the version it stands for, each table's changes up to
there, with the rows as they are then. So the tables' changes of a transaction come together, and
the first snapshot is handed over at an exact version. (Microsoft's "Work with change tracking",
"Using snapshot isolation".)
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import duckdb

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.choosing import choose
from services.airbyte.cdk.failures import config_error, transient_error
from services.airbyte.cdk.log import Changes, Limits, without_log_columns
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.sqlserver import connecting
from services.airbyte.sources.sqlserver.failures import explain
from services.airbyte.sources.sqlserver.snapshots import end
from services.airbyte.sources.sqlserver.tables import SourceTable, find_tables
from services.airbyte.sources.sqlserver.tracking import server as servers
from services.airbyte.sources.sqlserver.tracking.config import CDC_NAMES, Place
from services.airbyte.sources.sqlserver.tracking.snapshot import Moment, read_whole
from services.airbyte.sources.sqlserver.tracking.window import read_changes
from services.common.mssql import client

Json = dict[str, Any]


class TrackingLog:
    """One database's changes, for streams of its schemas."""

    def __init__(
        self,
        config: Json,
        db: connecting.Session,
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
        stack: ExitStack,
    ) -> None:
        self._config, self._db, self._duck, self._stack = config, db, duck, stack
        self._env = replace(env, log=self._say)
        self._tell, self._told = env.log, set[str]()
        self._streams: dict[str, ConfiguredStream] = {}
        self._places: dict[str, Place] = {}
        self._moment: Moment | None = None
        self._snapshots: connecting.Session | None = None
        self._end = 0
        method = config.get("replication_method") or {}
        self._resync = method.get("invalid_cdc_cursor_position_behavior") == "Re-sync data"
        self._pause = max(0.1, float(method.get("poll_interval_ms") or 500) / 1000)
        self.lost: frozenset[str] = frozenset()

    def _say(self, line: str, *more: str) -> None:
        """Write a line to the log, once: windows follow each other quickly."""
        if line not in self._told:
            self._told.add(line)
            self._tell(line, *more)

    def begin(self, streams: Sequence[ConfiguredStream], states: Mapping[str, Json | None]) -> None:
        """Find out where each stream goes on. Raises ConnectorError when it cannot."""
        self._end = servers.check_database(self._db, self._config)
        self._streams = {stream.key: stream for stream in streams}
        known = {k: p for k, state in states.items() if (p := Place.from_state(state)) is not None}
        why = self._unreachable(known)
        if why and not self._resync:
            raise _lost(why)
        for key, reason in why.items():
            self._env.log(f"{self._streams[key].name}: {reason}: reading anew, as configured")
        # Read by another method until now: a state that says nothing about versions.
        others = {key for key, state in states.items() if state and key not in known}
        self.lost = frozenset(why) | frozenset(others)
        self._places = {k: p for k, p in known.items() if k not in self.lost}

    def _unreachable(self, known: Mapping[str, Place]) -> dict[str, str]:
        """Return the streams whose changes are not all there any more, and why."""
        tracking = servers.tracked_tables(self._db)
        tables = self._tables() if known else {}
        why: dict[str, str] = {}
        for key, place in known.items():
            found = self._tracking(tables[key], tracking)
            if found.oldest is not None and place.version < found.oldest:
                why[key] = (
                    f"the changes after version {place.version} are gone, the oldest known is"
                    f" {found.oldest}: they were older than CHANGE_RETENTION, or the table was"
                    " truncated, or tracking was off in between"
                )
            elif not found.is_the_one(place.tracking):
                why[key] = "the table was truncated or made anew, or tracking was off in between"
            elif place.version > self._end:
                why[key] = (
                    f"the database stands at version {self._end}, before {place.version}: it was"
                    " restored from a backup"
                )
        return why

    def _tables(self) -> dict[str, SourceTable]:
        """Return the streams' tables, as they are now, by stream key."""
        schemas = {stream.namespace or "" for stream in self._streams.values()}
        wanted = connecting.schemas(self._config) if "" in schemas else sorted(schemas)
        permitted = bool(self._config.get("check_privileges", True))
        found = find_tables(self._db, wanted, permitted=permitted)
        there = {(table.schema, table.name): table for table in found}
        by_name = {table.name: table for table in reversed(found)}
        tables = {}
        for key, stream in self._streams.items():
            name = stream.name
            table = there.get((stream.namespace, name)) if stream.namespace else by_name.get(name)
            if table is None:
                raise config_error(
                    f"stream {name!r} is not in the source (or the user may not read it);"
                    " refresh the connection's schema"
                )
            tables[key] = table
        return tables

    def _tracking(
        self, table: SourceTable, tracking: Mapping[int, servers.Tracked]
    ) -> servers.Tracked:
        """Return a table's tracking. Raises ConnectorError where it is off."""
        if table.id not in tracking:
            raise config_error(
                f"changes of {table.full_name} are not tracked: ALTER TABLE {table.full_name}"
                " ENABLE CHANGE_TRACKING; where it was on before, reset the connection"
                " (connections/reset) too: what changed meanwhile was not tracked"
            )
        found = tracking[table.id]
        if found.oldest is None:
            raise config_error(
                f"the user may not see the changes of {table.full_name}: GRANT VIEW CHANGE TRACKING"
                f" ON {table.full_name} TO the user"
            )
        return found

    @property
    def caught_up(self) -> bool:
        """Whether all was read that was there when reading began."""
        return all(place.version >= self._end for place in self._places.values())

    @contextmanager
    def snapshot(self, stream: ConfiguredStream) -> Iterator[Reading]:
        """Read a table whole, in the one snapshot that all tables of this opening share."""
        own = self._streams[stream.key]
        try:
            table = self._tables()[stream.key]
            if self._moment is None:
                self._snapshots = self._stack.enter_context(connecting.session(self._config))
                self._moment = Moment.take(self._snapshots, table)
                self._env.log(self._moment.words)
            tracked = self._tracking(table, servers.tracked_tables(self._snapshots))
            place = Place(self._moment.version, tracked.identity)
            with read_whole(
                self._snapshots, table, own, self._moment, place, self._duck, self._env
            ) as reading:
                yield reading
        except client().Error as error:
            raise explain(error, self._config) from error
        self._places[stream.key] = place

    def window(self, limits: Limits) -> Iterator[Changes]:
        """Read on: all changes up to one version, however many they are."""
        if self._snapshots is not None:
            end(self._snapshots)  # what it kept from being cleaned up may go
            self._snapshots = None
        if not self._places:
            return
        try:
            if self._wait(limits):
                yield from self._read()
        except client().Error as error:
            raise explain(error, self._config) from error

    def _wait(self, limits: Limits) -> bool:
        """Wait until something was committed; False where nothing was in time."""
        opened = time.monotonic()
        at = min(place.version for place in self._places.values())
        while (version := servers.current_version(self._db) or 0) <= at:
            if limits.target or time.monotonic() - opened >= limits.idle:
                break
            time.sleep(min(self._pause, limits.gather))
        if version > at and not limits.target:
            time.sleep(limits.gather)
        return version > at

    def _read(self) -> Iterator[Changes]:
        moment = Moment.take(self._db, next(iter(self._tables().values())))
        try:
            tables = self._tables()
            tracking = servers.tracked_tables(self._db)
            numbers = itertools.count(1)
            for key, stream in self._streams.items():
                place = self._places[key]
                table = tables[key]
                found = self._tracking(table, tracking)
                if not found.is_the_one(place.tracking) or place.version < (found.oldest or 0):
                    # The next opening tells why, and what is to be done.
                    raise transient_error(
                        f"{table.full_name}: the changes after version {place.version} are gone"
                    )
                columns = choose(table.columns, stream, self._env)
                yield from read_changes(
                    self._db, table, stream, columns, place.version, moment.time, numbers
                )
        finally:
            end(self._db)
        for key, place in self._places.items():
            self._places[key] = Place(max(moment.version, place.version), place.tracking)

    def states(self) -> dict[str, Json]:
        """Return the streams' states."""
        return {key: place.to_state() for key, place in self._places.items()}

    def aim(self) -> None:
        """Look at which version the database stands now."""
        try:
            self._end = servers.current_version(self._db) or 0
        except client().Error as error:
            raise explain(error, self._config) from error

    def acknowledge(self) -> None:
        """Nothing: the server keeps changes for as long as it is told, not for their readers."""

    def lag(self) -> int | None:
        """Nothing is known of the size of what is kept."""
        return None


def _lost(why: Mapping[str, str]) -> Exception:
    key, reason = next(iter(why.items()))
    name = key.replace("\x1f", ".").lstrip(".")
    return config_error(
        f"{name}: {reason}. The changes since then cannot be read. Reset the connection"
        " (connections/reset) to read its tables anew, or set invalid_cdc_cursor_position_behavior"
        " to 'Re-sync data' to have that done by itself; and keep changes for longer (ALTER"
        " DATABASE … SET CHANGE_TRACKING (CHANGE_RETENTION = 14 DAYS))"
    )


@contextmanager
def open_log(
    config: Json,
    streams: Sequence[ConfiguredStream],
    states: Mapping[str, Json | None],
    duck: duckdb.DuckDBPyConnection,
    env: Environment,
) -> Iterator[TrackingLog]:
    """Open the log of a configuration for the streams."""
    own = [without_log_columns(stream, CDC_NAMES) for stream in streams]
    with ExitStack() as stack:
        db = stack.enter_context(connecting.session(config))
        log = TrackingLog(config, db, duck, env, stack)
        log.begin(own, states)
        yield log
