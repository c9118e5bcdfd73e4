"""Reading the change stream, window by window.

Facts (MongoDB's change events): the changes of a transaction have one `clusterTime`; an update has
the document as it is now (lookup; none when it has been deleted since) or as it was then (post
image); `drop` (one for each collection of a dropped database) and `rename` tell that documents are
gone without telling which; `$out` writes another collection and renames it. After `invalidate` the
stream ends, and one that starts after it goes on. A batch without changes says by its token how far
the server has looked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bson.raw_bson import RawBSONDocument

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.log import Changes, Limits
from services.airbyte.sources.mongodb.cdc.config import Position, cursor, token_time
from services.airbyte.sources.mongodb.cdc.sink import DELETE, EMPTY, SET, Sink
from services.airbyte.sources.mongodb.cdc.stream import Stream
from services.airbyte.sources.mongodb.layout import Layout

_BATCH_BYTES = 16 << 20

Name = tuple[str, str]
Open = Callable[[Position], Stream]
Documents = Callable[[Name, int], Iterator[RawBSONDocument]]


class WindowReader:
    """Reads changes; `positions` (by stream key) follow the windows' ends.

    `opened` opens a stream at a position, `documents` reads a collection as it is now (at a time or
    later).
    """

    def __init__(
        self,
        opened: Open,
        documents: Documents,
        streams: Sequence[tuple[Name, ConfiguredStream, Layout]],
        positions: dict[str, Position],
        *,
        end: int,
        batch_rows: int,
        stream: Stream | None = None,
    ) -> None:
        self._open, self._documents, self._batch_rows = opened, documents, batch_rows
        self._sinks = {name: Sink(stream, layout) for name, stream, layout in streams}
        self._positions, self._end = positions, end
        self.at = min(positions.values(), key=lambda position: position.order)
        self._stream = stream or opened(self.at)
        # How far the server has looked; the last change that was taken; one that was not yet.
        self._seen = 0
        self._last: Position | None = None
        self._ahead: RawBSONDocument | None = None
        self._order = self._within = 0
        # What was gathered and not yet given away.
        self._size = self._rows = 0

    @property
    def caught_up(self) -> bool:
        """Whether all was read that the oplog held at its end (see `aim`)."""
        return self._seen >= self._end

    def aim(self, end: int) -> None:
        """Take another time as the oplog's end."""
        self._end = end

    def close(self) -> None:
        """Leave."""
        self._stream.close()

    def read(self, limits: Limits) -> Iterator[Changes]:
        """Yield the changes of a window."""
        self._order = 0
        if limits.target and self.caught_up:
            return
        yield from self._events(limits)
        yield from self._drain()
        for key, position in self._positions.items():
            self._positions[key] = max(position, self.at, key=lambda one: one.order)

    def _events(self, limits: Limits) -> Iterator[Changes]:
        opened = time.monotonic()
        first = total = 0.0
        while True:
            event, self._ahead = self._ahead or self._next(), None
            now = time.monotonic()
            stamp = 0 if event is None else _time(event)
            # All that was done at one time belongs together.
            over = event is None or (self._last is not None and stamp > self._last.time)
            if over:
                self._reach(None if event is None else stamp)
                if self._order and not first:
                    first = now
                full = self._order >= limits.rows or total >= limits.bytes
                late = first and now - first >= limits.gather
                idle = not self._order and not limits.target and now - opened >= limits.idle
                if (limits.target and self.caught_up) or full or late or idle:
                    self._ahead = event
                    return
            if event is None:
                continue
            total += len(event.raw)
            yield from self._take(event, stamp)

    def _next(self) -> RawBSONDocument | None:
        """Return the next change; None when the server has no more for now."""
        if not self._stream.alive:  # after `invalidate`
            self._stream = self._open(self._last or self.at)
        return self._stream.try_next()

    def _reach(self, stamp: int | None) -> None:
        """Note how far everything is known: before a change at `stamp`, or to the oplog's end."""
        reached = self._last or self.at
        if stamp is not None:
            self._seen = max(self._seen, stamp - 1)
        elif (token := self._stream.resume_token) is not None:
            text = str(token["_data"])
            told = Position(token_time(text), text)
            self._seen = max(self._seen, told.time)
            reached = max(reached, told, key=lambda position: position.order)
        self.at = max(self.at, reached, key=lambda position: position.order)

    def _drain(self) -> Iterator[Changes]:
        self._size = self._rows = 0
        for sink in self._sinks.values():
            if (changes := sink.drain()) is not None:
                yield changes

    def _take(self, event: RawBSONDocument, stamp: int) -> Iterator[Changes]:
        place = Position(stamp, str(event["_id"]["_data"]))
        self._within = self._within + 1 if self._last and self._last.time == stamp else 0
        self._last = place
        micros = _micros(event, stamp)
        kind = event["operationType"]
        name = _name(event.get("ns"))
        if kind == "rename":
            self._add(name, EMPTY, None, place, micros)
            yield from self._replaced(_name(event["to"]), place, micros)
        elif kind == "drop":
            self._add(name, EMPTY, None, place, micros)
        elif kind == "delete":
            self._add(name, DELETE, _before(event), place, micros)
        elif kind in ("insert", "update", "replace"):
            document = event.get("fullDocument")
            if document is None:  # deleted since: its own change follows
                self._add(name, DELETE, _before(event), place, micros)
            else:
                self._add(name, SET, bytes(document.raw), place, micros)
        yield from self._full()

    def _replaced(self, name: Name, place: Position, micros: int) -> Iterator[Changes]:
        """A collection that was renamed to one that is read: read it as it is now."""
        if name not in self._sinks or self._skip(name, place):
            return
        self._add(name, EMPTY, None, place, micros)
        for document in self._documents(name, place.time):
            self._add(name, SET, bytes(document.raw), place, micros)
            yield from self._full()

    def _full(self) -> Iterator[Changes]:
        if self._size > _BATCH_BYTES or self._rows >= self._batch_rows:
            yield from self._drain()

    def _skip(self, name: Name, place: Position) -> bool:
        return place.order <= self._positions[self._sinks[name].stream.key].order

    def _add(
        self, name: Name, operation: str, document: bytes | None, place: Position, micros: int
    ) -> None:
        sink = self._sinks.get(name)
        if sink is None or self._skip(name, place):
            return
        self._order += 1
        self._rows += 1
        self._size += len(document or b"")
        sink.add(operation, document, self._order, cursor(place.time, self._within), micros)


def _time(event: RawBSONDocument) -> int:
    stamp = event["clusterTime"]
    return int(stamp.time) << 32 | int(stamp.inc)


def _micros(event: RawBSONDocument, stamp: int) -> int:
    """When the change was made; servers before 6.0 tell the second only."""
    wall: Any = event.get("wallTime")
    if wall is None:
        return (stamp >> 32) * 1_000_000
    return int(wall) * 1000


def _name(namespace: Any) -> Name:
    return (str(namespace["db"]), str(namespace.get("coll", ""))) if namespace else ("", "")


def _before(event: RawBSONDocument) -> bytes:
    """Return the document before a deletion where the server keeps it, else its key."""
    before = event.get("fullDocumentBeforeChange")
    found: RawBSONDocument = event["documentKey"] if before is None else before
    return bytes(found.raw)
