"""Random changes of MongoDB's documents while readers are killed: bronze is what they are.

`LAKELET_CDC_ROUNDS` (2) says how many rounds, `LAKELET_CDC_SEED` which ones: a failure names its.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest
from pymongo.errors import PyMongoError

from services.common.waiting import wait_until
from tests.contract.airbyte.client import MONGODB, Airbyte, Json, end_continuous, lake
from tests.contract.airbyte.test_mongodb_cdc import APPEND, DEDUP
from tests.support.mongo.place import Mongo

ROUNDS = int(os.environ.get("LAKELET_CDC_ROUNDS") or 2)
SEED = int(os.environ.get("LAKELET_CDC_SEED") or random.SystemRandom().randrange(10**6))
COLLECTIONS = ("left_one", "right_one")
KEPT, HISTORY = "mongo_kills", "mongo_kills_history"


class Workload:
    """Random transactions on two collections.

    Each `_id` is inserted once, and every change of its document adds 1 to its `n`.
    """

    def __init__(self, mongo: Mongo) -> None:
        self.random = random.Random(SEED)  # noqa: S311 - to be repeated, not to be a secret
        self._mongo, self.database = mongo, mongo.database("kills")
        self._next_id = 0
        for name in COLLECTIONS:
            images = {"enabled": True}
            self.database.create_collection(name, changeStreamPreAndPostImages=images)
            # Values of several types, so that the column takes all of them as text.
            values = [{"v": "text"}, {"v": 5}, {"v": {"x": 1}}, *[{}] * 17]
            pairs = zip(self._documents(20), values, strict=True)
            self.database[name].insert_many({**one, **value} for one, value in pairs)

    def _documents(self, count: int) -> list[Json]:
        found = []
        for _ in range(count):
            self._next_id += 1
            document: Json = {"_id": self._next_id, "n": 0, "tags": [self._next_id, {"a": "ä"}]}
            if self.random.random() < 0.7:
                document["v"] = self.random.choice(["", "text", 5, None, {"x": 1}])
            found.append(document)
        return found

    def transaction(self) -> None:
        with self._mongo.client.start_session() as session:
            if self.random.random() < 0.5:
                with session.start_transaction():
                    for name in COLLECTIONS:
                        self._change(self.database[name], session)
            else:
                self._change(self.database[self.random.choice(COLLECTIONS)], session)

    def _change(self, collection: Any, session: Any) -> None:
        divisor = self.random.choice([3, 7, 20])
        some = {"_id": {"$mod": [divisor, self.random.randrange(divisor)]}}
        draw = self.random.random()
        if draw < 0.4:
            documents = self._documents(self.random.randrange(1, 25))
            collection.insert_many(documents, session=session)
        elif draw < 0.6:
            collection.update_many(some, {"$inc": {"n": 1}}, session=session)
        elif draw < 0.7:
            change = {"$inc": {"n": 1}, "$unset": {"v": ""}}
            collection.update_many(some, change, session=session)
        elif draw < 0.85:
            for document in collection.find(some, session=session).limit(3):
                whole = {"n": document["n"] + 1, "v": f"{self.random.random()}"}
                collection.replace_one({"_id": document["_id"]}, whole, session=session)
        else:
            collection.delete_many({"_id": {"$mod": [23, divisor]}}, session=session)


def in_text(document: Json) -> tuple[Any, ...]:
    """Return a document as its row in bronze."""
    value, tags = document.get("v"), document.get("tags")
    if value is not None and not isinstance(value, str):
        value = json.dumps(value, separators=(",", ":"))
    listed = None if tags is None else json.dumps(tags, separators=(",", ":"), ensure_ascii=False)
    return document["_id"], document["n"], value, listed


class Arena:
    """The connections, and what can be killed."""

    def __init__(self, airbyte: Airbyte, mongo: Mongo) -> None:
        self._airbyte, self._mongo = airbyte, mongo
        self.workload = Workload(mongo)
        config = mongo.config("kills", update_capture_mode="Post Image")
        made = airbyte.source(config, MONGODB, "mongo kills")
        self.connections = [
            airbyte.connect(
                made, namespace, dict.fromkeys(COLLECTIONS, mode), continuous={"every": 0.2}
            )
            for namespace, mode in ((KEPT, DEDUP), (HISTORY, APPEND))
        ]
        self.kills: dict[str, Callable[[], object]] = {
            "workers": airbyte.home.kill_workers,
            "connections": mongo.server.fail_over,
        }

    def status(self, connection: str) -> Json:
        return dict(self._airbyte.post("connections/get", connectionId=connection))

    def caught_up(self) -> None:
        """Wait until bronze holds what the source holds now."""
        asked = time.time()

        def reached() -> bool:
            return all(
                self.status(c)["continuousStatus"].get("upToDateAt", 0) >= asked
                for c in self.connections
            )

        wait_until(reached, seconds=90, what="bronze to catch up")

    def end(self) -> None:
        """Pause the connections, and wait: other tests count what is asked of the server."""
        for connection in self.connections:
            end_continuous(self._airbyte, connection)


@pytest.fixture
def arena(airbyte: Airbyte, mongo: Mongo) -> Iterator[Arena]:
    arena = Arena(airbyte, mongo)
    try:
        yield arena
    finally:
        arena.end()


def disturb(workload: Workload, count: int) -> None:
    """Change documents; connections that are cut leave some changes out."""
    for _ in range(count):
        with contextlib.suppress(PyMongoError):
            workload.transaction()


def in_history(duck: duckdb.DuckDBPyConnection, name: str) -> tuple[int, int, int]:
    """Return how many versions came twice, of how many documents some are missing, and of how many
    there are any."""
    (found,) = duck.execute(
        "SELECT sum(count - versions)::INT, count(*) FILTER (versions <> top + 1), count(*)"
        " FROM (SELECT count(*) AS count, count(DISTINCT n) AS versions, max(n) AS top"
        f" FROM bronze.{HISTORY}.{name} WHERE _ab_cdc_deleted_at IS NULL GROUP BY _id)"
    ).fetchall()
    return int(found[0]), int(found[1]), int(found[2])


@pytest.mark.timeout(240 + 60 * ROUNDS)
def test_no_document_is_lost_or_doubled_whatever_is_killed(arena: Arena, airbyte: Airbyte) -> None:
    chance = random.Random(SEED)  # noqa: S311 - to be repeated, not to be a secret
    arena.caught_up()
    kinds = list(arena.kills)
    for number in range(ROUNDS):
        work = threading.Thread(target=disturb, args=(arena.workload, 40))
        work.start()
        told = [kinds[number % len(kinds)], *chance.sample(kinds, int(ROUNDS > 2))]
        for kind in told:
            time.sleep(chance.uniform(0.0, 1.0))
            arena.kills[kind]()
        work.join()
        arena.caught_up()
        total = 0
        with lake(airbyte.settings) as duck:
            for name in COLLECTIONS:
                documents = arena.workload.database[name].find().sort("_id")
                wanted = [in_text(document) for document in documents]
                found = duck.execute(
                    f"SELECT _id, n, v, tags FROM bronze.{KEPT}.{name} ORDER BY _id"
                ).fetchall()
                assert found == wanted, (SEED, number, told, name)
                doubled, incomplete, seen = in_history(duck, name)
                assert (doubled, incomplete) == (0, 0), (SEED, number, told, name)
                assert seen >= len(wanted) > 0
                total += len(wanted)
        print(f"round {number}: {' and '.join(told)} killed; {total} documents agree")
