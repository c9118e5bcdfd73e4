"""Reading: the connector's messages become batches, each with the state that covers it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import orjson

from services.airbyte.cdk.batches import Batch
from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.columns import Column
from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.protocol import states
from services.airbyte.sources.protocol.asking import finished
from services.airbyte.sources.protocol.messages import Listener
from services.airbyte.sources.protocol.process import Child
from services.airbyte.sources.protocol.schema import CHANGES, ROW, columns
from services.airbyte.sources.protocol.spool import Spool, relation

Json = dict[str, Any]

_REFUSED_HELD = 1000


@dataclass(frozen=True)
class Pace:
    """When rows move on: from memory to disk at `memory` bytes over all streams; to the table at
    the first state after `seconds` or `size` bytes of a stream."""

    memory: int = 32 << 20
    seconds: float = 60.0
    size: int = 256 << 20


class Session:
    """One `read` of a connector."""

    def __init__(
        self,
        child: Child,
        heard: Listener,
        streams: Sequence[ConfiguredStream],
        stored: Mapping[str, Json | None],
        duck: duckdb.DuckDBPyConnection,
        folder: Path,
        env: Environment,
        pace: Pace,
    ) -> None:
        self._child, self._heard, self._env, self._pace = child, heard, env, pace
        self._streams = {stream.key: stream for stream in streams}
        self._states: dict[str, Json | None] = dict(stored)
        self._spools: dict[str, Spool] = {}
        for number, stream in enumerate(streams):
            spool = Spool(
                duck, folder / str(number), _columns(stream), _keys(stream), self._refuser(stream)
            )
            self._spools[stream.key] = spool
        self._counts = dict.fromkeys(self._spools, 0)
        self._ended: set[str] = set()
        self._committed = dict.fromkeys(self._spools, time.monotonic())
        self._refused: dict[str, list[Json]] = {}
        self._strangers: dict[str, int] = {}
        self._shared = False
        self._covered: set[str] = set()  # have a state that is not committed yet

    def batches(self) -> Iterator[list[Batch]]:
        """Yield what may be committed; at the end raise what went wrong."""
        failure: ConnectorError | None = None
        try:
            for lines in self._child.batches():
                for line in lines:
                    yield from self._take(line)
                self._make_room()
            finished(self._child, self._heard, "the connector")
            failure = self._unfinished()
        except ConnectorError as error:
            failure = error
        yield from self._rest(failed=failure is not None)
        self._keep_refused()
        for name, count in self._strangers.items():
            self._env.log(f"{count} records of {name!r}, which was not asked for, were left out")
        if failure is not None:
            raise failure

    def _take(self, line: bytes) -> Iterator[list[Batch]]:
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            self._not_json(line, str(error))
            return
        if not isinstance(message, dict):
            self._not_json(line, "not an object")
            return
        kind = message.get("type")
        if kind == "RECORD":
            self._record(message.get("record") or {}, line)
        elif kind == "STATE":
            yield from self._state(message)
        else:
            self._heard.hear(message)
            if kind == "TRACE":
                yield from self._completed()

    def _record(self, record: Json, line: bytes) -> None:
        key = f"{record.get('namespace') or ''}\x1f{record.get('stream')}"
        spool = self._spools.get(key)
        if spool is None:
            name = str(record.get("stream"))
            self._strangers[name] = self._strangers.get(name, 0) + 1
        elif not isinstance(record.get("data"), dict):
            self._refuse(self._streams[key].name, {"reason": "data is not an object", **record})
        else:
            self._counts[key] += 1
            spool.add(line)

    def _not_json(self, line: bytes, why: str) -> None:
        text = line.decode(errors="replace").strip()
        if text.startswith('{"') and "RECORD" in text[:200]:
            self._refuse("_unreadable", {"reason": why, "text": text[:100_000]})
        elif text:
            self._env.log(text[:10_000])

    def _state(self, message: Json) -> Iterator[list[Batch]]:
        told = states.incoming(message, list(self._streams.values()))
        self._shared = self._shared or states.is_shared(message)
        covered = [key for key in told if key in self._spools]
        count = states.record_count(message)
        if count is not None and len(told) == len(covered) == 1:
            self._verify(covered[0], count)
        for key in covered:
            self._spools[key].cover()
            self._counts[key] = 0
            self._states[key] = told[key]
            self._covered.add(key)
        due = [key for key in covered if self._streams[key].incremental and self._due(key)]
        if due:
            yield [self._batch(key) for key in (covered if self._shared else due)]

    def _verify(self, key: str, count: int) -> None:
        if self._counts[key] != count:
            self._env.log(
                f"{self._streams[key].name}: the connector says that it sent {count} records since"
                f" its last state, {self._counts[key]} were received",
                "WARNING",
            )

    def _due(self, key: str) -> bool:
        waited = time.monotonic() - self._committed[key]
        return waited >= self._pace.seconds or self._spools[key].waiting >= self._pace.size

    def _completed(self) -> Iterator[list[Batch]]:
        """Give streams that the connector has just called complete."""
        if self._shared:
            return
        for key, status in self._heard.status.items():
            if status == "COMPLETE" and key in self._spools and key not in self._ended:
                yield [self._batch(key, last=True)]

    def _unfinished(self) -> ConnectorError | None:
        for key, status in self._heard.status.items():
            if status == "INCOMPLETE":
                name = key.partition("\x1f")[2]
                return self._heard.failed.get(key) or ConnectorError(
                    "source", "system_error", f"the connector did not complete stream {name!r}"
                )
        return None

    def _rest(self, *, failed: bool) -> Iterator[list[Batch]]:
        left = [key for key in self._spools if key not in self._ended]
        if failed:
            # A stream that is read in full is whole or nothing; of the others goes what is covered.
            left = [k for k in left if self._streams[k].incremental and k in self._covered]
        batches = [self._batch(key, last=not failed, covered_only=failed) for key in left]
        if self._shared and batches:
            yield batches
        else:
            for batch in batches:
                yield [batch]

    def _batch(self, key: str, *, last: bool = False, covered_only: bool = True) -> Batch:
        stream, spool = self._streams[key], self._spools[key]
        parts = spool.take(covered_only=covered_only and not last)
        self._committed[key] = time.monotonic()
        self._covered.discard(key)
        if last:
            self._ended.add(key)
        state = self._states.get(key) if stream.incremental else None
        reading = Reading(
            columns=spool.columns,
            relation=relation(parts, spool.columns),
            state=lambda: state,
            changes=CHANGES,
            order=ROW,
        )
        return Batch(stream, reading, last)

    def _make_room(self) -> None:
        while sum(spool.held for spool in self._spools.values()) > self._pace.memory:
            max(self._spools.values(), key=lambda spool: spool.held).flush()

    def _refuser(self, stream: ConfiguredStream) -> Any:
        return lambda record: self._refuse(stream.name, record)

    def _refuse(self, name: str, record: Json) -> None:
        held = self._refused.setdefault(name, [])
        held.append({"stream": name, **record})
        if len(held) >= _REFUSED_HELD:
            self._keep_refused()

    def _keep_refused(self) -> None:
        for name, records in self._refused.items():
            where = self._env.dead_letters(name, records)
            self._env.log(f"{len(records)} records were refused and are kept in {where}", "WARNING")
        self._refused = {}


def _columns(stream: ConfiguredStream) -> tuple[Column, ...]:
    wanted = stream.selected_columns
    return tuple(c for c in columns(stream.schema) if wanted is None or c.name in wanted)


def _keys(stream: ConfiguredStream) -> tuple[str, ...]:
    return stream.primary_key if stream.dedup else ()
