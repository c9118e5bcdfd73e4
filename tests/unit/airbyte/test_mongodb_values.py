"""Values of MongoDB's documents in columns, fields' types, and errors in words."""

from __future__ import annotations

import datetime
import json
from typing import Any

import bson
import pytest
from bson import Binary, Code, DBRef, Decimal128, Int64, MinKey, ObjectId, Regex, Timestamp
from pymongo.errors import (
    AutoReconnect,
    InvalidURI,
    OperationFailure,
    ServerSelectionTimeoutError,
)

from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.sources.mongodb.config import MongoConfig
from services.airbyte.sources.mongodb.failures import explain
from services.airbyte.sources.mongodb.layout import Layout, infer
from services.airbyte.sources.mongodb.types import column, of_schema, together, type_table
from services.airbyte.sources.mongodb.values import arrow, json_text

AT = datetime.datetime(2024, 2, 29, 1, 2, 3, 4000)


@pytest.mark.parametrize(
    ("types", "kind"),
    [
        (["int", "long", "null"], "long"),
        (["int", "double"], "double"),
        (["decimal", "int"], "text"),
        (["date", "timestamp"], "timestamp"),
        (["object", "array"], "array"),
        (["string", "object"], "text"),
        (["null"], "text"),
        (["bool"], "boolean"),
    ],
)
def test_types_found_together_make_one_column(types: list[str], kind: str) -> None:
    assert together(types) == kind
    assert together(reversed(types)) == kind


def test_a_column_is_known_again_by_its_schema() -> None:
    for kind in ("boolean", "long", "double", "timestamp", "binary", "text", "object", "array"):
        assert of_schema(column("x", kind).json_schema) == kind
    # As Airbyte's own catalogs have them.
    assert of_schema({"type": ["null", "number"]}) == "double"
    assert of_schema({"type": "integer"}) == "long"
    assert len({name for name, _, _ in type_table()}) == len(type_table())


@pytest.mark.parametrize(
    ("kind", "values", "wanted", "bad"),
    [
        ("long", [1, Int64(2**63 - 1), None], [1, 2**63 - 1, None], None),
        ("long", [1.0, 1.5, True, "1", Decimal128("7")], [1, None, None, None, 7], [1, 2, 3]),
        ("long", [float("inf"), float("nan"), Decimal128("1E+30")], [None] * 3, [0, 1, 2]),
        ("double", [0.5, 1, Decimal128("0.25")], [0.5, 1.0, 0.25], None),
        ("double", [2**53 + 1, False], [None, None], [0, 1]),
        ("boolean", [True, 0, None], [True, None, None], [1]),
        ("binary", [b"\0", Binary(b"\1", 4), "x"], [b"\0", b"\1", None], [2]),
        ("text", ["a", 5, True, None], ["a", "5", "true", None], None),
        ("text", [ObjectId("0" * 24), "a"], ["0" * 24, "a"], None),
        ("text", [AT, [1], Regex("a", "x"), Code("f")],
         ["2024-02-29T01:02:03.004Z", "[1]", "(x)a", "f"], None),
        ("text", [Decimal128("1.10"), MinKey()], ["1.10", "MinKey"], None),
        ("array", [[1], {"a": 1}, 5], ["[1]", '[{"a":1}]', "5"], None),
        ("object", [Code("f", {"x": 1}), {"a": None}],
         ['{"code":"f","scope":{"x":1}}', '{"a":null}'], None),
    ],
)  # fmt: skip
def test_values_in_a_column(
    kind: str, values: list[Any], wanted: list[Any], bad: list[int] | None
) -> None:
    found, marked = arrow(values, kind)
    assert found.to_pylist() == wanted
    where = None if marked is None else [n for n, one in enumerate(marked.to_pylist()) if one]
    assert where == bad


def test_dates_in_a_column() -> None:
    found, marked = arrow([AT, Timestamp(5, 1), "2024"], "timestamp")
    utc = datetime.UTC
    epoch = datetime.datetime(1970, 1, 1, 0, 0, 5, tzinfo=utc)
    assert found.to_pylist() == [AT.replace(tzinfo=utc), epoch, None]
    assert marked is not None
    assert marked.to_pylist() == [False, False, True]


def test_json_keeps_all_digits() -> None:
    value = {"big": Decimal128("12345678901234567890.10"), "none": Decimal128("NaN")}
    assert json_text(value) == '{"big":12345678901234567890.10,"none":null}'
    assert json.loads(json_text(DBRef("c", 1, "d"))) == {"$ref": "c", "$id": 1, "$db": "d"}


def test_a_field_that_comes_becomes_a_column_of_its_kind() -> None:
    layout = Layout("x", {"_id": "long"}, grows=True)
    documents = [{"_id": 1, "a": 1}, {"_id": 2, "a": 0.5, "b": {"c": 1}, "d": None}]
    arrays = layout.arrays(b"".join(map(bson.encode, documents)))
    assert layout.kinds == {"_id": "long", "a": "double", "b": "object", "d": "text"}
    assert arrays["a"].to_pylist() == [1.0, 0.5]
    assert arrays["b"].to_pylist() == [None, '{"c":1}']
    assert infer([[1], {"a": 1}]) == "array"
    assert infer([1, "a"]) == "text"


CONFIG = MongoConfig.parse(
    {
        "database_config": {
            "connection_string": "mongodb://<username>:<password>@db1:27017,db2/?replicaSet=rs0",
            "database": "shop",
            "username": "lake",
            "password": "s3cret",
        }
    }
)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OperationFailure("no", 18), "config_error", "refused the user 'lake'"),
        (OperationFailure("not authorized on shop", 13), "config_error", "role `read`"),
        (OperationFailure("took", 50), "config_error", "discover_timeout_seconds"),
        (OperationFailure("BSONObj size", 10334), "config_error", "16 MB"),
        (OperationFailure("lost, full error: {x}", 286), "config_error", "lost. The changes"),
        (OperationFailure("odd", 12345), "transient_error", "MongoDB answers: odd"),
        (InvalidURI("bad"), "config_error", "connection_string"),
        (AutoReconnect("closed"), "transient_error", "db1:27017,db2"),
        (ServerSelectionTimeoutError("SSL handshake failed"), "config_error", "tls=false"),
    ],
)
def test_errors_say_what_to_do(error: Exception, kind: str, words: str) -> None:
    explained = explain(error, CONFIG)
    assert isinstance(explained, ConnectorError)
    assert explained.kind == kind
    assert words in str(explained)
    assert "s3cret" not in str(explained)
