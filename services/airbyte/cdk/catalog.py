"""Streams: as a source offers them, and as a connection has chosen them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from services.airbyte.cdk.columns import Column
from services.airbyte.cdk.failures import config_error
from services.airbyte.mapping.mappers import Mapper, MapperError, RowFilter, parse_all

Json = dict[str, Any]


@dataclass(frozen=True)
class Stream:
    """What a source offers: a table, a file, an endpoint."""

    name: str
    columns: tuple[Column, ...]
    namespace: str | None = None
    primary_key: tuple[str, ...] = ()
    incremental: bool = False
    source_defined_cursor: bool = False
    default_cursor: tuple[str, ...] = ()

    def as_json(self) -> Json:
        """Return the stream as AirbyteStream of the Config API."""
        stream: Json = {
            "name": self.name,
            "jsonSchema": {
                "type": "object",
                "properties": {column.name: column.json_schema for column in self.columns},
            },
            "supportedSyncModes": ["full_refresh", *(["incremental"] if self.incremental else [])],
            "sourceDefinedCursor": self.source_defined_cursor,
            "defaultCursorField": list(self.default_cursor),
            "sourceDefinedPrimaryKey": [[name] for name in self.primary_key],
            "isResumable": False,
        }
        if self.namespace is not None:
            stream["namespace"] = self.namespace
        return stream


@dataclass(frozen=True)
class ConfiguredStream:
    """A stream as a connection wants it."""

    name: str
    namespace: str | None
    sync_mode: str
    destination_sync_mode: str
    cursor_field: str | None
    primary_key: tuple[str, ...]
    source_primary_key: tuple[str, ...]
    known_columns: tuple[str, ...] | None
    selected_columns: tuple[str, ...] | None
    cursor_path: tuple[str, ...] = ()
    offered: Json = field(default_factory=dict, compare=False, repr=False)
    mappers: tuple[Mapper, ...] = ()

    @property
    def schema(self) -> Json:
        """The stream's JSON schema, as the connection's catalog has it."""
        found: Json = self.offered.get("jsonSchema") or {}
        return found

    @property
    def incremental(self) -> bool:
        """Whether only what is new is read."""
        return self.sync_mode == "incremental"

    @property
    def dedup(self) -> bool:
        """Whether the table keeps one row per primary key."""
        return self.destination_sync_mode in ("append_dedup", "overwrite_dedup")

    @property
    def overwrite(self) -> bool:
        """Whether a sync replaces what the table held."""
        return self.destination_sync_mode in ("overwrite", "overwrite_dedup")

    @property
    def filters_rows(self) -> bool:
        """Whether its mappers leave rows out."""
        return any(isinstance(mapper, RowFilter) for mapper in self.mappers)

    @property
    def key(self) -> str:
        """The stream's identity within its connection, as the database keeps it."""
        return f"{self.namespace or ''}\x1f{self.name}"

    @property
    def descriptor(self) -> Json:
        """The stream as Airbyte's StreamDescriptor."""
        descriptor: Json = {"name": self.name}
        if self.namespace is not None:
            descriptor["namespace"] = self.namespace
        return descriptor


def default_config(stream: Json) -> Json:
    """Return the configuration Airbyte proposes for a discovered stream."""
    return {
        "syncMode": "full_refresh",
        "cursorField": stream.get("defaultCursorField") or [],
        "destinationSyncMode": "overwrite",
        "primaryKey": stream.get("sourceDefinedPrimaryKey") or [],
        "aliasName": stream["name"],
        "selected": True,
        "suggested": True,
        "fieldSelectionEnabled": False,
        "selectedFields": [],
        "hashedFields": [],
        "mappers": [],
    }


def _top_level(path: Any, what: str, stream: str) -> str:
    parts = path if isinstance(path, list) else [path]
    if len(parts) != 1:
        raise config_error(
            f"stream {stream!r}: the {what} {'.'.join(map(str, parts))!r} is nested; "
            "choose a column at the top level"
        )
    return str(parts[0])


def _cursor(path: list[Any], offered: Json, stream: str) -> str | None:
    """Return the cursor's column; None when the source itself takes it from inside a value."""
    if not path or (len(path) > 1 and offered.get("sourceDefinedCursor")):
        return None
    return _top_level(path, "cursor", stream)


def configured_streams(catalog: Json, *, propagate: bool = False) -> list[ConfiguredStream]:
    """Return the selected streams of a connection's syncCatalog.

    With `propagate` columns that are new in the source are read too (`known_columns` is None).

    Raises ConnectorError (config_error) when a stream's modes, cursor or key do not fit together.
    """
    chosen = []
    for entry in catalog.get("streams", []):
        stream, config = entry["stream"], entry.get("config") or {}
        if not config.get("selected", True):
            continue
        name = stream["name"]
        cursor = config.get("cursorField") or stream.get("defaultCursorField") or []
        key = config.get("primaryKey") or stream.get("sourceDefinedPrimaryKey") or []
        known = tuple((stream.get("jsonSchema") or {}).get("properties") or {})
        selected = None
        if config.get("fieldSelectionEnabled"):
            selected = tuple(
                _top_level(field.get("fieldPath"), "selected field", name)
                for field in config.get("selectedFields") or []
            )
        result = ConfiguredStream(
            name=name,
            namespace=stream.get("namespace"),
            sync_mode=config.get("syncMode") or "full_refresh",
            destination_sync_mode=config.get("destinationSyncMode") or "append",
            cursor_field=_cursor(cursor, stream, name),
            primary_key=tuple(_top_level(path, "primary key", name) for path in key),
            source_primary_key=tuple(
                _top_level(path, "primary key", name)
                for path in stream.get("sourceDefinedPrimaryKey") or []
            ),
            known_columns=None if propagate else known or None,
            selected_columns=selected,
            cursor_path=tuple(map(str, cursor)),
            offered=stream,
            mappers=_mappers(config, name),
        )
        _check(result, stream)
        chosen.append(result)
    return chosen


def _mappers(config: Json, stream: str) -> tuple[Mapper, ...]:
    try:
        return parse_all(config.get("mappers") or [])
    except MapperError as error:
        raise config_error(f"stream {stream!r}: {error}") from error


def _check(stream: ConfiguredStream, offered: Json) -> None:
    if stream.dedup and not stream.primary_key:
        raise config_error(
            f"stream {stream.name!r}: {stream.destination_sync_mode} needs a primary key and the"
            " source defines none; set primaryKey in the connection"
        )
    if stream.incremental and not stream.cursor_field and not offered.get("sourceDefinedCursor"):
        raise config_error(
            f"stream {stream.name!r}: incremental needs a cursor field; set cursorField"
            " in the connection"
        )
    if stream.incremental and stream.overwrite:
        raise config_error(
            f"stream {stream.name!r}: incremental | {stream.destination_sync_mode} is not a sync"
            " mode; choose append or append_dedup, or full_refresh"
        )
