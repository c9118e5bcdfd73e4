"""Cursors: over documents, and over the oplog (change streams)."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import bson
from bson.timestamp import Timestamp

from tests.support.mongo.queries import matches, project
from tests.support.mongo.store import Operation, ServerError, Store, key_of, time_token

Json = dict[str, Any]
_LARGEST = 16 << 20
_number = itertools.count(1000)


def new_id() -> int:
    return next(_number)


class Cursor(Protocol):
    def batch(self, size: int, seconds: float) -> tuple[list[Json], Json, bool]:
        """Return documents, what else the answer says of the cursor, and whether it has ended."""


class Listing:
    """Documents that are there."""

    def __init__(self, documents: Iterator[Json]) -> None:
        self._documents = documents
        self._next = next(documents, None)

    def batch(self, size: int, seconds: float) -> tuple[list[Json], Json, bool]:
        found: list[Json] = []
        total = 0
        while self._next is not None and len(found) < size:
            total += len(bson.encode(self._next))
            if found and total > _LARGEST:
                break
            found.append(self._next)
            self._next = next(self._documents, None)
        return found, {}, self._next is None


@dataclass
class Changes:
    """A change stream: on a database, or on all (`database` None)."""

    store: Store
    database: str | None
    options: Json
    pipeline: list[Json]
    at: int = 0
    """How many operations were looked at, of all that there ever were."""
    ended: bool = False
    last: str = ""

    def begin(self) -> None:
        """Find the place. Raises ServerError when the oplog has it not."""
        store, options = self.store, self.options
        token = (options.get("startAfter") or options.get("resumeAfter") or {}).get("_data")
        moment = options.get("startAtOperationTime")
        start = store.time + 1
        if token is not None:
            start = int(token[2:18], 16)
        elif moment is not None:
            start = moment.time << 32 | moment.inc
        if start < store.floor:
            raise ServerError(
                286,
                "ChangeStreamHistoryLost",
                "Resume of change stream was not possible, as the resume point may no longer be in"
                " the oplog.",
            )
        places = enumerate(store.oplog, store.dropped)
        if token is None:
            self.at = next((n for n, one in places if one.time >= start), self._end)
            return
        self.last = token
        if token == time_token(start):
            self.at = next((n for n, one in places if one.time >= start), self._end)
            return
        for number, one in places:
            same = one.token == token and (self._event(one, lookup=False) is not None)
            if same or one.token + "I" == token:
                self.at = number + 1
                return
        raise ServerError(
            280,
            "ChangeStreamFatalError",
            "cannot resume stream; the resume token was not found. {_data: " + token + "}",
        )

    @property
    def _end(self) -> int:
        return self.store.dropped + len(self.store.oplog)

    def batch(self, size: int, seconds: float) -> tuple[list[Json], Json, bool]:
        until = time.monotonic() + seconds
        found: list[Json] = []
        while not found and not self.ended:
            found = self._look(size)
            left = until - time.monotonic()
            if found or left <= 0:
                break
            self.store.lock.wait(left)
        if self.at == self._end and not self.ended:
            self.last = max(self.last, time_token(self.store.time))
        return found, {"postBatchResumeToken": {"_data": self.last}}, self.ended

    def _look(self, size: int) -> list[Json]:
        if self.at < self.store.dropped:
            raise ServerError(286, "ChangeStreamHistoryLost", "the oplog has gone on without it")
        found: list[Json] = []
        for one in self.store.oplog[self.at - self.store.dropped :]:
            if len(found) >= size or self.ended:
                break
            self.at += 1
            event = self._event(one, lookup=True)
            if event is not None:
                found.append(event)
                self.last = one.token
            if one.kind == "dropDatabase" and one.name[0] == self.database:
                self.last = one.token + "I"
                found.append({**_head(one, "invalidate"), "_id": {"_data": self.last}})
                self.ended = True
        return found

    def _event(self, one: Operation, *, lookup: bool) -> Json | None:
        if one.kind == "n" or self.database not in (None, one.name[0], (one.to or ("",))[0]):
            return None
        event = _head(one, one.kind)
        event["ns"] = {"db": one.name[0]} | ({"coll": one.name[1]} if one.name[1] else {})
        if one.to is not None:
            event["to"] = {"db": one.to[0], "coll": one.to[1]}
        if one.key:
            event["documentKey"] = one.key
        # A condition on what it is about is met before documents are looked up.
        matching = [stage["$match"] for stage in self.pipeline if "$match" in stage]
        if not all(matches(event, condition) for condition in matching):
            return None
        self._add_documents(one, event, lookup=lookup)
        for stage in self.pipeline:
            if "$project" in stage:
                event = project(event, stage["$project"])
        return event

    def _add_documents(self, one: Operation, event: Json, *, lookup: bool) -> None:
        collection = self.store.collections.get(one.name)
        images = collection is not None and collection.images
        if one.kind in ("insert", "replace"):
            event["fullDocument"] = one.after
        elif one.kind == "update":
            event["updateDescription"] = {"updatedFields": {}, "removedFields": []}
            if self.options.get("fullDocument") == "required":
                if lookup and not images:
                    raise ServerError(
                        47, "NoMatchingDocument", "the post-image was not found for event"
                    )
                event["fullDocument"] = one.after
            else:
                event["fullDocument"] = self.store.latest(one.name).get(key_of(one.key["_id"]))
        before = self.options.get("fullDocumentBeforeChange") == "whenAvailable"
        if before and one.kind in ("update", "replace", "delete"):
            event["fullDocumentBeforeChange"] = one.before if images else None


def _head(one: Operation, kind: str) -> Json:
    return {
        "_id": {"_data": one.token},
        "operationType": kind,
        "clusterTime": Timestamp(one.time >> 32, one.time & 0xFFFFFFFF),
        "wallTime": one.wall,
    }
