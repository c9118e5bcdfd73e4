"""The connection over which a server sends its binary log.

Facts (MySQL's client/server protocol, and MariaDB's replication protocol): COM_BINLOG_DUMP takes
position, flags, server id and file; each event is a packet that begins with a zero; an error is a
packet that begins with 255. Before, the session says that it knows checksums, as replicas do, and
MariaDB's GTID events (mariadb_slave_capability 4). A file's first event says in its fifth byte from
the end whether events end with a checksum (1: CRC32); those that the server makes up may differ.
"""

from __future__ import annotations

import random
import socket
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import pymysql
from pymysql.constants import COMMAND

from services.airbyte.sources.mysql.cdc.config import Place
from services.airbyte.sources.mysql.cdc.packets import CHUNK, Packets, failure
from services.airbyte.sources.mysql.connecting import Target, hang_up

_FORMAT, _MADE_UP = 15, frozenset({4, 27})  # rotations and heartbeats
_SETUP = (
    "SET @master_binlog_checksum = @@GLOBAL.binlog_checksum",
    "SET @source_binlog_checksum = @@GLOBAL.binlog_checksum",
    "SET @mariadb_slave_capability = 4",
    # Nanoseconds. A heartbeat tells that all was sent, and where the log ends.
    "SET @master_heartbeat_period = 500000000, @source_heartbeat_period = 500000000",
    # A reader that stands still for a while (a slow commit) must not be thrown out.
    "SET SESSION net_write_timeout = 3600",
)


class BinlogStream:
    """Receives the log's events from a position on. Raises pymysql.Error, OSError."""

    def __init__(self, server: Target, start: Place) -> None:
        connection: Any = pymysql.connect(**server.pymysql_options(), autocommit=True)
        self._connection = connection
        with self._connection.cursor() as cursor:
            for statement in _SETUP:
                cursor.execute(statement)
        # As any replica: an id of its own, or the server ends the other one that has it.
        identity = random.SystemRandom().randrange(1 << 30, 1 << 32)
        request = struct.pack("<IHI", start.at, 0, identity) + start.file.encode()
        connection._execute_command(COMMAND.COM_BINLOG_DUMP, request)
        self._socket: socket.socket = connection._sock
        self._packets = Packets()
        self._summed = False

    def close(self) -> None:
        """Leave."""
        hang_up(self._connection)

    def events(self, seconds: float) -> Iterator[bytes]:
        """Yield the events that have arrived, waiting at most `seconds` for the first."""
        self._socket.settimeout(seconds)
        try:
            chunk = self._socket.recv(CHUNK)
        except TimeoutError:
            return
        if not chunk:
            raise pymysql.OperationalError(2013, "Lost connection to the server: it went away")
        for payload in self._packets.cut(chunk):
            if payload[0] != 0:
                raise failure(payload) or pymysql.OperationalError(
                    2013, "Lost connection to the server: it ended the log"
                )
            yield self._without_checksum(payload)

    def _without_checksum(self, payload: bytes) -> bytes:
        kind = payload[5]
        if kind == _FORMAT:
            self._summed = payload[-5] == 1
            return payload
        if kind in _MADE_UP:
            summed = zlib.crc32(payload[1:-4]) == int.from_bytes(payload[-4:], "little")
            return payload[:-4] if summed else payload
        return payload[:-4] if self._summed else payload
