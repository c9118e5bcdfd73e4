"""MongoDB's wire protocol over TCP.

Facts (MongoDB's manual, "Wire Protocol"): a message is length, id, id answered, opcode (int32
each); OP_MSG (2013) has flags and sections, kind 0 one document, kind 1 a size, a name and
documents; the first hello comes as OP_QUERY (2004) and is answered by OP_REPLY (1).
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from typing import Any

import bson
from bson.codec_options import CodecOptions, DatetimeConversion

Json = dict[str, Any]
Answer = Callable[["Session", Json], Json]

OPTIONS: CodecOptions[Json] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_AUTO)
_HEADER = struct.Struct("<iiii")
_REPLY, _QUERY, _MSG = 1, 2004, 2013
_MORE_TO_COME = 2


class Session:
    """What the server knows of a connection."""

    def __init__(self) -> None:
        self.user: str | None = None
        self.conversation: Any = None


class WireServer(socketserver.ThreadingTCPServer):
    """Gives each command to `answer`; `drop_connections` is what a failover does."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.open: set[socket.socket] = set()
        threading.Thread(target=self.serve_forever, daemon=True, name="mongo").start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def drop_connections(self) -> None:
        for one in list(self.open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self.drop_connections()


class _Handler(socketserver.BaseRequestHandler):
    server: WireServer

    def handle(self) -> None:
        session = Session()
        self.server.open.add(self.request)
        try:
            with contextlib.suppress(OSError, EOFError):
                while True:
                    self._message(session)
        finally:
            self.server.open.discard(self.request)

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            part = self.request.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return bytes(data)

    def _message(self, session: Session) -> None:
        size, number, _, opcode = _HEADER.unpack(self._read(16))
        body = self._read(size - 16)
        if opcode == _QUERY:
            end = body.index(b"\0", 4)
            command = bson.decode(body[end + 9 :], OPTIONS)
            answer = bson.encode(self.server.answer(session, {"$db": "admin", **command}))
            payload = struct.pack("<iqii", 8, 0, 0, 1) + answer
            self.request.sendall(_HEADER.pack(16 + len(payload), 0, number, _REPLY) + payload)
            return
        if opcode != _MSG:
            raise EOFError
        answer = bson.encode(self.server.answer(session, _command(body)))
        if struct.unpack_from("<I", body)[0] & _MORE_TO_COME:
            return
        payload = struct.pack("<IB", 0, 0) + answer
        self.request.sendall(_HEADER.pack(16 + len(payload), 0, number, _MSG) + payload)


def _command(body: bytes) -> Json:
    command: Json = {}
    at = 4
    while at < len(body):
        kind, at = body[at], at + 1
        (size,) = struct.unpack_from("<i", body, at)
        if kind == 0:
            command |= bson.decode(body[at : at + size], OPTIONS)
        else:
            end = body.index(b"\0", at + 4)
            name = body[at + 4 : end].decode()
            command[name] = bson.decode_all(body[end + 1 : at + size], OPTIONS)
        at += size
    return command
