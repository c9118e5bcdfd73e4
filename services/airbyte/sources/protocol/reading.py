"""Reading: the connector's messages become batches, each with the state that covers it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from services.airbyte.cdk.batches import Batch
from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.columns import Column
from services.airbyte.cdk.failures import ConnectorError, config_error, transient_error
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.protocol import states
from services.airbyte.sources.protocol.asking import finished
from services.airbyte.sources.protocol.messages import Listener
from services.airbyte.sources.protocol.parts import relation
from services.airbyte.sources.protocol.process import LONGEST_LINE, Child, CutLine
from services.airbyte.sources.protocol.records import UNREAD, read_message
from services.airbyte.sources.protocol.schema import CHANGES, ROW, columns
from services.airbyte.sources.protocol.spool import Spool, Typist

Json = dict[str, Any]

_REFUSED_HELD = 1000
# What shows that a read moves on; as Airbyte's heartbeat has it, a log does not.
_MOVING = ("RECORD", "STATE")
# The stream that lines belong to which nobody can read.
_UNREADABLE = "_unreadable"
# What a line that cannot be read is taken for a record by.
_RECORD = re.compile(r'"type"\s*:\s*"RECORD"|"record"\s*:\s*\{')


@dataclass(frozen=True)
class Pace:
    """When rows move on: from memory to disk at `memory` bytes over all streams; to the table at
    the first state after `seconds` or `size` bytes of a stream."""

    memory: int = 16 << 20
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
        typist: Typist,
        folder: Path,
        env: Environment,
        pace: Pace,
    ) -> None:
        self._child, self._heard, self._env, self._pace = child, heard, env, pace
        self._streams = {stream.key: stream for stream in streams}
        self._states: dict[str, Json | None] = dict(stored)
        self._spools: dict[str, Spool] = {}
        self._targets: dict[tuple[Any, Any], Spool] = {}  # by namespace and name, as records say
        for number, stream in enumerate(streams):
            if not columns(stream.schema):
                env.log(
                    f"{stream.name}: the connector names no fields of it: rows come without any",
                    "WARNING",
                )
            spool = Spool(
                typist,
                folder / str(number),
                _columns(stream),
                _keys(stream),
                self._refuser(stream),
            )
            self._spools[stream.key] = spool
            for namespace in {stream.namespace, stream.namespace or None, stream.namespace or ""}:
                self._targets[namespace, stream.name] = spool
        self._ended: set[str] = set()
        self._committed = dict.fromkeys(self._spools, time.monotonic())
        self._refused: dict[str, list[Json]] = {}
        self._refused_covered: dict[str, int] = {}  # how many of them a state covers
        self._strangers: dict[str, int] = {}
        self._shared = False
        self._covered: set[str] = set()  # have a state that is not committed yet
        self._moved_on = time.monotonic()  # when the last record or state came

    def batches(self) -> Iterator[list[Batch]]:
        """Yield what may be committed; at the end raise what went wrong."""
        failure: ConnectorError | None = None
        try:
            self._moved_on = time.monotonic()
            for lines in self._child.batches():
                moving = False
                for line in lines:
                    try:
                        message = read_message(line)
                    except UNREAD:
                        yield from self._unusual(line)
                        moving = moving or b'"RECORD"' in line
                        continue
                    record = message.record
                    moving = moving or message.type in _MOVING
                    if record is None or message.type != "RECORD":
                        yield from self._other(orjson.loads(line))
                    elif spool := self._targets.get((record.namespace, record.stream)):
                        spool.add(record, len(line))
                    else:
                        self._stranger(record.stream)
                self._require_progress(moving=moving)
                self._make_room()
            finished(self._child, self._heard, "the connector")
            failure = self._unfinished()
        except ConnectorError as error:
            failure = error
        if failure is not None:
            self._forget_refused()
        yield from self._rest(failed=failure is not None)
        self._keep_refused()
        for name, count in self._strangers.items():
            self._env.log(f"{count} records of {name!r}, which was not asked for, were left out")
        if failure is not None:
            raise failure

    def _require_progress(self, *, moving: bool) -> None:
        now = time.monotonic()
        if moving or self._child.done:
            self._moved_on = now
        elif (waited := now - self._moved_on) > self._env.silence:
            raise transient_error(
                f"the connector gave no record and no state for {waited:.0f} s, it only logs, and"
                " was stopped; set CONNECTOR_SILENCE_SECONDS if it needs longer"
            )

    def _unusual(self, line: bytes) -> Iterator[list[Batch]]:
        """Act on a line that is no message, or one in no form of the protocol's."""
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            self._not_json(line, str(error))
            return
        if not isinstance(message, dict):
            self._not_json(line, "not an object")
        elif message.get("type") != "RECORD":
            yield from self._other(message)
        else:
            self._no_row(message.get("record"))

    def _no_row(self, record: Any) -> None:
        name = record.get("stream") if isinstance(record, dict) else None
        if not isinstance(name, str):
            self._refuse(_UNREADABLE, {"reason": "no record of a stream", "record": record})
        elif (record.get("namespace"), name) not in self._targets:
            self._stranger(name)
        else:
            self._refuse(name, {"reason": "data is not an object", **record})

    def _stranger(self, name: str) -> None:
        self._strangers[name] = self._strangers.get(name, 0) + 1

    def _other(self, message: Json) -> Iterator[list[Batch]]:
        """Act on what is no record."""
        if message.get("type") == "STATE":
            yield from self._state(message)
            return
        self._heard.hear(message)
        if message.get("type") == "TRACE":
            self._child.done = all(self._heard.status.get(k) == "COMPLETE" for k in self._streams)
            yield from self._completed()

    def _not_json(self, line: bytes, why: str) -> None:
        text = line.decode(errors="replace").strip()
        if isinstance(line, CutLine):
            why = (
                f"the line has {line.length >> 20} MB, more than the {LONGEST_LINE >> 20} MB that"
                " are read: leave the field that is so long out in the connector's configuration"
            )
            self._refuse(_UNREADABLE, {"reason": why, "text": text})
        elif text.startswith("{") and _RECORD.search(text):
            self._refuse(_UNREADABLE, {"reason": why, "text": text[:100_000]})
        elif text:
            self._env.log(text[:10_000])

    def _state(self, message: Json) -> Iterator[list[Batch]]:
        told = states.incoming(message, list(self._streams.values()))
        self._shared = self._shared or states.is_shared(message)
        covered = [key for key in told if key in self._spools]
        if not told:
            self._env.log(f"a state in no form of the protocol's: {str(message)[:1000]}", "WARNING")
        self._refused_covered[_UNREADABLE] = len(self._refused.get(_UNREADABLE, ()))
        count = states.record_count(message)
        for key in covered:
            received = self._spools[key].cover()
            if count is not None and len(told) == 1 and received != count:
                self._miscounted(key, count, received)
            if self._streams[key].incremental and told[key] != self._states.get(key):
                self._ended.discard(key)
            self._states[key] = told[key]
            self._covered.add(key)
            name = self._streams[key].name
            self._refused_covered[name] = len(self._refused.get(name, ()))
        yield from self._completed()
        due = [key for key in covered if self._streams[key].incremental and self._due(key)]
        if due:
            yield [self._batch(key) for key in (covered if self._shared else due)]

    def _miscounted(self, key: str, count: int, received: int) -> None:
        self._env.log(
            f"{self._streams[key].name}: the connector says that it sent {count} records since"
            f" its last state, {received} were received",
            "WARNING",
        )

    def _due(self, key: str) -> bool:
        if key in self._ended:
            return False
        waited = time.monotonic() - self._committed[key]
        return waited >= self._pace.seconds or self._spools[key].waiting >= self._pace.size

    def _completed(self) -> Iterator[list[Batch]]:
        """Give streams that the connector has called complete, with all of their rows.

        Of a stream with a cursor the last state may come after that (airbyte-cdk sends a
        substream's so): its rows wait for it.
        """
        if self._shared:
            return
        for key, status in self._heard.status.items():
            if status != "COMPLETE" or key not in self._spools or key in self._ended:
                continue
            if self._spools[key].is_covered or not self._streams[key].incremental:
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
        # What was refused is stored before what came with it is committed: the state is past it.
        self._keep_refused()
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
            stored=True,
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
            self._env.dead_letters(name, records)
        self._refused, self._refused_covered = {}, {}

    def _forget_refused(self) -> None:
        """Leave out what came after a stream's last state: it is read and refused again."""
        for name in {_UNREADABLE, *(stream.name for stream in self._streams.values())}:
            if name in self._refused:
                covered = self._refused_covered.get(name, 0)
                self._refused[name] = self._refused[name][:covered]
        self._refused = {name: records for name, records in self._refused.items() if records}


def _columns(stream: ConfiguredStream) -> tuple[Column, ...]:
    wanted = stream.selected_columns
    chosen = tuple(c for c in columns(stream.schema) if wanted is None or c.name in wanted)
    names = {c.name.lower(): c.name for c in chosen}
    if alike := [c.name for c in chosen if names[c.name.lower()] != c.name]:
        raise config_error(
            f"stream {stream.name!r}: fields {', '.join(alike)} differ from others in case only:"
            " SQL cannot tell them apart; deselect one of each in the connection"
        )
    return chosen


def _keys(stream: ConfiguredStream) -> tuple[str, ...]:
    return stream.primary_key if stream.dedup else ()
