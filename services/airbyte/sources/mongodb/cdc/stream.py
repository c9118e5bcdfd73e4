"""Opening a change stream at a position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp
from pymongo.change_stream import ChangeStream
from pymongo.errors import OperationFailure

from services.airbyte.sources.mongodb.cdc.config import Position
from services.airbyte.sources.mongodb.config import MongoConfig
from services.airbyte.sources.mongodb.connecting import (
    RawClient,
    operation_time,
    server_version,
)
from services.airbyte.sources.mongodb.failures import (
    HISTORY_LOST,
    INVALID_TOKEN,
    TOKEN_NOT_FOUND,
    plain,
)

Json = dict[str, Any]
Stream: TypeAlias = "ChangeStream[RawBSONDocument]"

_WAIT_MS = 100
_IMAGES_SINCE = (6, 0)


class HistoryLostError(Exception):
    """The oplog does not reach back to the position."""


def open_stream(
    client: RawClient,
    config: MongoConfig,
    collections: Mapping[str, Sequence[str]],
    position: Position,
) -> Stream:
    """Open the stream of changes after `position`, of collections by their database.

    Raises HistoryLostError, PyMongoError.
    """
    try:
        if position.token is not None:
            try:
                return _watch(client, config, collections, start_after={"_data": position.token})
            except OperationFailure as error:
                # The token's change is not among those of the present collections.
                if error.code not in (TOKEN_NOT_FOUND, INVALID_TOKEN):
                    raise
        # From the token's time on; what lies before the token is left out when it is read.
        time = position.time + (position.token is None)
        moment = Timestamp(time >> 32, time & 0xFFFFFFFF)
        return _watch(client, config, collections, start_at_operation_time=moment)
    except OperationFailure as error:
        if error.code == HISTORY_LOST:
            raise HistoryLostError(plain(error)) from error
        raise


def try_stream(client: RawClient, config: MongoConfig) -> None:
    """Open a stream and close it: the user needs a privilege for that."""
    names = {database: ["lakelet_check"] for database in config.databases}
    open_stream(client, config, names, Position(operation_time(client))).close()


def _watch(
    client: RawClient, config: MongoConfig, collections: Mapping[str, Sequence[str]], **start: Any
) -> Stream:
    databases = list(collections)
    options: Json = {"max_await_time_ms": _WAIT_MS, "batch_size": config.queue_size, **start}
    options["full_document"] = "required" if config.post_images else "updateLookup"
    if server_version(client) >= _IMAGES_SINCE:
        options["full_document_before_change"] = "whenAvailable"
    pipeline = _pipeline(collections)
    if len(databases) == 1:  # the role `read` on one database is enough
        return client[databases[0]].watch(pipeline, **options)
    return client.watch(pipeline, **options)


def _pipeline(collections: Mapping[str, Sequence[str]]) -> list[Json]:
    """Leave out other collections, and the parts of changes that are not read."""
    wanted: list[Json] = [{"operationType": "invalidate"}]
    for database, names in collections.items():
        wanted.append({"ns.db": database, "ns.coll": {"$in": list(names)}})
        wanted.append({"to.db": database, "to.coll": {"$in": list(names)}})
    return [{"$match": {"$or": wanted}}, {"$project": {"updateDescription": 0}}]
