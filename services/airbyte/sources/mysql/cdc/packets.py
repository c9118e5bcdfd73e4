"""MySQL's packets out of the bytes that arrive.

Facts (MySQL's client/server protocol): a packet has three bytes of length and one of sequence; one
of the greatest length goes on in the next. An error's packet begins with 255, then its number in
two bytes, a mark and SQLSTATE in six, and its words.
"""

from __future__ import annotations

from collections.abc import Iterator

import pymysql

CHUNK = 1 << 20  # bytes asked for at once
_FULL = 0xFFFFFF
_ERROR = 0xFF


class Packets:
    """Cuts what arrives into packets' contents; keeps what is unfinished."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._joined = b""

    def cut(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the contents that `chunk` makes whole."""
        buffer = self._buffer
        buffer += chunk
        at, end = 0, len(buffer)
        while end - at >= 4:
            size = buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16
            if end - at < 4 + size:
                break
            payload = bytes(buffer[at + 4 : at + 4 + size])
            at += 4 + size
            if size == _FULL:
                self._joined += payload
                continue
            if self._joined:
                payload, self._joined = self._joined + payload, b""
            yield payload
        del buffer[:at]


def failure(payload: bytes) -> pymysql.Error | None:
    """Return the error that a packet tells of, None when it tells of none."""
    if payload[0] != _ERROR:
        return None
    number = int.from_bytes(payload[1:3], "little")
    return pymysql.OperationalError(number, payload[9:].decode("utf-8", "replace"))
