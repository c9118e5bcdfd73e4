"""Documents in versions, and the oplog that tells how they came about."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import bson
from bson.objectid import ObjectId

Json = dict[str, Any]
Name = tuple[str, str]


class ServerError(Exception):
    """What a command is answered with that fails."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code, self.name = code, name


@dataclass(frozen=True)
class Operation:
    """One entry of the oplog; those of a transaction have one `time` and count up in `index`."""

    time: int
    index: int
    kind: str
    name: Name
    key: Json
    after: Json | None
    before: Json | None
    to: Name | None
    wall: datetime.datetime

    @property
    def token(self) -> str:
        """Its resume token: sorts as the operations do, after a token of the time alone."""
        return f"82{self.time:016X}2B042C0100{self.index:08X}04"


def time_token(at: int) -> str:
    """Return the token that stands for a time, not for an operation."""
    return f"82{at:016X}2B0429296E04"


@dataclass
class Collection:
    """Versions of documents by key: (time, document or None), oldest first."""

    versions: dict[bytes, list[tuple[int, Json | None]]] = field(default_factory=dict)
    images: bool = False

    def documents(self, at: int | None = None) -> Iterator[Json]:
        for versions in self.versions.values():
            for time_, document in reversed(versions):
                if at is None or time_ <= at:
                    if document is not None:
                        yield document
                    break


def key_of(identity: Any) -> bytes:
    """Return an `_id` as bytes; 1 and 1.0 are the same."""
    whole = isinstance(identity, float) and identity.is_integer()
    return bson.encode({"": bson.Int64(identity) if whole or type(identity) is int else identity})


class Store:
    """All databases of the server. `lock` is held by whoever works with it."""

    def __init__(self) -> None:
        self.lock = threading.Condition(threading.RLock())
        self.collections: dict[Name, Collection] = {}
        self.oplog: list[Operation] = []
        self.dropped = 0
        """How many operations the oplog has forgotten."""
        self.floor = self.time = int(time.time()) << 32 | 1
        self.snapshots_from = 0
        """Snapshot reads of earlier times are refused."""

    def latest(self, name: Name) -> dict[bytes, Json]:
        there = self.collections.get(name)
        return {key_of(d["_id"]): d for d in there.documents()} if there else {}

    def tick(self) -> int:
        """Return the next operation's time."""
        now = int(time.time()) << 32
        self.time = max(self.time + 1, now | 1)
        return self.time

    def apply(self, operations: list[tuple[str, Name, Json, Json | None]]) -> None:
        """Do (kind, collection, key, document after it) as one transaction."""
        at = self.tick()
        for index, (kind, name, key, after) in enumerate(operations):
            collection = self.collections.setdefault(name, Collection())
            versions = collection.versions.setdefault(key_of(key["_id"]), [])
            before = versions[-1][1] if versions else None
            versions.append((at, after))
            self._note(at, index, kind, name, key=key, after=after, before=before)
        self.lock.notify_all()

    def _note(self, at: int, index: int, kind: str, name: Name, **more: Any) -> None:
        fields: Json = {"key": {}, "after": None, "before": None, "to": None, **more}
        wall = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        self.oplog.append(Operation(at, index, kind, name, wall=wall, **fields))

    def drop(self, name: Name) -> bool:
        if self.collections.pop(name, None) is None:
            return False
        self._note(self.tick(), 0, "drop", name)
        self.lock.notify_all()
        return True

    def drop_database(self, database: str) -> None:
        for name in [one for one in self.collections if one[0] == database]:
            self.drop(name)
        self._note(self.tick(), 0, "dropDatabase", (database, ""))
        self.lock.notify_all()

    def rename(self, name: Name, to: Name) -> None:
        moved = self.collections.pop(name)
        self.collections[to] = moved
        self._note(self.tick(), 0, "rename", name, to=to)
        self.lock.notify_all()

    def noop(self) -> None:
        """What a primary writes every ten seconds."""
        self._note(self.tick(), 0, "n", ("", ""))
        self.lock.notify_all()

    def forget_oplog(self) -> None:
        """Lose all of the oplog until now, as a small one does under many writes."""
        self.dropped += len(self.oplog)
        self.oplog.clear()
        self.floor = self.tick()
        self._note(self.floor, 0, "n", ("", ""))


def with_id(document: Json) -> Json:
    """Return the document with an `_id`, which stands first."""
    return {"_id": document.get("_id", ObjectId()), **document}
