"""Mappers of a connection: what is taken, how it is kept, what is refused and how."""

from __future__ import annotations

from typing import Any

import pytest

from services.airbyte.cdk.catalog import configured_streams
from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.handlers.errors import ProblemError
from services.airbyte.handlers.mappers import settle, validate
from tests.support.mappers import (
    dropping,
    equal,
    hashing,
    none_of,
    renaming,
    row_filter,
)

Json = dict[str, Any]
DEDUP = {
    "syncMode": "incremental",
    "destinationSyncMode": "append_dedup",
    "cursorField": ["at"],
    "primaryKey": [["id"]],
}


def catalog(*mappers: Any, **config: Any) -> Json:
    stream = {
        "name": "people",
        "jsonSchema": {
            "properties": {
                "id": {"type": "number", "airbyte_type": "integer"},
                "at": {"type": "string", "format": "date-time"},
                "mail": {"type": "string"},
            }
        },
    }
    chosen = {**DEDUP, "mappers": list(mappers), **config}
    return {"streams": [{"stream": stream, "config": chosen}]}


def kept(given: Json) -> Json:
    return dict(settle(given)["streams"][0]["config"])


def test_what_fits_is_kept_with_ids_and_its_hashed_fields() -> None:
    config = kept(catalog(hashing("mail"), renaming("at", "changed_at")))
    assert [{k: v for k, v in m.items() if k != "id"} for m in config["mappers"]] == [
        hashing("mail"),
        renaming("at", "changed_at"),
    ]
    assert len({mapper["id"] for mapper in config["mappers"]}) == 2
    assert config["hashedFields"] == [{"fieldPath": ["mail"]}]
    again = kept(catalog(*config["mappers"]))
    assert again["mappers"] == config["mappers"]


def test_hashed_fields_count_where_there_are_no_mappers() -> None:
    fields = [{"fieldPath": ["mail"]}]
    [mapper] = kept(catalog(hashedFields=fields))["mappers"]
    assert mapper["mapperConfiguration"] == hashing("mail")["mapperConfiguration"]
    [mapper] = kept(catalog(dropping("mail"), hashedFields=fields))["mappers"]
    assert mapper["type"] == "field-filtering"


def test_a_stream_that_is_not_selected_keeps_its_mappers_unseen() -> None:
    assert len(kept(catalog(hashing("none"), selected=False))["mappers"]) == 1
    assert kept({"streams": [{"stream": {"name": "s"}, "config": {**DEDUP}}]}) == DEDUP


@pytest.mark.parametrize(
    ("mappers", "kind", "words"),
    [
        ([hashing("none")], "FIELD_NOT_FOUND", "no field 'none' here; it has: id, at, mail"),
        ([row_filter(equal("none", "x"))], "FIELD_NOT_FOUND", "no field 'none'"),
        ([dropping("mail"), hashing("mail")], "FIELD_NOT_FOUND", "it has: id, at"),
        ([renaming("mail", "ID")], "FIELD_ALREADY_EXISTS", "a field 'ID' already"),
        ([renaming("mail", "_airbyte_meta")], "FIELD_ALREADY_EXISTS", "the table's own"),
        ([hashing("mail", "SHA-512")], "INVALID_MAPPER_CONFIG", "SHA-512 is not supported"),
        ([hashing("mail", "CRC")], "INVALID_MAPPER_CONFIG", "CRC does not exist; choose MD5"),
        ([hashing("mail", suffix=None)], "INVALID_MAPPER_CONFIG", "fieldNameSuffix"),  # type: ignore[arg-type]
        ([row_filter({"type": "AND"})], "INVALID_MAPPER_CONFIG", "a condition is"),
        ([row_filter(none_of())], "INVALID_MAPPER_CONFIG", "at least one"),
        ([{"type": "shout", "mapperConfiguration": {}}], "MISSING_MAPPER", "no mapper 'shout'"),
        ([{"type": "hashing"}], "INVALID_MAPPER_CONFIG", "needs an object"),
        (["hashing"], "INVALID_MAPPER_CONFIG", "a mapper is an object"),
        ([dropping("id")], "INVALID_MAPPER_CONFIG", "in the primary key"),
        ([renaming("at", "x"), dropping("x")], "INVALID_MAPPER_CONFIG", "it is the cursor"),
        ([hashing("at")], "INVALID_MAPPER_CONFIG", "it is the cursor"),
    ],
)
def test_what_does_not_is_one_of_airbytes_problems(
    mappers: list[Any], kind: str, words: str
) -> None:
    with pytest.raises(ProblemError) as raised:
        settle(catalog(*mappers))
    error = raised.value
    assert (error.status, error.kind) == (400, "error:mapper-validation")
    [one] = error.data["errors"]
    assert (one["stream"], one["error"]) == ("people", kind)
    assert words in str(error)


def test_a_key_may_be_hashed_and_without_deduplication_anything_left_out() -> None:
    settle(catalog(hashing("id"), renaming("id_hashed", "person")))
    settle(catalog(dropping("id"), dropping("at"), destinationSyncMode="append"))


def test_all_errors_are_told_and_no_key_of_a_cipher() -> None:
    cipher = {
        "type": "encryption",
        "mapperConfiguration": {"algorithm": "AES", "key": "c0ffee", "targetField": "mail"},
    }
    with pytest.raises(ProblemError) as raised:
        settle(catalog(cipher, hashing("none")))
    assert [one["error"] for one in raised.value.data["errors"]] == [
        "MISSING_MAPPER",
        "FIELD_NOT_FOUND",
    ]
    assert "encryption is not supported" in str(raised.value)
    assert "c0ffee" not in str(raised.value) + str(raised.value.data)


def test_only_what_is_read_can_be_mapped() -> None:
    chosen = [{"fieldPath": [name]} for name in ("id", "at")]
    with pytest.raises(ProblemError, match="no field 'mail'"):
        settle(catalog(hashing("mail"), fieldSelectionEnabled=True, selectedFields=chosen))


def test_a_draft_is_told_mapper_by_mapper() -> None:
    draft = [{**hashing("mail"), "id": "a"}, renaming("none", "x"), dropping("at")]
    answer = validate(catalog(), {"name": "people"}, draft)
    names = [[field["name"] for field in one["outputFields"]] for one in answer["mappers"]]
    assert names == [["id", "at", "mail_hashed"]] * 3
    errors = [one.get("validationError", {}).get("type") for one in answer["mappers"]]
    assert errors == [None, "FIELD_NOT_FOUND", "INVALID_MAPPER_CONFIG"]
    assert answer["initialFields"] == [
        {"name": "id", "type": "INTEGER", "isSelectedPrimaryKey": True, "isSelectedCursor": False},
        {
            "name": "at",
            "type": "TIMESTAMP_WITH_TIMEZONE",
            "isSelectedPrimaryKey": False,
            "isSelectedCursor": True,
        },
        {
            "name": "mail",
            "type": "STRING",
            "isSelectedPrimaryKey": False,
            "isSelectedCursor": False,
        },
    ]


def test_a_sync_refuses_what_was_stored_before_it_was_checked() -> None:
    with pytest.raises(ConnectorError, match="encryption is not supported"):
        configured_streams(catalog({"type": "encryption", "mapperConfiguration": {}}))
