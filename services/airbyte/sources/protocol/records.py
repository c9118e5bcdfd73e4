"""A connector's line, read as far as a record has to be: that all of it is JSON, and whose row it
holds. The row itself stays text, which DuckDB types.
"""

from __future__ import annotations

import msgspec

NOTHING = msgspec.Raw()


class Record(msgspec.Struct, gc=False):
    """A RECORD message's record; `data` and `meta` (where it has any) are JSON texts."""

    stream: str
    data: msgspec.Raw
    namespace: str | None = None
    meta: msgspec.Raw = NOTHING


class Message(msgspec.Struct, gc=False):
    """A message; what it holds besides a record is not read."""

    type: str
    record: Record | None = None


# What `read_message` raises of a line that is no JSON, or no such message.
UNREAD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_decode = msgspec.json.Decoder(Message).decode


def read_message(line: bytes) -> Message:
    """Read a line. Raises one of UNREAD."""
    if not line.isascii():
        line.decode()  # texts that are left as they are are not looked into
    return _decode(line)
