from __future__ import annotations

from typing import Any

import pytest

from services.airbyte.handlers.catalogs import check_catalog, check_given_key
from services.airbyte.handlers.errors import InvalidInputError

STREAM: dict[str, Any] = {
    "name": "orders",
    "jsonSchema": {"properties": {"id": {}, "at": {}, "mail": {}}},
    "supportedSyncModes": ["full_refresh", "incremental"],
    "sourceDefinedPrimaryKey": [["id"]],
}
DEDUP = {"syncMode": "incremental", "destinationSyncMode": "append_dedup", "cursorField": ["at"]}


def catalog(**config: Any) -> dict[str, Any]:
    return {"streams": [{"stream": STREAM, "config": {**DEDUP, **config}}]}


def fields(*names: str) -> dict[str, Any]:
    return {"fieldSelectionEnabled": True, "selectedFields": [{"fieldPath": [n]} for n in names]}


def test_what_fits_is_taken() -> None:
    check_catalog(catalog())
    check_catalog(catalog(primaryKey=[["mail"]], **fields("mail", "at")))
    check_catalog(catalog(selected=False, cursorField=["none"]))
    check_given_key(STREAM, None)
    check_given_key(STREAM, [["id"]])


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"cursorField": []}, "incremental needs a cursor field"),
        ({"cursorField": ["none"]}, "it has no field 'none'; it has: id, at, mail"),
        ({"primaryKey": [["none"]]}, "it has no field 'none'"),
        ({"syncMode": "resumable"}, "is not a sync mode"),
        (fields("id", "mail"), "'at' has to be selected: it is in cursorField"),
        (fields("at"), "'id' has to be selected: it is in primaryKey"),
        (fields("id", "at", "at"), "selected twice"),
        (fields(), "no fields are selected"),
    ],
)
def test_what_does_not_is_refused_with_its_name(config: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match="stream orders: ") as raised:
        check_catalog(catalog(**config))
    assert words in str(raised.value)


def test_the_sources_own_key_stays() -> None:
    with pytest.raises(InvalidInputError, match="already pre-defined"):
        check_given_key(STREAM, [["mail"]])
