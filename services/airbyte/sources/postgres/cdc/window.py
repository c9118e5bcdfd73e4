"""Reading the stream of messages, window by window."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.failures import config_error, transient_error
from services.airbyte.cdk.log import Changes, Limits
from services.airbyte.sources.postgres.cdc.decode import HEADER
from services.airbyte.sources.postgres.cdc.position import another_table
from services.airbyte.sources.postgres.cdc.relation import (
    Relation,
    named,
    partitions_of,
    root_of,
    source_columns,
)
from services.airbyte.sources.postgres.cdc.replication import (
    EPOCH_2000,
    KEEPALIVE,
    WAL_DATA,
    Replication,
)
from services.airbyte.sources.postgres.cdc.sink import Sink, Transactions, choose

# How much is gathered before it is decoded.
_BATCH_BYTES = 16 << 20
_ASK_SECONDS = 0.1

_BEGIN, _COMMIT, _RELATION, _TRUNCATE = ord("B"), ord("C"), ord("R"), ord("T")
_CHANGES = frozenset(b"IUD")
_begin = struct.Struct("!QqI")
_commit = struct.Struct("!BQQq")
_keepalive = struct.Struct("!QqB")


class WindowReader:
    """Reads a slot's messages; `positions` (by stream key) follow the windows' ends."""

    def __init__(
        self,
        replication: Replication,
        db: psycopg.Connection[dict[str, Any]],
        streams: Mapping[int, ConfiguredStream],
        positions: dict[str, int],
        say: Callable[[str], None],
        *,
        end: int,
        patience: float,
        batch_rows: int,
    ) -> None:
        self._replication, self._db, self._say = replication, db, say
        # By the oid of the table, which stays its own whatever it is called.
        self._streams = streams
        self._positions, self._end = positions, end
        self._patience, self._batch_rows = patience, batch_rows
        # Below this some stream has the transactions already.
        self._overlap = max(positions.values())
        self._at = min(positions.values())
        self._confirmed = self._at
        self._relations: dict[int, Sink | None] = {}
        self._roots: dict[int, int] = {}
        self._transactions = Transactions()
        self._number = 0
        self._bytes = 0

    @property
    def caught_up(self) -> bool:
        """Whether all was read that the log held at its end (see `aim`)."""
        return self._at >= self._end

    def aim(self, end: int) -> None:
        """Take another position as the log's end."""
        self._end = end

    def confirm(self) -> None:
        """Confirm the last window's end."""
        self._confirmed = self._at
        self._replication.report(self._confirmed)

    def read(self, limits: Limits) -> Iterator[Changes]:
        """Yield the changes of a window."""
        self._transactions = Transactions()
        for sink in self._sinks():
            sink.transactions = self._transactions
        self._number = self._bytes = 0
        if limits.target and self.caught_up:
            return
        yield from self._messages(limits)
        for sink in self._sinks():
            if (changes := sink.drain()) is not None:
                yield changes
        for key, position in self._positions.items():
            self._positions[key] = max(position, self._at)

    def _sinks(self) -> list[Sink]:
        return [sink for sink in self._relations.values() if sink is not None]

    def _messages(self, limits: Limits) -> Iterator[Changes]:
        receive, relations = self._replication.receive, self._relations
        opened = heard = time.monotonic()
        asked = first = 0.0
        within, skip = False, frozenset[str]()
        number, room, before = 0, _BATCH_BYTES, 0
        while True:
            size, data = receive(1)
            if size > 0:
                message = bytes(data)
                kind = message[0]
                if kind == WAL_DATA:
                    kind = message[HEADER]
                    if kind in _CHANGES:
                        sink = relations.get(int.from_bytes(message[26:30], "big"))
                        if sink is not None and (not skip or sink.stream.key not in skip):
                            sink.messages.append(message)
                            sink.numbers.append(number)
                            number += 1
                            room -= size
                            if room < 0 or len(sink.messages) >= self._batch_rows:
                                self._number, room = number, _BATCH_BYTES
                                yield from self._drain(sink, everything=room < 0)
                            self._bytes += size
                    elif kind == _BEGIN:
                        final, micros, _ = _begin.unpack_from(message, HEADER + 1)
                        within = True
                        skip = self._known(final) if final < self._overlap else frozenset()
                        self._transactions.first.append(number)
                        self._transactions.micros.append(micros + EPOCH_2000)
                    elif kind == _COMMIT:
                        _, _, self._at, _ = _commit.unpack_from(message, HEADER + 1)
                        within = False
                        heard = time.monotonic()
                        if number and not first:
                            first = heard
                        if self._full(limits, number, heard, first):
                            return
                    elif kind == _RELATION:
                        yield from self._relation(message[HEADER + 1 :])
                    elif kind == _TRUNCATE:
                        number += self._truncate(message, number, skip)
                elif kind == KEEPALIVE:
                    position, _, wants_reply = _keepalive.unpack_from(message, 1)
                    heard = time.monotonic()
                    if not within:
                        self._at = max(self._at, position)
                    if wants_reply:
                        self._replication.report(self._confirmed)
                continue
            if size < 0:
                raise self._replication.failure()
            now = time.monotonic()
            if number != before:
                heard, before = now, number
            if not within and self._over(limits, number, now, opened, first):
                return
            if now - heard > self._patience:
                raise transient_error(
                    f"the server sent nothing for {self._patience:.0f} s (initial_waiting_seconds):"
                    " a very large transaction may take it longer to decode; raise the setting"
                )
            if now - asked > (_ASK_SECONDS if limits.target else 1.0):
                self._replication.report(self._confirmed, ask=True)
                asked = now
            self._replication.wait(_ASK_SECONDS)

    def _known(self, final: int) -> frozenset[str]:
        """Return the streams whose tables have a transaction with this commit."""
        return frozenset(key for key, position in self._positions.items() if final < position)

    def _full(self, limits: Limits, number: int, now: float, first: float) -> bool:
        if limits.target and self.caught_up:
            return True
        if number >= limits.rows or self._bytes >= limits.bytes:
            return True
        return bool(first) and now - first >= limits.gather

    def _over(self, limits: Limits, number: int, now: float, opened: float, first: float) -> bool:
        """Whether the window ends here, where nothing more is to be had at the moment."""
        if limits.target and self.caught_up:
            return True
        if number:
            return now - (first or opened) >= limits.gather
        return now - opened >= limits.idle and not limits.target

    def _drain(self, sink: Sink, *, everything: bool) -> Iterator[Changes]:
        for one in self._sinks() if everything else [sink]:
            if (changes := one.drain()) is not None:
                yield changes

    def _relation(self, message: bytes) -> Iterator[Changes]:
        relation = Relation.parse(message)
        known = self._relations.get(relation.oid)
        if known is not None:
            if known.relation == relation:
                return
            if (changes := known.drain()) is not None:
                yield changes
        root = root_of(self._db, relation)
        stream = self._streams.get(root)
        if stream is None:
            self._in_place_of(relation)
            self._relations[relation.oid] = None
            return
        chosen = choose(stream, relation, source_columns(self._db, relation), self._say)
        self._relations[relation.oid] = Sink(stream, relation, chosen, self._transactions)
        self._roots[relation.oid] = root

    def _in_place_of(self, relation: Relation) -> None:
        """Raise ConnectorError when a table that is none of ours has taken the place of one."""
        name = (relation.schema, relation.name)
        ours = {(s.namespace or "public", s.name): oid for oid, s in self._streams.items()}
        if name in ours and named(self._db, *name) not in (None, ours[name]):
            raise config_error(another_table(".".join(name), self._replication.publication))

    def _truncate(self, message: bytes, number: int, skip: frozenset[str]) -> int:
        """Note that tables were emptied; return how many of ours.

        Raises ConnectorError when it was some of a table's partitions only: the log does not tell
        their rows.
        """
        (count,) = struct.unpack_from("!I", message, HEADER + 1)
        oids = frozenset(struct.unpack_from(f"!{count}I", message, HEADER + 6))
        emptied = dict[int, Sink]()
        for oid in oids:
            sink = self._relations.get(oid)
            if sink is not None and sink.stream.key not in skip:
                emptied[self._roots[oid]] = sink
        for offset, (root, sink) in enumerate(emptied.items()):
            if root not in oids and sink.stream.dedup:
                self._whole(sink, partitions_of(self._db, root) - oids)
            sink.truncates.append(number + offset)
        return len(emptied)

    def _whole(self, sink: Sink, others: frozenset[int]) -> None:
        if others:
            name = f"{sink.relation.schema}.{sink.relation.name}"
            raise config_error(
                f"stream {sink.stream.name!r}: its partition {name} was truncated, and the log does"
                " not tell which rows that were. Have the stream read anew (connections/refresh,"
                " or connections/reset for all)"
            )
