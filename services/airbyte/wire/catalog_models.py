"""A connection's syncCatalog, schedule and state, as they come in.

Only the fields' types are looked at here, so that nothing is stored that can't be read again; what
is asked of a stream is compared with what it offers in `handlers.catalogs`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.airbyte.wire.bodies import Json, Stated


class SelectedField(Stated):
    """A field that is read, by its path."""

    field_path: list[str]


class CatalogStream(Stated):
    """AirbyteStream."""

    name: str
    namespace: str | None = None
    json_schema: Json | None = None
    supported_sync_modes: list[str] | None = None
    source_defined_cursor: bool | None = None
    default_cursor_field: list[str] | None = None
    source_defined_primary_key: list[list[str]] | None = None


class CatalogConfig(Stated):
    """AirbyteStreamConfiguration."""

    sync_mode: str | None = None
    destination_sync_mode: str | None = None
    cursor_field: list[str] | None = None
    primary_key: list[list[str]] | None = None
    alias_name: str | None = None
    selected: bool | None = None
    field_selection_enabled: bool | None = None
    selected_fields: list[SelectedField] | None = None
    hashed_fields: list[SelectedField] | None = None
    mappers: list[Json] | None = None


class CatalogEntry(Stated):
    """AirbyteStreamAndConfiguration."""

    stream: CatalogStream
    config: CatalogConfig | None = None


class SyncCatalog(Stated):
    """AirbyteCatalog."""

    streams: list[CatalogEntry]


class BasicSchedule(Stated):
    """ConnectionSchedule, and scheduleData's basicSchedule."""

    time_unit: str
    units: int = Field(le=10_000)


class Cron(Stated):
    """scheduleData's cron."""

    cron_expression: str
    cron_time_zone: str | None = None


class ScheduleData(Stated):
    """ConnectionScheduleData."""

    basic_schedule: BasicSchedule | None = None
    cron: Cron | None = None


class StateDescriptor(Stated):
    """StreamDescriptor."""

    name: str
    namespace: str | None = None


class StreamState(Stated):
    """StreamState."""

    stream_descriptor: StateDescriptor
    stream_state: Json | None = None


class GlobalState(Stated):
    """GlobalState; `shared_state` is spelt so in Airbyte's document, too."""

    shared_state: Json | None = Field(default=None, alias="shared_state")
    stream_states: list[StreamState]


class ConnectionState(Stated):
    """ConnectionState."""

    state_type: Literal["global", "stream", "legacy", "not_set"]
    state: Json | None = None
    stream_state: list[StreamState] | None = None
    global_state: GlobalState | None = None
