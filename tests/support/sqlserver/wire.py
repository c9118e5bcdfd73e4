"""TDS 7.4 as a server speaks it: packets, the hello (PRELOGIN) and the log-in (LOGIN7).

Facts: [MS-TDS] 2.2.3.1 (packet header), 2.2.6.5 (PRELOGIN), 2.2.6.4 (LOGIN7), 2.2.6.7 (SQLBatch).
"""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass

BATCH, RPC, RESPONSE, ATTENTION, LOGIN, PRELOGIN = 0x01, 0x03, 0x04, 0x06, 0x10, 0x12
PACKET = 4096
_END = 0x01
_ENCRYPTION = 0x01
_OFF, _ON, _NOT_SUPPORTED, _REQUIRED = 0, 1, 2, 3


class Wire:
    """One client's connection, in messages."""

    def __init__(self, connection: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        self._socket, self._tls, self._packet_number = connection, tls, 0

    def receive(self) -> tuple[int, bytes] | None:
        """Return the next message's type and content; None when the client has gone."""
        content = b""
        while True:
            header = self._exactly(8)
            if header is None:
                return None
            kind, status, length = struct.unpack_from(">BBH", header)
            body = self._exactly(length - 8)
            if body is None:
                return None
            content += body
            if status & _END:
                return kind, content

    def send(self, content: bytes, kind: int = RESPONSE) -> None:
        """Send a message in packets."""
        room = PACKET - 8
        pieces = [content[at : at + room] for at in range(0, len(content), room)] or [b""]
        out = bytearray()
        for number, piece in enumerate(pieces):
            status = _END if number == len(pieces) - 1 else 0
            out += struct.pack(">BBHHBB", kind, status, len(piece) + 8, 0, number + 1 & 0xFF, 0)
            out += piece
        self._socket.sendall(out)

    def greet(self) -> bool:
        """Answer PRELOGIN, and change to TLS where there is a certificate; False: client gone."""
        asked = self.receive()
        if asked is None or asked[0] != PRELOGIN:
            return False
        wanted = _options(asked[1]).get(_ENCRYPTION, bytes([_NOT_SUPPORTED]))[0]
        encrypt = self._tls is not None and wanted != _NOT_SUPPORTED
        says = _REQUIRED if encrypt else _NOT_SUPPORTED
        version = struct.pack(">BBHH", 16, 0, 1000, 0)
        self.send(_prelogin({0: version, _ENCRYPTION: bytes([says]), 2: b"\0", 3: b"", 4: b"\0"}))
        if encrypt:
            self._handshake()
        return True

    def _handshake(self) -> None:
        """TLS whose handshake travels in PRELOGIN packets ([MS-TDS] 3.3.5.2)."""
        assert self._tls is not None
        coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = self._tls.wrap_bio(coming, going, server_side=True)
        while True:
            try:
                secure.do_handshake()
                break
            except ssl.SSLWantReadError:
                if out := going.read():
                    self.send(out, PRELOGIN)
                message = self.receive()
                if message is None:
                    raise ConnectionError("the client left during the handshake") from None
                coming.write(message[1])
        if out := going.read():
            self.send(out, PRELOGIN)
        self._socket = _Secured(self._socket, secure, coming, going)  # type: ignore[assignment]

    def _exactly(self, count: int) -> bytes | None:
        data = b""
        while len(data) < count:
            try:
                piece = self._socket.recv(count - len(data))
            except OSError:
                return None
            if not piece:
                return None
            data += piece
        return data


class _Secured:
    """A socket within a TLS session that was begun over memory."""

    def __init__(
        self, raw: socket.socket, secure: ssl.SSLObject, coming: ssl.MemoryBIO, going: ssl.MemoryBIO
    ) -> None:
        self._raw, self._secure, self._coming, self._going = raw, secure, coming, going

    def recv(self, count: int) -> bytes:
        while True:
            try:
                return self._secure.read(count)
            except ssl.SSLWantReadError:
                data = self._raw.recv(16384)
                if not data:
                    return b""
                self._coming.write(data)

    def sendall(self, data: bytes | bytearray) -> None:
        self._secure.write(bytes(data))
        self._raw.sendall(self._going.read())


def _options(content: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while content[at] != 0xFF:
        token, offset, length = struct.unpack_from(">BHH", content, at)
        found[token] = content[offset : offset + length]
        at += 5
    return found


def _prelogin(options: dict[int, bytes]) -> bytes:
    head, body = b"", b""
    start = 5 * len(options) + 1
    for token, value in options.items():
        head += struct.pack(">BHH", token, start + len(body), len(value))
        body += value
    return head + b"\xff" + body


@dataclass(frozen=True)
class Login:
    """Who wants to come in."""

    user: str
    password: str
    database: str
    application: str


def login(content: bytes) -> Login:
    """Read LOGIN7. The password's bytes have their halves swapped, then XOR 0xA5."""

    def field(number: int) -> bytes:
        offset, length = struct.unpack_from("<HH", content, 36 + 4 * number)
        return content[offset : offset + 2 * length]

    hidden = field(2)
    plain = bytes(((b ^ 0xA5) << 4 | (b ^ 0xA5) >> 4) & 0xFF for b in hidden)
    # After the language come the database's offset and length.
    return Login(*(text.decode("utf-16-le") for text in (field(1), plain, field(8), field(3))))


def batch(content: bytes) -> str:
    """Return the SQL of a batch, which headers come before ([MS-TDS] 2.2.5.3)."""
    (headers,) = struct.unpack_from("<I", content)
    return content[headers:].decode("utf-16-le")
