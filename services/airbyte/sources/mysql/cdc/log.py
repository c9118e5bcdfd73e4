"""The binary log as a `ChangeLog`: where it may be continued, snapshots, windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import duckdb
import pymysql

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.failures import config_error, of_destination
from services.airbyte.cdk.log import Changes, Limits, without_log_columns
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.mysql import connecting
from services.airbyte.sources.mysql.cdc import server as servers
from services.airbyte.sources.mysql.cdc.config import CDC_NAMES, Place, from_state, to_state
from services.airbyte.sources.mysql.cdc.snapshot import Snapshot
from services.airbyte.sources.mysql.cdc.stream import BinlogStream
from services.airbyte.sources.mysql.cdc.window import WindowReader
from services.airbyte.sources.mysql.failures import explain
from services.airbyte.sources.mysql.tables import find_tables

Json = dict[str, Any]


class MySqlLog:
    """One server's log, for streams of one database."""

    def __init__(
        self,
        config: Json,
        server: connecting.Target,
        db: connecting.Session,
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
        stack: ExitStack,
    ) -> None:
        self._config, self._server, self._db = config, server, db
        self._duck, self._env, self._stack = duck, env, stack
        self._as_bit = connecting.tinyint1_is_bit(config)
        self._streams: dict[str, ConfiguredStream] = {}
        self._positions: dict[str, Place] = {}
        # GTIDs at positions that streams stand at, as far as they are known.
        self._gtids: dict[Place, str | None] = {}
        self._snapshot: Snapshot | None = None
        self._reader: WindowReader | None = None
        self._identity = ""
        self.lost: frozenset[str] = frozenset()

    def begin(self, streams: Sequence[ConfiguredStream], states: Mapping[str, Json | None]) -> None:
        """Find out where each stream goes on. Raises ConnectorError when it cannot."""
        found = servers.variables(self._db)
        servers.check_server(found)
        self._identity = servers.identity(found)
        self._streams = {stream.key: stream for stream in streams}
        self._check_tables(streams)
        known = {k: p for k, state in states.items() if (p := from_state(state)) is not None}
        why = self._unreachable(known, states)
        if why and not self._resync:
            raise config_error(
                f"the binary log {next(iter(why.values()))}. The changes since then cannot be read."
                " Reset the connection (connections/reset) to read its tables anew, or set"
                " invalid_cdc_cursor_position_behavior to 'Re-sync data' to have that done by"
                " itself; and keep the log for longer (binlog_expire_logs_seconds)"
            )
        if why:
            self._env.log(f"the binary log {next(iter(why.values()))}: reading anew, as configured")
        # Read by another method until now: a state that says nothing about the log.
        others = {key for key, state in states.items() if state and key not in known}
        self.lost = frozenset(why) | frozenset(others)
        self._positions = {k: p for k, p in known.items() if k not in self.lost}
        self._gtids = {p: (states[k] or {}).get("gtid") for k, p in self._positions.items()}

    def _check_tables(self, streams: Sequence[ConfiguredStream]) -> None:
        names = {stream.name for stream in streams}
        for table in find_tables(self._db, self._config["database"]):
            if table.unlike and table.name in names:
                raise config_error(f"stream {table.name!r}: {table.unlike}")

    @property
    def _resync(self) -> bool:
        method = self._config["replication_method"]
        return bool(method.get("invalid_cdc_cursor_position_behavior") == "Re-sync data")

    def _unreachable(
        self, known: Mapping[str, Place], states: Mapping[str, Json | None]
    ) -> dict[str, str]:
        """Return the streams whose position the log does not have, and why."""
        if not known:
            return {}
        there = servers.files(self._db)
        at_place: dict[Place, str | None] = {}
        why: dict[str, str] = {}
        for key, place in known.items():
            state = states[key] or {}
            if state.get("server") != self._identity:
                why[key] = "is of another server than the one that was read until now"
            elif place.file not in there:
                why[key] = f"begins after {place}: the file was purged"
            elif place.at > there[place.file]:
                why[key] = f"ends before {place}: it was reset, or its end was lost in a crash"
            elif state.get("gtid"):
                if place not in at_place:
                    at_place[place] = servers.gtid_at(self._db, place)
                now = servers.gtids_of(at_place[place])
                if at_place[place] is not None and now != servers.gtids_of(state["gtid"]):
                    why[key] = f"has other transactions before {place}: it was reset"
        return why

    @property
    def caught_up(self) -> bool:
        """Whether the log was read to where it ended when reading began."""
        return self._reader is not None and self._reader.caught_up

    @contextmanager
    def snapshot(self, stream: ConfiguredStream) -> Iterator[Reading]:
        """Read a table whole, in the one snapshot that all tables of this opening share."""
        tables = find_tables(
            self._db, self._config["database"], stream.name, tinyint1_is_bit=self._as_bit
        )
        if not tables:
            raise config_error(
                f"stream {stream.name!r} is not in the source (or the user may not read it);"
                " refresh the connection's schema"
            )
        own = self._streams[stream.key]
        try:
            if self._snapshot is None:
                self._snapshot = self._stack.enter_context(Snapshot.take(self._server))
                taken = self._snapshot.place
                self._gtids[taken] = servers.gtid_at(self._db, taken)
                self._env.log(f"snapshot at {self._snapshot.place}")
            place = self._snapshot.place
            with self._snapshot.read(
                tables[0], own, self._state(place), self._duck, self._env
            ) as reading:
                yield reading
        except (pymysql.Error, OSError) as error:
            raise explain(error, self._config) from error
        except duckdb.Error as error:
            if of_destination(error):
                raise
            raise explain(error, self._config) from error
        self._positions[stream.key] = place

    def window(self, limits: Limits) -> Iterator[Changes]:
        """Read on."""
        try:
            if self._reader is None:
                self._reader = self._begin_reading()
            yield from self._reader.read(limits)
        except (pymysql.Error, OSError) as error:
            raise explain(error, self._config) from error

    def _begin_reading(self) -> WindowReader:
        if self._snapshot is not None:
            self._snapshot.release()
        start = min(self._positions.values())
        end = servers.end_of_log(self._db)
        stream = BinlogStream(self._server, start)
        self._stack.callback(stream.close)
        self._env.log(f"reading the log from {start} to {end}")
        return WindowReader(
            stream,
            self._db,
            self._config["database"],
            list(self._streams.values()),
            self._positions,
            self._env.log,
            end=end,
            gtids=servers.gtids_of(self._gtids.get(start)),
            tinyint1_is_bit=self._as_bit,
        )

    def states(self) -> dict[str, Json]:
        """Return the streams' states."""
        return {key: self._state(place) for key, place in self._positions.items()}

    def _state(self, place: Place) -> Json:
        if self._reader is not None and place == self._reader.at:
            gtids = self._reader.gtids
            self._gtids[place] = ",".join(gtids[domain] for domain in sorted(gtids)) or None
        return to_state(place, self._gtids.get(place), self._identity)

    def aim(self) -> None:
        """Look where the log ends now."""
        if self._reader is not None:
            self._reader.aim(servers.end_of_log(self._db))

    def acknowledge(self) -> None:
        """Nothing: the server keeps its log for as long as it is told, not for its readers."""

    def lag(self) -> int | None:
        """Return how many bytes of log lie behind the streams' positions."""
        if not self._positions:
            return None
        at = min(self._positions.values())
        rest = {Place.of(name, 0).number: size for name, size in servers.files(self._db).items()}
        return sum(size for number, size in rest.items() if number >= at.number) - at.at


@contextmanager
def open_log(
    config: Json,
    streams: Sequence[ConfiguredStream],
    states: Mapping[str, Json | None],
    duck: duckdb.DuckDBPyConnection,
    env: Environment,
) -> Iterator[MySqlLog]:
    """Open the log of a configuration for the streams."""
    own = [without_log_columns(stream, CDC_NAMES) for stream in streams]
    with ExitStack() as stack:
        server = stack.enter_context(connecting.target(config))
        db = stack.enter_context(connecting.session(config))
        log = MySqlLog(config, server, db, duck, env, stack)
        log.begin(own, states)
        yield log
