"""Telling what changed in a source, and taking it over into a connection's catalog."""

from __future__ import annotations

from typing import Any

from services.airbyte.cdk.changes import as_transforms, differences, severity, take_over

Json = dict[str, Any]
INTEGER = {"type": "number", "airbyte_type": "integer"}
TEXT = {"type": "string"}


def catalog(**streams: Json) -> Json:
    entries = []
    for name, (fields, config) in streams.items():
        stream = {"name": name, "jsonSchema": {"type": "object", "properties": fields}}
        entries.append({"stream": stream, "config": {"selected": True, **config}})
    return {"streams": entries}


DEDUP = {
    "syncMode": "incremental",
    "cursorField": ["at"],
    "destinationSyncMode": "append_dedup",
    "primaryKey": [["id"]],
}
CHOSEN = catalog(orders=({"id": INTEGER, "at": TEXT, "note": TEXT}, DEDUP))


def kinds(offered: Json) -> set[tuple[str, str | None, bool]]:
    return {(c.kind, c.field, c.breaking) for c in differences(CHOSEN, offered)}


def test_new_gone_and_other_columns_do_not_break() -> None:
    offered = catalog(orders=({"id": TEXT, "at": TEXT, "more": TEXT}, {}), others=({}, {}))
    assert kinds(offered) == {
        ("remove_field", "note", False),
        ("update_field_schema", "id", False),
        ("add_field", "more", False),
        ("add_stream", None, False),
    }
    assert severity(differences(CHOSEN, offered)) == "non_breaking"


def test_a_cursor_or_key_that_is_gone_breaks() -> None:
    for column in ("id", "at"):
        fields = {"id": INTEGER, "at": TEXT, "note": TEXT}
        del fields[column]
        changes = differences(CHOSEN, catalog(orders=(fields, {})))
        assert [(c.field, c.breaking) for c in changes] == [(column, True)]
        assert severity(changes) == "breaking"
        [transform] = as_transforms(changes)
        assert transform["updateStream"]["fieldTransforms"][0]["breaking"] is True


def test_a_deselected_stream_does_not_count() -> None:
    chosen = catalog(orders=({"id": INTEGER}, {**DEDUP, "selected": False}))
    assert differences(chosen, catalog(orders=({}, {}))) == []
    assert severity([]) == "no_change"


def test_columns_are_taken_over_and_modes_stay() -> None:
    offered = catalog(orders=({"id": INTEGER, "at": TEXT, "new": TEXT}, {}), others=({}, {}))
    columns = take_over(CHOSEN, offered, fully=False)
    [orders] = columns["streams"]
    assert set(orders["stream"]["jsonSchema"]["properties"]) == {"id", "at", "new"}
    assert orders["config"] == CHOSEN["streams"][0]["config"]
    assert differences(columns, offered, streams=False) == []


def test_fully_adds_new_streams_and_drops_gone_ones() -> None:
    offered = catalog(others=({"x": TEXT}, {"syncMode": "full_refresh"}))
    kept = take_over(CHOSEN, offered, fully=False)
    assert [entry["stream"]["name"] for entry in kept["streams"]] == ["orders"]
    whole = take_over(CHOSEN, offered, fully=True)
    assert [entry["stream"]["name"] for entry in whole["streams"]] == ["others"]
