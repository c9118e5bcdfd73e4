"""The commands."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from bson.int64 import Int64
from bson.timestamp import Timestamp

from tests.support.mongo import scram
from tests.support.mongo.cursors import Changes, Cursor, Listing, new_id
from tests.support.mongo.queries import aggregate, matches, sort_key
from tests.support.mongo.store import Name, ServerError, Store
from tests.support.mongo.wire import Session, WireServer
from tests.support.mongo.writes import Writes

Json = dict[str, Any]

SET_NAME = "rs0"
_FREE = frozenset(
    {"hello", "ismaster", "isMaster", "ping", "saslStart", "saslContinue", "buildInfo",
     "buildinfo", "endSessions"}
)  # fmt: skip


class MongoServer:
    """One member of a replica set. `users` (name → password): empty, and no one has to log in."""

    def __init__(self, *, replica_set: bool = True) -> None:
        self.store = Store()
        self.users: dict[str, str] = {}
        self.replica_set = replica_set
        # Called with each command before it is done.
        self.before: Callable[[Json], None] | None = None
        self._writes = Writes(self.store)
        self._cursors: dict[int, tuple[str, Cursor]] = {}
        self.wire = WireServer(self._answer)

    @property
    def uri(self) -> str:
        return f"mongodb://{self.wire.address}/?tls=false"

    def stop(self) -> None:
        self.wire.stop()

    def fail_over(self) -> None:
        """Lose all connections and cursors, as when another member becomes primary."""
        with self.store.lock:
            self._cursors.clear()
        self.wire.drop_connections()

    def _answer(self, session: Session, command: Json) -> Json:
        name = next(key for key in command if key != "$db")
        if self.before is not None:
            self.before(command)
        if name in ("insert", "update", "delete"):
            return self._closed(session, name, command, getattr(self._writes, name))
        found: Callable[[Session, Json], Json] | None = getattr(self, f"_{name.lower()}", None)
        if found is None:
            return _refusal(ServerError(59, "CommandNotFound", f"no such command: '{name}'"))
        return self._closed(session, name, command, lambda one: found(session, one))

    def _closed(
        self, session: Session, name: str, command: Json, work: Callable[[Json], Json]
    ) -> Json:
        with self.store.lock:
            try:
                if self.users and session.user is None and name not in _FREE:
                    raise ServerError(13, "Unauthorized", f"Command {name} requires authentication")
                answer = {**work(command), "ok": 1.0}
            except ServerError as error:
                answer = _refusal(error)
            if self.replica_set:
                now = Timestamp(self.store.time >> 32, self.store.time & 0xFFFFFFFF)
                answer["operationTime"] = now
                answer["$clusterTime"] = {
                    "clusterTime": now,
                    "signature": {"hash": b"\0" * 20, "keyId": Int64(0)},
                }
            return answer

    def _hello(self, session: Session, command: Json) -> Json:
        answer: Json = {
            "helloOk": True,
            "isWritablePrimary": True,
            "ismaster": True,
            "maxBsonObjectSize": 16 << 20,
            "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000,
            "localTime": datetime.datetime.now(datetime.UTC),
            "logicalSessionTimeoutMinutes": 30,
            "connectionId": 1,
            "minWireVersion": 0,
            "maxWireVersion": 21,
            "readOnly": False,
        }
        if "saslSupportedMechs" in command:
            answer["saslSupportedMechs"] = ["SCRAM-SHA-256"]
        if self.replica_set:
            me = self.wire.address
            answer |= {"setName": SET_NAME, "setVersion": 1, "hosts": [me], "primary": me, "me": me}
        return answer

    _ismaster = _hello

    def _ping(self, session: Session, command: Json) -> Json:
        return {}

    _endsessions = _ping

    def _buildinfo(self, session: Session, command: Json) -> Json:
        return {"version": "7.0.0", "versionArray": [7, 0, 0, 0], "maxBsonObjectSize": 16 << 20}

    def _saslstart(self, session: Session, command: Json) -> Json:
        return scram.start(session, command, self.users)

    def _saslcontinue(self, session: Session, command: Json) -> Json:
        return scram.go_on(session, command)

    def _listcollections(self, session: Session, command: Json) -> Json:
        found: list[Json] = [
            {"name": name, "type": "collection"}
            for database, name in self.store.collections
            if database == command["$db"]
        ]
        found = [one for one in found if matches(one, command.get("filter") or {})]
        return self._opened(f"{command['$db']}.$cmd.listCollections", Listing(iter(found)), command)

    def _count(self, session: Session, command: Json) -> Json:
        return {"n": len(self.store.latest((command["$db"], command["count"])))}

    def _find(self, session: Session, command: Json) -> Json:
        name: Name = (command["$db"], command["find"])
        found = list(self._seen(name, command.get("readConcern") or {}))
        found = [one for one in found if matches(one, command.get("filter") or {})]
        if "sort" in command:
            ((field, way),) = command["sort"].items()
            found.sort(key=lambda one: sort_key(one.get(field)), reverse=way < 0)
        if "min" in command:
            least = sort_key(command["min"]["_id"])
            found = [one for one in found if sort_key(one["_id"]) >= least]
        if command.get("limit"):
            found = found[: command["limit"]]
        return self._opened(".".join(name), Listing(iter(found)), command)

    def _seen(self, name: Name, concern: Json) -> list[Json]:
        collection = self.store.collections.get(name)
        if collection is None:
            return []
        at = None
        if concern.get("level") == "snapshot":
            moment = concern["atClusterTime"]
            at = moment.time << 32 | moment.inc
            if at < self.store.snapshots_from:
                raise ServerError(239, "SnapshotTooOld", "Read timestamp is older than the oldest")
        return list(collection.documents(at))

    def _aggregate(self, session: Session, command: Json) -> Json:
        pipeline = command["pipeline"]
        database, target = command["$db"], command["aggregate"]
        if pipeline and "$changeStream" in pipeline[0]:
            if not self.replica_set:
                raise ServerError(
                    40573, "Location40573", "The $changeStream stage is only supported on replica"
                    " sets",
                )  # fmt: skip
            options = pipeline[0]["$changeStream"]
            whole = options.get("allChangesForCluster")
            stream = Changes(self.store, None if whole else database, options, pipeline[1:])
            stream.begin()
            return self._opened(f"{database}.$cmd.aggregate", stream, command)
        documents = [dict(one) for one in self.store.latest((database, target)).values()]
        if pipeline and "$out" in pipeline[-1]:
            made = self._writes.out((database, pipeline[-1]["$out"]))
            made(aggregate(documents, pipeline[:-1]))
            return self._opened(f"{database}.{target}", Listing(iter(())), command)
        return self._opened(
            f"{database}.{target}", Listing(iter(aggregate(documents, pipeline))), command
        )

    def _opened(self, namespace: str, cursor: Cursor, command: Json) -> Json:
        size = command.get("batchSize") or (command.get("cursor") or {}).get("batchSize", 101)
        found, more, ended = cursor.batch(size, 0.0)
        identity = 0 if ended else new_id()
        if identity:
            self._cursors[identity] = (namespace, cursor)
        told = {"id": Int64(identity), "ns": namespace, "firstBatch": found, **more}
        return {"cursor": told}

    def _getmore(self, session: Session, command: Json) -> Json:
        identity = int(command["getMore"])
        if identity not in self._cursors:
            raise ServerError(43, "CursorNotFound", f"cursor id {identity} not found")
        namespace, cursor = self._cursors[identity]
        wait = command.get("maxTimeMS", 1000) / 1000
        found, more, ended = cursor.batch(command.get("batchSize") or 1_000_000, wait)
        if ended:
            self._cursors.pop(identity, None)
        told = {"id": Int64(0 if ended else identity), "ns": namespace, "nextBatch": found, **more}
        return {"cursor": told}

    def _killcursors(self, session: Session, command: Json) -> Json:
        for identity in command["cursors"]:
            self._cursors.pop(int(identity), None)
        return {"cursorsKilled": command["cursors"]}

    def _drop(self, session: Session, command: Json) -> Json:
        self.store.drop((command["$db"], command["drop"]))
        return {}

    def _dropdatabase(self, session: Session, command: Json) -> Json:
        self.store.drop_database(command["$db"])
        return {}

    def _create(self, session: Session, command: Json) -> Json:
        images = command.get("changeStreamPreAndPostImages") or {}
        self._writes.create((command["$db"], command["create"])).images = bool(
            images.get("enabled")
        )
        return {}

    def _renamecollection(self, session: Session, command: Json) -> Json:
        name, to = _name(command["renameCollection"]), _name(command["to"])
        self.store.rename(name, to)
        return {}

    def _committransaction(self, session: Session, command: Json) -> Json:
        self._writes.commit(command)
        return {}

    def _aborttransaction(self, session: Session, command: Json) -> Json:
        self._writes.abort(command)
        return {}


def _name(namespace: str) -> Name:
    database, _, collection = namespace.partition(".")
    return database, collection


def _refusal(error: ServerError) -> Json:
    answer = {"ok": 0.0, "errmsg": str(error), "code": error.code, "codeName": error.name}
    if error.code in (43,):
        answer["errorLabels"] = ["ResumableChangeStreamError"]
    return answer
