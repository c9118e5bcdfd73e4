"""Inserts, updates and deletes; those of a transaction wait for its commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.mongo.queries import matches, updated
from tests.support.mongo.store import Collection, Name, ServerError, Store, key_of, with_id

Json = dict[str, Any]
Operation = tuple[str, Name, Json, Json | None]


class Writes:
    """Does commands that write. A command that is sent again (after a lost answer) is done once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[tuple[bytes, int], list[Operation]] = {}
        self._done: dict[tuple[bytes, int], Json] = {}

    def create(self, name: Name) -> Collection:
        return self._store.collections.setdefault(name, Collection())

    def insert(self, command: Json) -> Json:
        name: Name = (command["$db"], command["insert"])

        def work(there: dict[bytes, Json]) -> tuple[list[Operation], Json]:
            operations: list[Operation] = []
            for document in map(with_id, command["documents"]):
                key = key_of(document["_id"])
                if key in there:
                    raise ServerError(11000, "DuplicateKey", f"duplicate key: {document['_id']}")
                there[key] = document
                operations.append(("insert", name, {"_id": document["_id"]}, document))
            return operations, {"n": len(operations)}

        return self._do(command, name, work)

    def update(self, command: Json) -> Json:
        name: Name = (command["$db"], command["update"])

        def work(there: dict[bytes, Json]) -> tuple[list[Operation], Json]:
            operations: list[Operation] = []
            found = 0
            for one in command["updates"]:
                hits = [d for d in there.values() if matches(d, one["q"])]
                found += len(hits)
                for document in hits if one.get("multi") else hits[:1]:
                    after = updated(document, one["u"])
                    if after == document:
                        continue
                    there[key_of(document["_id"])] = after
                    kind = "update" if any(k.startswith("$") for k in one["u"]) else "replace"
                    operations.append((kind, name, {"_id": document["_id"]}, after))
                if not hits and one.get("upsert"):
                    after = updated(with_id(one["q"]), one["u"])
                    operations.append(("insert", name, {"_id": after["_id"]}, after))
            return operations, {"n": found, "nModified": len(operations)}

        return self._do(command, name, work)

    def delete(self, command: Json) -> Json:
        name: Name = (command["$db"], command["delete"])

        def work(there: dict[bytes, Json]) -> tuple[list[Operation], Json]:
            operations: list[Operation] = []
            for one in command["deletes"]:
                hits = [d for d in there.values() if matches(d, one["q"])]
                for document in hits[: one["limit"] or None]:
                    del there[key_of(document["_id"])]
                    operations.append(("delete", name, {"_id": document["_id"]}, None))
            return operations, {"n": len(operations)}

        return self._do(command, name, work)

    def out(self, name: Name) -> Callable[[list[Json]], None]:
        """Write documents as `$out` does: into another collection, which is then renamed."""

        def write(documents: list[Json]) -> None:
            other = (name[0], f"tmp.agg_out.{name[1]}")
            self.create(other)
            self._store.apply([("insert", other, {"_id": d["_id"]}, d) for d in documents])
            self._store.rename(other, name)

        return write

    def _do(
        self,
        command: Json,
        name: Name,
        work: Callable[[dict[bytes, Json]], tuple[list[Operation], Json]],
    ) -> Json:
        there = self._store.latest(name)
        number = command.get("txnNumber")
        identity = (bytes(command["lsid"]["id"]), int(number)) if number is not None else None
        if command.get("autocommit") is False:
            assert identity is not None
            if command.get("startTransaction"):
                self._open[identity] = []
            waiting = self._open.setdefault(identity, [])
            for _, other, key, after in waiting:
                if other == name:
                    there.pop(key_of(key["_id"]), None)
                    if after is not None:
                        there[key_of(key["_id"])] = after
            operations, answer = work(there)
            waiting += operations
            return answer
        if identity in self._done:
            return self._done[identity]
        operations, answer = work(there)
        self.create(name)
        for operation in operations:  # each by itself, as a server does without a transaction
            self._store.apply([operation])
        if identity is not None:
            self._done[identity] = answer
        return answer

    def commit(self, command: Json) -> None:
        operations = self._open.pop((bytes(command["lsid"]["id"]), int(command["txnNumber"])), [])
        if operations:
            for _, name, _, _ in operations:
                self.create(name)
            self._store.apply(operations)

    def abort(self, command: Json) -> None:
        self._open.pop((bytes(command["lsid"]["id"]), int(command["txnNumber"])), None)
