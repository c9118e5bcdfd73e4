"""Collections, and the fields of their documents.

Facts (Airbyte's source-mongodb-v2): a sample of the documents is asked for the types of their
top-level fields; views, empty collections and the server's own ones are not offered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.mongodb.config import MongoConfig
from services.airbyte.sources.mongodb.connecting import Client
from services.airbyte.sources.mongodb.types import together

Json = dict[str, Any]

ID, DATA = "_id", "data"
_NOT_OFFERED = ("system.", "replset.", "oplog.")


def names(client: Client, database: str) -> list[str]:
    """Return the collections of a database that the user may read, sorted."""
    told = client[database].list_collections(
        filter={"type": "collection"}, nameOnly=True, authorizedCollections=True
    )
    found = [str(one["name"]) for one in told]
    return sorted(name for name in found if not name.startswith(_NOT_OFFERED))


def fields(client: Client, database: str, collection: str, config: MongoConfig) -> dict[str, str]:
    """Return the kinds of a collection's fields, `_id` first; empty when it has no documents.

    A collection that is not larger than the sample is looked at whole, so that the answer does not
    depend on chance.
    """
    kinds = {name: together(types) for name, types in _types(client, database, collection, config)}
    first = {ID: kinds.pop(ID)} if ID in kinds else {}
    return first | dict(sorted(kinds.items()))


def _types(
    client: Client, database: str, collection: str, config: MongoConfig
) -> Iterator[tuple[str, list[str]]]:
    documents = client[database][collection]
    size = config.sample_size if config.schema_enforced else 1
    pipeline: list[Json] = []
    if documents.estimated_document_count() > size:
        pipeline.append({"$sample": {"size": size}})
    if not config.schema_enforced:
        pipeline.append({"$project": {ID: 1}})
    pipeline += [
        {"$project": {ID: 0, "field": {"$objectToArray": "$$ROOT"}}},
        {"$unwind": "$field"},
        {"$group": {"_id": "$field.k", "types": {"$addToSet": {"$type": "$field.v"}}}},
    ]
    with documents.aggregate(
        pipeline, allowDiskUse=True, maxTimeMS=config.discover_seconds * 1000
    ) as found:
        for field in found:
            yield str(field["_id"]), list(field["types"])


def database_of(stream: ConfiguredStream, settings: MongoConfig) -> str:
    """Return the database that a stream's collection is in. Raises ConnectorError: none."""
    database = stream.namespace or settings.databases[0]
    if database not in settings.databases:
        raise config_error(
            f"stream {stream.name!r} is of database {database!r}, and the source has"
            f" {', '.join(settings.databases)}: set databases, or refresh the connection's schema"
        )
    return database


def check_there(client: Client, database: str, collection: str) -> None:
    """Raise ConnectorError when there is no such collection."""
    if collection not in names(client, database):
        raise config_error(
            f"collection {database}.{collection} is not in the source (or the user may not read"
            " it); refresh the connection's schema"
        )
