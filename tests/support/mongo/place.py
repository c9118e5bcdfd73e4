"""Where the tests' documents are: the small server, or the real one of `LAKELET_MONGODB_URI`."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymongo
import pytest

from tests.support.mongo.server import MongoServer

Json = dict[str, Any]
URI = "LAKELET_MONGODB_URI"


class Mongo:
    """A replica set with databases of this run's own."""

    def __init__(self, server: MongoServer | None, uri: str) -> None:
        self._server, self.uri = server, uri
        self.client: pymongo.MongoClient[Json] = pymongo.MongoClient(uri)
        self._run = uuid.uuid4().hex[:8]
        self._made: set[str] = set()

    @property
    def server(self) -> MongoServer:
        """The small server, for what a test does to it; a real one is left in peace."""
        if self._server is None:
            pytest.skip(f"a server is made to fail, which is not done to the one of {URI}")
        return self._server

    def database(self, name: str) -> pymongo.database.Database[Json]:
        """Return a database, empty when it is asked for first."""
        full = f"lakelet_{self._run}_{name}"
        self._made.add(full)
        return self.client[full]

    def config(self, *databases: str, **changes: Any) -> Json:
        """Return a source's configuration; `changes` of its database_config are its fields."""
        inner = ("schema_enforced", "username", "password", "auth_source", "connection_string")
        cluster = {
            "cluster_type": "SELF_MANAGED_REPLICA_SET",
            "connection_string": self.uri,
            "databases": [self.database(name).name for name in databases],
            **{name: changes.pop(name) for name in inner if name in changes},
        }
        return {"database_config": cluster, **changes}

    def close(self) -> None:
        for name in self._made:
            self.client.drop_database(name)
        self.client.close()


@contextmanager
def mongo_place() -> Iterator[Mongo]:
    """Give the server that the environment names, else a small one."""
    uri = os.environ.get(URI)
    server = None if uri else MongoServer()
    place = Mongo(server, uri or server.uri)  # type: ignore[union-attr]
    try:
        yield place
    finally:
        place.close()
        if server is not None:
            server.stop()
