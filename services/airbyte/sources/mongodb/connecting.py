"""Connecting to the replica set.

Facts (Airbyte's source-mongodb-v2): TLS unless the connection string says otherwise (there it
cannot), reads from secondaries where there are any.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import pymongo
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument
from pymongo.errors import PyMongoError
from pymongo.read_preferences import ReadPreference

from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.mongodb.config import MongoConfig
from services.airbyte.sources.mongodb.failures import explain

Json = dict[str, Any]
Client: TypeAlias = "pymongo.MongoClient[Json]"
RawClient: TypeAlias = "pymongo.MongoClient[RawBSONDocument]"

# Documents stay bytes until a batch of them is decoded; a date alone is its milliseconds.
RAW: CodecOptions[RawBSONDocument] = CodecOptions(
    document_class=RawBSONDocument, datetime_conversion=DatetimeConversion.DATETIME_MS
)
# Dates before year 1 and after 9999 come as DatetimeMS; broken UTF-8 is no reason to stop.
DECODED: CodecOptions[Json] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)
_PATIENCE_MS = 15_000


@contextmanager
def connect(config: MongoConfig) -> Iterator[Client]:
    """Give a client. Raises ConnectorError for what goes wrong while it is used."""
    with _connected(config) as client:
        yield client


@contextmanager
def connect_raw(config: MongoConfig) -> Iterator[RawClient]:
    """Give a client whose documents are bytes, for change streams of the whole cluster."""
    raw = {"document_class": RawBSONDocument, "datetime_conversion": "DATETIME_MS"}
    with _connected(config, **raw) as client:
        yield client


@contextmanager
def _connected(config: MongoConfig, **more: Any) -> Iterator[Any]:
    options: Json = {"appname": "lakelet", **more}
    given = config.uri_options
    if "tls" not in given and "ssl" not in given:
        options["tls"] = True
    if "readpreference" not in given:
        options["readPreference"] = "secondaryPreferred"
    if "serverselectiontimeoutms" not in given:
        options["serverSelectionTimeoutMS"] = _PATIENCE_MS
    if config.username:
        options |= {
            "username": config.username,
            "password": config.password or "",
            "authSource": config.auth_source,
        }
    try:
        client: Any = pymongo.MongoClient(config.uri, **options)
    except PyMongoError as error:
        raise explain(error, config) from error
    try:
        yield client
    except PyMongoError as error:
        raise explain(error, config) from error
    finally:
        client.close()


def server_name(client: Client | RawClient) -> str:
    """Return the replica set's name. Raises ConnectorError where it is none."""
    told = client.admin.command("hello", read_preference=ReadPreference.PRIMARY_PREFERRED)
    if told.get("msg") == "isdbgrid":
        return "sharded"
    if not told.get("setName"):
        raise config_error(
            "the server is no member of a replica set, and only those have change streams: start"
            " mongod with --replSet and run rs.initiate() once"
        )
    return str(told["setName"])


def server_version(client: Client | RawClient) -> tuple[int, ...]:
    """Return the server's version."""
    return tuple(client.server_info()["versionArray"])


def operation_time(client: Client | RawClient) -> int:
    """Return the time of the replica set's last operation: seconds << 32 | number in the second."""
    told = client.admin.command("ping", read_preference=ReadPreference.PRIMARY)
    stamp = told["operationTime"]
    return int(stamp.time) << 32 | int(stamp.inc)
