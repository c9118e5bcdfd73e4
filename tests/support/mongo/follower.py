"""Follows a change stream as the engine does, without its server: for tests of the source alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from services.airbyte.cdk.catalog import ConfiguredStream, configured_streams
from services.airbyte.cdk.columns import duckdb_type, quote
from services.airbyte.cdk.log import OP, SEQ, Changes, Limits
from services.airbyte.cdk.source import Environment
from services.airbyte.sources.mongodb.source import build

Json = dict[str, Any]
Row = tuple[Any, ...]


class Follower:
    """A connection: its streams, their states, and the rows that came.

    `tables` keeps one row per `_id`; `history` every row as (operation, *columns).
    """

    def __init__(self, config: Json, *names: str, propagate: bool = False) -> None:
        self.config, self.source = config, build()
        self.said: list[str] = []
        self.env = Environment(
            Path(), "", "", "", lambda line, *_: self.said.append(line), lambda *_: ""
        )
        self._names, self._propagate = names, propagate
        self.streams: Sequence[ConfiguredStream] = ()
        self.choose()
        self.states: dict[str, Json | None] = {one.key: None for one in self.streams}
        self.tables: dict[str, dict[Any, Json]] = {one.name: {} for one in self.streams}
        self.history: dict[str, list[tuple[str, Json]]] = {one.name: [] for one in self.streams}
        self.windows: list[list[tuple[str, str, Json]]] = []

    def choose(self) -> None:
        """Take the streams as the source offers them now."""
        found = self.source.discover(self.config, self.env)
        offered = [one for one in found if one.name in self._names]
        modes = {"syncMode": "incremental", "destinationSyncMode": "append_dedup"}
        entries = [{"stream": one.as_json(), "config": modes} for one in offered]
        self.streams = configured_streams({"streams": entries}, propagate=self._propagate)

    def sync(self, limits: Limits | None = None, windows: int | None = None) -> None:
        """Read to where the oplog ends now, or only some windows."""
        with (
            duckdb.connect() as duck,
            self.source.open_log(self.config, self.streams, self.states, duck, self.env) as log,
        ):
            duck.execute("SET TimeZone = 'UTC'")
            for stream in self.streams:
                if self.states[stream.key] is None or stream.key in log.lost:
                    with log.snapshot(stream) as reading:
                        names = [column.name for column in reading.columns]
                        found = duck.execute(
                            f"SELECT {', '.join(map(quote, names))} FROM {reading.relation}"
                        ).fetchall()
                        self.states[stream.key] = reading.state()
                    self.tables[stream.name] = {}
                    self._take(
                        stream.name, [("U", dict(zip(names, r, strict=True))) for r in found]
                    )
            while not log.caught_up and windows != 0:
                window: list[tuple[str, str, Json]] = []
                for changes in log.window(limits or Limits()):
                    window += self._rows(duck, changes)
                self.states = {**self.states, **log.states()}
                if window:
                    self.windows.append(window)
                    for name in self.tables:
                        self._take(name, [row[1:] for row in window if row[0] == name])
                if windows is not None:
                    windows -= 1

    def _rows(
        self, duck: duckdb.DuckDBPyConnection, changes: Changes
    ) -> Iterator[tuple[str, str, Json]]:
        names = [column.name for column in changes.columns]
        listing = []
        for column in changes.columns:
            value = changes.values.get(column.name) or quote(column.name)
            if column.name in changes.nulled:
                value = f"CASE WHEN {changes.nulled[column.name][0]} THEN NULL ELSE {value} END"
            listing.append(f"CAST({value} AS {duckdb_type(column.type)})")
        duck.register("changes", changes.batch)
        found = duck.execute(
            f"SELECT {OP}, {', '.join(listing)} FROM changes ORDER BY {SEQ}"
        ).fetchall()
        duck.unregister("changes")
        for operation, *values in found:
            row = dict(zip(names, values, strict=True))
            yield changes.stream.name, operation, row

    def _take(self, name: str, rows: Sequence[tuple[str, Json]]) -> None:
        table = self.tables[name]
        for operation, row in rows:
            self.history[name].append((operation, row))
            if operation == "T":
                table.clear()
            elif operation == "D":
                table.pop(row["_id"], None)
            else:
                table[row["_id"]] = row

    def rows(self, name: str, *fields: str) -> list[Row]:
        """Return a table's rows in the order of `_id`."""
        found = [tuple(row.get(f) for f in fields) for row in self.tables[name].values()]
        return sorted(found)
