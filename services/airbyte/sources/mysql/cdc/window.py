"""Reading the log's events, window by window.

Facts: an event begins with a header of 19 bytes (time, type, server, size, where the next one
begins, flags). A transaction begins with BEGIN or one of MariaDB's GTID events that is not
"standalone", and ends with XID or COMMIT; what stands alone is a transaction of its own.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Generator, Iterator, Sequence

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.log import Changes, Limits
from services.airbyte.sources.mysql.cdc import statements
from services.airbyte.sources.mysql.cdc.config import Place
from services.airbyte.sources.mysql.cdc.layout import TableMap, packed, parse_table_map
from services.airbyte.sources.mysql.cdc.server import unix_time
from services.airbyte.sources.mysql.cdc.sink import DELETE, INSERT, UPDATE, Sink, choose
from services.airbyte.sources.mysql.cdc.statements import Statement
from services.airbyte.sources.mysql.cdc.stream import BinlogStream
from services.airbyte.sources.mysql.cdc.tables import column_names
from services.airbyte.sources.mysql.connecting import Session
from services.airbyte.sources.mysql.tables import find_tables

_BATCH_BYTES = 16 << 20
_WAIT = 0.1

_QUERY, _ROTATE, _FORMAT, _XID, _TABLE_MAP, _HEARTBEAT, _GTID_MARIADB = 2, 4, 15, 16, 19, 27, 162
# Type → (kind, whether the event has MySQL's extra data).
_ROWS = {
    23: (INSERT, False), 24: (UPDATE, False), 25: (DELETE, False),
    30: (INSERT, True), 31: (UPDATE, True), 32: (DELETE, True),
}  # fmt: skip
_UNREADABLE = {
    40: "compressed transactions: SET GLOBAL binlog_transaction_compression = OFF",
    39: "partial JSON updates: SET GLOBAL binlog_row_value_options = ''",
    **dict.fromkeys((165, 166, 167, 168), "compressed events: SET GLOBAL log_bin_compress = OFF"),
    164: "an encrypted log",
    26: "a gap: the server could not log some changes, as of a statement on a table without"
    " transactions that did not fit max_binlog_stmt_cache_size. Have the streams read anew"
    " (connections/reset)",
}
_header = struct.Struct("<IBIIIH")
_STANDALONE = 1


class WindowReader:
    """Reads events; `positions` (by stream key) follow the windows' ends."""

    def __init__(
        self,
        stream: BinlogStream,
        db: Session,
        database: str,
        streams: Sequence[ConfiguredStream],
        positions: dict[str, Place],
        say: Callable[[str], None],
        *,
        end: Place,
        gtids: dict[int, str],
        tinyint1_is_bit: bool,
    ) -> None:
        self._stream, self._db, self._database, self._say = stream, db, database, say
        self._as_bit, self.gtids = tinyint1_is_bit, gtids
        self._by_name = {s.name: s for s in streams if (s.namespace or database) == database}
        self._positions, self._end = positions, end
        self.at = min(positions.values())
        self._maps: dict[int, tuple[bytes, Sink | None]] = {}
        self._sinks: list[Sink] = []
        # Tables whose columns the log does not name: when the present ones were asked for.
        self._unnamed: dict[str, int] = {}
        self._order = self._rows = 0
        self._within = False
        # Events that have arrived and belong to the next window.
        self._ahead: Iterator[bytes] = iter(())

    @property
    def caught_up(self) -> bool:
        """Whether all was read that the log held at its end (see `aim`)."""
        return not self._within and self.at >= self._end

    def aim(self, end: Place) -> None:
        """Take another position as the log's end."""
        self._end = end

    def read(self, limits: Limits) -> Iterator[Changes]:
        """Yield the changes of a window."""
        self._order = self._rows = 0
        if limits.target and self.caught_up:
            return
        yield from self._events(limits)
        yield from self._drain()
        for key, place in self._positions.items():
            self._positions[key] = max(place, self.at)

    def _events(self, limits: Limits) -> Iterator[Changes]:
        opened = time.monotonic()
        first = 0.0
        total = 0
        while True:
            for event in self._ahead:
                total += len(event)
                boundary = yield from self._event(event)
                if sum(sink.size for sink in self._sinks) > _BATCH_BYTES:
                    yield from self._drain()
                if not boundary:
                    continue
                if self._order and not first:
                    first = time.monotonic()
                if limits.target and self.caught_up:
                    return
                full = self._rows >= limits.rows or total >= limits.bytes
                if full or (first and time.monotonic() - first >= limits.gather):
                    return
            now = time.monotonic()
            if not self._within:
                if self._order and now - (first or opened) >= limits.gather:
                    return
                if not self._order and now - opened >= limits.idle and not limits.target:
                    return
            self._ahead = self._stream.events(_WAIT)

    def _drain(self) -> Iterator[Changes]:
        for sink in self._sinks:
            if (changes := sink.drain()) is not None:
                self._rows += changes.batch.num_rows
                yield changes

    def _event(self, event: bytes) -> Generator[Changes, None, bool]:
        """Take an event; the generator's value says whether a transaction ends with it."""
        seconds, kind, server, size, following, _ = _header.unpack_from(event, 1)
        if kind in _UNREADABLE:
            raise config_error(f"the binary log holds what cannot be read, {_UNREADABLE[kind]}")
        if kind == _ROTATE:
            (position,) = struct.unpack_from("<Q", event, 20)
            place = Place.of(event[28:].decode(), position)
            self.at = max(self.at, place)
            return not self._within
        if kind == _HEARTBEAT:  # sent where the log ends for now
            if not self._within:
                self.at = max(self.at, Place.of(event[20:].decode(), following))
            return not self._within
        if following == 0 or kind == _FORMAT:  # made up by the server for this reader
            return False
        end = Place(self.at.number, _unwrapped(self.at.at, following), self.at.file)
        begin = Place(end.number, max(end.at - size, 0), end.file)
        over = False
        if kind == _TABLE_MAP:
            yield from self._table_map(event)
        elif kind in _ROWS:
            self._row_event(event, *_ROWS[kind], begin, end, seconds)
        elif kind == _GTID_MARIADB:
            sequence, domain, flags = struct.unpack_from("<QIB", event, 20)
            self.gtids[domain] = f"{domain}-{server}-{sequence}"
            self._within = not flags & _STANDALONE
            self.at = end if self._within else self.at
            return False
        elif kind == _XID:
            self._within, over = False, True
        elif kind == _QUERY:
            over = yield from self._query(event, begin, end, seconds)
        self.at = end
        return over or not self._within

    def _table_map(self, event: bytes) -> Iterator[Changes]:
        identity, body = int.from_bytes(event[20:26], "little"), event[28:]
        known = self._maps.get(identity)
        if known is not None and known[0] == body:
            return
        if known is not None and known[1] is not None:
            yield from self._drain()
        self._maps[identity] = (body, self._sink(parse_table_map_head(body), body))
        self._sinks = [sink for _, sink in self._maps.values() if sink is not None]

    def _sink(self, name: tuple[str, str], body: bytes) -> Sink | None:
        database, table = name
        stream = self._by_name.get(table) if database == self._database else None
        if stream is None:
            return None
        described: TableMap = parse_table_map(body)
        tables = find_tables(self._db, database, table, tinyint1_is_bit=self._as_bit)
        if not tables:
            self._say(f"{table} is gone from the source: its last changes are not read")
            return None
        names = column_names(described, tables[0])
        if described.names is None:
            self._unnamed.setdefault(table, unix_time(self._db))
        return Sink(stream, described, names, choose(stream, tables[0], self._say))

    def _row_event(
        self, event: bytes, kind: str, extra: bool, begin: Place, end: Place, seconds: int
    ) -> None:
        known = self._maps.get(int.from_bytes(event[20:26], "little"))
        sink = known[1] if known else None
        if sink is None or end <= self._positions[sink.stream.key]:
            return
        at = 28
        if extra:
            at += int.from_bytes(event[28:30], "little")
        width, at = packed(event, at)
        size = (width + 7) // 8
        bitmaps = [event[at : at + size]]
        at += size
        if kind == UPDATE:
            bitmaps.append(event[at : at + size])
            at += size
        for bitmap in bitmaps:
            if int.from_bytes(bitmap, "little") & ((1 << width) - 1) != (1 << width) - 1:
                raise config_error(
                    f"the log does not hold all columns of {sink.stream.name}:"
                    " SET GLOBAL binlog_row_image = FULL, then reset the connection"
                )
        self._order += 1
        sink.add(kind, event, at, self._order, begin, seconds)

    def _query(
        self, event: bytes, begin: Place, end: Place, seconds: int
    ) -> Generator[Changes, None, bool]:
        statement = statements.parse(event)
        if statement.text == "BEGIN":
            self._within = True
            return False
        if statement.text.startswith(("COMMIT", "ROLLBACK")) and " TO " not in statement.text:
            self._within = False
            return True
        for table in statements.emptied(statement, self._database):
            yield from self._truncate(table, begin, end, seconds)
        if (changed := statements.altered(statement, self._database)) is not None:
            self._altered(statement, changed, end, seconds)
        name = statements.writes(statement, self._database, self._by_name)
        if name is not None and end > self._positions[self._by_name[name].key]:
            raise config_error(
                f"the log holds a statement about {name} in place of its rows, so they cannot be"
                f" read ({statement.text[:60]!r}): binlog_format was not ROW in that session. Have"
                " the stream read anew (connections/refresh, or connections/reset for all)"
            )
        return not self._within

    def _altered(self, statement: Statement, table: str, end: Place, seconds: int) -> None:
        stream = self._by_name.get(table)
        if stream is None or end <= self._positions[stream.key]:
            return
        if statements.changes_partitions(statement):
            self._say(
                f"{table}: rows of a partition came or went without a word in the log"
                f" ({statement.text[:60]!r}); connections/refresh reads the stream anew"
            )
        if statements.changes_versioning(statement):
            raise config_error(
                f"table {table} was system-versioned for a while, and the log does not tell rows of"
                " its history from its own: have the stream read anew (connections/refresh, or"
                " connections/reset for all)"
            )
        read_at = self._unnamed.get(table)
        if read_at is not None and seconds <= read_at and statements.changes_meanings(statement):
            raise config_error(
                f"table {table} was altered after changes that are still to be read, and the log"
                " does not name columns: SET GLOBAL binlog_row_metadata = FULL, then have the"
                " stream read anew (connections/refresh, or connections/reset for all)"
            )

    def _truncate(self, table: str, begin: Place, end: Place, at: int) -> Iterator[Changes]:
        stream = self._by_name.get(table)
        if stream is None or end <= self._positions[stream.key]:
            return
        found = find_tables(self._db, self._database, table, tinyint1_is_bit=self._as_bit)
        if not found:  # dropped for good: what was read stays
            return
        self._order += 1
        sink = next((s for s in self._sinks if s.stream.key == stream.key), None)
        if sink is None:
            chosen = choose(stream, found[0], self._say)
            sink = Sink(stream, TableMap(self._database, table, (), None, None), (), chosen)
        sink.truncates.append((self._order, begin, at))
        if (changes := sink.drain()) is not None:
            yield changes


def parse_table_map_head(body: bytes) -> tuple[str, str]:
    """Return database and table of a TABLE_MAP event's body."""
    size = body[0]
    database = body[1 : 1 + size].decode()
    length = body[size + 2]
    return database, body[size + 3 : size + 3 + length].decode()


def _unwrapped(before: int, low: int) -> int:
    """Positions in an event have 32 bits; a file with a huge transaction may be larger."""
    value = (before & ~0xFFFFFFFF) | low
    return value if value >= before else value + (1 << 32)
