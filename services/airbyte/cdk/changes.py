"""What has changed in a source since a connection's streams were chosen, and taking it over.

Facts: airbytehq/airbyte-platform, `config.yaml`, CatalogDiff and SchemaChange. Only a change
that takes away a selected stream's cursor or primary key is breaking, as it is for Airbyte.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
StreamName = tuple[str, str]


@dataclass(frozen=True)
class Change:
    """One difference: `kind` is Airbyte's transformType, `field` the column if it is about one."""

    kind: str
    stream: StreamName
    field: str | None = None
    old: Json | None = None
    new: Json | None = None
    breaking: bool = False

    @property
    def words(self) -> str:
        """The change for a log or a message."""
        name = ".".join(part for part in self.stream if part)
        match self.kind:
            case "add_stream":
                return f"stream {name} is new"
            case "remove_stream":
                return f"stream {name} is gone"
            case "add_field":
                return f"{name}: column {self.field} is new"
            case "remove_field":
                what = " (its cursor or primary key)" if self.breaking else ""
                return f"{name}: column {self.field}{what} is gone"
        return f"{name}: column {self.field} is {_type(self.new)} now, was {_type(self.old)}"


def _type(schema: Json | None) -> str:
    schema = schema or {}
    return str(schema.get("airbyte_type") or schema.get("format") or schema.get("type") or "any")


def name_of(entry: Json) -> StreamName:
    """Return (namespace, name) of a catalog's entry; '' for no namespace."""
    stream = entry["stream"]
    return stream.get("namespace") or "", stream["name"]


def _selected(entry: Json) -> bool:
    return bool((entry.get("config") or {}).get("selected", True))


def _fields(entry: Json) -> Json:
    return dict((entry["stream"].get("jsonSchema") or {}).get("properties") or {})


def _needed(entry: Json) -> set[str]:
    """The columns without which a stream cannot be synced as it was chosen."""
    config, stream = entry.get("config") or {}, entry["stream"]
    needed: set[str] = set()
    if config.get("syncMode") == "incremental" and not stream.get("sourceDefinedCursor"):
        needed.update(config.get("cursorField") or stream.get("defaultCursorField") or [])
    if "dedup" in str(config.get("destinationSyncMode")):
        paths = config.get("primaryKey") or stream.get("sourceDefinedPrimaryKey") or []
        needed.update(path[0] if isinstance(path, list) else path for path in paths)
    return needed


def differences(chosen: Json, offered: Json, *, streams: bool = True) -> list[Change]:
    """Compare a connection's catalog with what its source offers now.

    Streams that are not selected do not count; `streams` says whether new streams do.
    """
    known = {name_of(entry): entry for entry in chosen.get("streams", [])}
    there = {name_of(entry): entry for entry in offered.get("streams", [])}
    found: list[Change] = []
    for name, entry in known.items():
        if not _selected(entry):
            continue
        if name not in there:
            found.append(Change("remove_stream", name))
            continue
        old, new, needed = _fields(entry), _fields(there[name]), _needed(entry)
        if not old:  # chosen without a schema: whatever is there is read
            continue
        for field in old:
            if field not in new:
                found.append(
                    Change("remove_field", name, field, old[field], breaking=field in needed)
                )
            elif old[field] != new[field]:
                found.append(Change("update_field_schema", name, field, old[field], new[field]))
        found += [
            Change("add_field", name, field, new=new[field]) for field in new if field not in old
        ]
    if streams:
        found += [Change("add_stream", name) for name in there if name not in known]
    return found


def set_otherwise(before: Json, after: Json) -> set[StreamName]:
    """Return the streams of `after` that are not read as they were in `before`.

    As Airbyte's getConfigurationDiff and getDiff: other modes, cursor, primary key or columns
    (selected ones, mapped ones); streams that were not selected before are among them.
    """

    def settings(entry: Json) -> Any:
        config, stream = entry.get("config") or {}, entry["stream"]
        fields = _fields(entry)
        if config.get("fieldSelectionEnabled"):
            chosen = {(one.get("fieldPath") or [""])[0] for one in config["selectedFields"] or ()}
            fields = {name: value for name, value in fields.items() if name in chosen}
        return (
            config.get("syncMode"),
            config.get("destinationSyncMode"),
            config.get("cursorField") or stream.get("defaultCursorField") or [],
            sorted(config.get("primaryKey") or stream.get("sourceDefinedPrimaryKey") or []),
            [{k: v for k, v in one.items() if k != "id"} for one in config.get("mappers") or []],
            fields,
        )

    old = {name_of(entry): settings(entry) for entry in before["streams"] if _selected(entry)}
    return {
        name_of(entry)
        for entry in after["streams"]
        if _selected(entry) and old.get(name_of(entry)) != settings(entry)
    }


def severity(changes: Iterable[Change]) -> str:
    """Return Airbyte's SchemaChange: no_change, non_breaking or breaking."""
    listed = list(changes)
    if any(change.breaking for change in listed):
        return "breaking"
    return "non_breaking" if listed else "no_change"


def as_transforms(changes: Iterable[Change]) -> list[Json]:
    """Return the changes as Airbyte's StreamTransforms."""
    by_stream: dict[tuple[StreamName, str], Json] = {}
    for change in changes:
        kind = change.kind if change.kind.endswith("_stream") else "update_stream"
        descriptor: Json = {"name": change.stream[1]}
        if change.stream[0]:
            descriptor["namespace"] = change.stream[0]
        entry = by_stream.setdefault(
            (change.stream, kind), {"transformType": kind, "streamDescriptor": descriptor}
        )
        if kind != "update_stream":
            continue
        update = entry.setdefault(
            "updateStream", {"streamAttributeTransforms": [], "fieldTransforms": []}
        )
        update["fieldTransforms"].append(_field_transform(change))
    return list(by_stream.values())


def _field_transform(change: Change) -> Json:
    answer: Json = {
        "transformType": change.kind,
        "fieldName": [change.field],
        "breaking": change.breaking,
    }
    if change.kind == "add_field":
        answer["addField"] = {"schema": change.new}
    elif change.kind == "remove_field":
        answer["removeField"] = {"schema": change.old}
    else:
        answer["updateFieldSchema"] = {"oldSchema": change.old, "newSchema": change.new}
    return answer


def take_over(chosen: Json, offered: Json, *, fully: bool) -> Json:
    """Return the connection's catalog with the source's present columns.

    `fully`: new streams are selected as the source proposes them, gone ones are dropped too.
    Modes, keys and the selection of columns stay as they were chosen.
    """
    there = {name_of(entry): entry for entry in offered.get("streams", [])}
    entries: list[Json] = []
    known: set[StreamName] = set()
    for entry in chosen.get("streams", []):
        name = name_of(entry)
        known.add(name)
        if name not in there:
            if not fully:
                entries.append(entry)
            continue
        entries.append({**entry, "stream": there[name]["stream"]} if _fields(entry) else entry)
    if fully:
        entries += [entry for name, entry in there.items() if name not in known]
    return {**chosen, "streams": entries}
