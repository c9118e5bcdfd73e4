"""MongoDB's collections read whole, over the wire protocol."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import airbyte_api
import duckdb
import pymongo
import pytest
from airbyte_api import models
from bson import Binary, Code, Decimal128, Int64, MaxKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS

from bootstrap.platform_file import Platform, Reconciliation, Source, SourceHop
from bootstrap.source_counts import count_source
from services.airbyte.cdk.catalog import configured_streams
from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.cdk.source import Environment
from services.airbyte.sources.mongodb.source import build
from tests.contract.airbyte.client import MONGODB, Airbyte, Json, rows
from tests.support.mongo.place import Mongo
from tests.support.mongo.server import MongoServer

ID = ObjectId("65a0c0ffee65a0c0ffee65a0")
AT = datetime.datetime(2024, 2, 29, 12, 30, 0, 123000)
UUID = bytes(range(16))
NESTED = {
    "city": "Bern",
    "at": AT,
    "by": ID,
    "price": Decimal128("12.340"),
    "raw": b"\x01\x02",
    "deep": [{"n": 1}, None, True, 1.5],
    "like": Regex("^a", "i"),
}
NESTED_TEXT = {
    "city": "Bern",
    "at": "2024-02-29T12:30:00.123Z",
    "by": str(ID),
    "price": 12.34,
    "raw": "AQI=",
    "deep": [{"n": 1}, None, True, 1.5],
    "like": "(i)^a",
}
TYPES: Json = {
    "flag": True,
    "small": 2**31 - 1,
    "large": Int64(2**63 - 1),
    "real": 0.1,
    "money": Decimal128("79228162514264337593543950335.0001"),
    "at": AT,
    "stamp": Timestamp(1_700_000_000, 7),
    "raw": b"\x00\xff",
    "uuid": Binary(UUID, 4),
    "ref": ID,
    "name": 'Zoë "x"',
    "like": Regex("^a.*", "im"),
    "code": Code("return 1"),
    "nested": NESTED,
    "list": [1, "two", {"three": 3}],
    "nothing": None,
}
# field → what lies in the table, its JSON schema
WANTED: dict[str, tuple[Any, Json]] = {
    "flag": (True, {"type": "boolean"}),
    "small": (2**31 - 1, {"type": "number", "airbyte_type": "integer"}),
    "large": (2**63 - 1, {"type": "number", "airbyte_type": "integer"}),
    "real": (0.1, {"type": "number"}),
    "money": ("79228162514264337593543950335.0001", {"type": "string"}),
    "at": (
        AT.replace(tzinfo=datetime.UTC),
        {"type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone"},
    ),
    "stamp": (
        datetime.datetime.fromtimestamp(1_700_000_000, datetime.UTC),
        {"type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone"},
    ),
    "raw": (b"\x00\xff", {"type": "string", "contentEncoding": "base64"}),
    "uuid": (UUID, {"type": "string", "contentEncoding": "base64"}),
    "ref": (str(ID), {"type": "string"}),
    "name": ('Zoë "x"', {"type": "string"}),
    "like": ("(im)^a.*", {"type": "string"}),
    "code": ("return 1", {"type": "string"}),
    "nested": (NESTED_TEXT, {"type": "object"}),
    "list": ([1, "two", {"three": 3}], {"type": "array"}),
    "nothing": (None, {"type": "string"}),
}


def environment(tmp: Path = Path()) -> Environment:
    lines: list[str] = []
    return Environment(tmp, "", "", "", lambda line, *_: lines.append(line), lambda *_: "")


def read(config: Json, columns: str) -> list[Any]:
    """Read the only collection whole."""
    (offered,) = build().discover(config, environment())
    catalog = {"streams": [{"stream": offered.as_json(), "config": {}}]}
    (stream,) = configured_streams(catalog)
    with (
        duckdb.connect() as duck,
        build().read(config, stream, None, duck, environment()) as reading,
    ):
        return duck.execute(f"SELECT {columns} FROM {reading.relation}").fetchall()


def refusal(config: Json) -> str:
    """Return what the source says of a configuration that cannot work."""
    with pytest.raises(ConnectorError) as raised:
        build().check(config, environment())
    return str(raised.value)


def source(airbyte: Airbyte, config: Json, name: str = "mongo") -> str:
    return airbyte.source(config, MONGODB, name)


def test_every_type_of_bson_is_discovered_and_read(
    airbyte: Airbyte, mongo: Mongo, sdk: airbyte_api.AirbyteAPI
) -> None:
    documents = mongo.database("types").every
    documents.insert_one({"_id": ID, **TYPES})
    cluster = models.SelfManagedReplicaSet(
        connection_string=mongo.uri, databases=[documents.database.name]
    )
    answer = sdk.sources.create_source(
        request=models.SourceCreateRequest(
            name="mongo by sdk",
            workspace_id=airbyte.workspace,
            configuration=models.SourceMongodbV2(database_config=cluster),
        )
    ).source_response
    assert answer.source_type == "mongodb-v2"
    made = answer.source_id
    (entry,) = airbyte.catalog(made)
    stream = entry["stream"]
    assert stream["namespace"] == documents.database.name
    assert stream["sourceDefinedPrimaryKey"] == [["_id"]]
    assert stream["defaultCursorField"] == ["_ab_cdc_cursor"]
    assert sorted(stream["supportedSyncModes"]) == ["full_refresh", "incremental"]
    properties = stream["jsonSchema"]["properties"]
    assert next(iter(properties)) == "_id"
    assert {name: properties[name] for name in TYPES} == {n: w[1] for n, w in WANTED.items()}
    airbyte.sync(airbyte.connect(made, "mongo_types", {"every": {}}))
    listing = ", ".join(f'"{name}"' for name in TYPES)
    (found,) = rows(
        airbyte.settings,
        f"SELECT _id, {listing}, _airbyte_meta.changes FROM bronze.mongo_types.every",
    )
    assert found[0] == str(ID)
    assert found[-1] == []
    for name, value in zip(TYPES, found[1:-1], strict=True):
        read = json.loads(value) if name in ("nested", "list") else value
        assert read == WANTED[name][0], name


def test_what_has_no_place_in_its_column_is_null_and_noted(airbyte: Airbyte, mongo: Mongo) -> None:
    documents = mongo.database("odd").mixed
    first = {"n": 1, "x": 1, "flag": True, "at": AT, "any": 1, "obj": {"a": 1}, "arr": [1]}
    documents.insert_many([{"_id": 1, **first}, {"_id": 2, "x": 0.5, "any": "text"}])
    made = source(airbyte, mongo.config("odd"))
    connection = airbyte.connect(made, "mongo_odd", {"mixed": {}})
    # What comes after the sample may be anything.
    documents.insert_many(
        [
            {"_id": 3, "n": "three", "x": Int64(2**53 + 1), "flag": "yes",
             "at": DatetimeMS(-(2**60)), "any": {"b": [MaxKey()]}, "obj": 5, "arr": {"lone": 1}},
            {"_id": 4, "n": 4.0, "x": Decimal128("1.5"), "any": True, "obj": [1], "arr": None},
        ]
    )  # fmt: skip
    airbyte.sync(connection)
    found = rows(
        airbyte.settings,
        'SELECT _id, n, x, flag, "at" IS NOT NULL, any_, obj, arr,'
        " list_sort([c.field FOR c IN _airbyte_meta.changes])"
        ' FROM (SELECT *, "any" AS any_ FROM bronze.mongo_odd.mixed) ORDER BY _id',
    )
    assert found == [
        (1, 1, 1.0, True, True, "1", '{"a":1}', "[1]", []),
        (2, None, 0.5, None, False, "text", None, None, []),
        (3, None, None, None, False, '{"b":[null]}', "5", '[{"lone":1}]',
         ["at", "flag", "n", "x"]),
        (4, 4, 1.5, None, False, "true", "[1]", None, []),
    ]  # fmt: skip


def test_a_collection_larger_than_a_batch_comes_whole_and_in_order(mongo: Mongo) -> None:
    documents = mongo.database("many").rows
    documents.insert_many({"_id": n, "n": n * n, "text": "x" * (n % 300)} for n in range(12_000))
    found = read(mongo.config("many", discover_sample_size=100), "_id, n, length(text)")
    assert found == [(n, n * n, n % 300) for n in range(12_000)]


def test_a_collection_without_a_schema_is_read_as_documents(mongo: Mongo) -> None:
    documents = mongo.database("loose").things
    documents.insert_many([{"_id": ID, "a": 1}, {"_id": ObjectId(), "b": {"c": [AT]}}])
    config = mongo.config("loose", schema_enforced=False)
    (offered,) = build().discover(config, environment())
    properties = offered.as_json()["jsonSchema"]["properties"]
    assert set(properties) == {
        "_id", "data", "_ab_cdc_updated_at", "_ab_cdc_deleted_at", "_ab_cdc_cursor",
    }  # fmt: skip
    assert properties["data"] == {"type": "object"}
    wanted = {
        str(d["_id"]): {**d, "_id": str(d["_id"])}
        | ({"b": {"c": ["2024-02-29T12:30:00.123Z"]}} if "b" in d else {})
        for d in documents.find()
    }
    assert {row[0]: json.loads(row[1]) for row in read(config, "_id, data")} == wanted


def test_ids_of_several_types_are_refused(mongo: Mongo) -> None:
    mongo.database("ids").both.insert_many([{"_id": "1"}, {"_id": 1}])
    with pytest.raises(ConnectorError, match="_id of several types"):
        read(mongo.config("ids"), "_id")


def test_the_check_says_what_to_set(airbyte: Airbyte, mongo: Mongo) -> None:
    mongo.database("checked").one.insert_one({})
    made = source(airbyte, mongo.config("checked"))
    assert airbyte.post("sources/check_connection", sourceId=made)["status"] == "succeeded"
    assert "Grant the role `read`" in refusal(mongo.config("nothing_here"))
    told = refusal(mongo.config("checked", connection_string="localhost:27017"))
    assert "begin with mongodb://" in told
    told = refusal(mongo.config("checked", connection_string="mongodb://me:s3cret@db1/"))
    assert "set username and password" in told
    assert "s3cret" not in told
    nowhere = "mongodb://127.0.0.1:1/?tls=false&serverSelectionTimeoutMS=300"
    told = refusal(mongo.config("checked", connection_string=nowhere))
    assert "no server of 127.0.0.1:1 can be reached" in told
    spoken = mongo.server.uri.replace("tls=false", "serverSelectionTimeoutMS=500")
    assert "tls=false" in refusal(mongo.config("checked", connection_string=spoken))


def test_users_log_in_and_standalone_servers_are_refused(mongo: Mongo) -> None:
    assert mongo.server  # a server of a kind that a test does not make of a real one
    server, alone = MongoServer(), MongoServer(replica_set=False)
    try:
        for one in (server, alone):
            with pymongo.MongoClient[Json](one.uri) as client:
                client.shop.orders.insert_one({"_id": 1})
        server.users["lake"] = "s3cret ü"
        cluster = {"connection_string": server.uri, "databases": ["shop"], "username": "lake"}
        config = {"database_config": {**cluster, "password": "s3cret ü"}}
        build().check(config, environment())
        told = refusal({"database_config": {**cluster, "password": "gu3ss"}})
        assert "refused the user 'lake'" in told
        assert "gu3ss" not in told
        told = refusal({"database_config": {**cluster, "username": None}})
        assert "grant the role `read`" in told
        told = refusal({"database_config": {"connection_string": alone.uri, "databases": ["shop"]}})
        assert "--replSet" in told
    finally:
        server.stop()
        alone.stop()


def test_rows_and_money_are_counted_at_the_source(mongo: Mongo) -> None:
    paid = ["0.10", "0.20", "0.00"]
    mongo.database("counted")["orders"].insert_many([{"paid": Decimal128(p)} for p in paid])
    source = Source(type="mongodb-v2", configuration=mongo.config("counted"))

    def counted(table: str) -> Any:
        check = Reconciliation(source=SourceHop(of="m", table=table), money="paid", hops={})
        return count_source(Platform.model_construct(sources={"m": source}), check, Mock())

    name = mongo.database("counted").name
    assert counted("orders") == ("orders", 3, Decimal("0.30"))
    assert counted(f"{name}.orders") == (f"{name}.orders", 3, Decimal("0.30"))
    assert counted("none") == ("none", 0, Decimal(0))
