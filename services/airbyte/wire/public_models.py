"""Request bodies of the public API."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from services.airbyte.wire.bodies import Body, Json

Mode = Literal[
    "full_refresh_overwrite",
    "full_refresh_overwrite_deduped",
    "full_refresh_append",
    "incremental_append",
    "incremental_deduped_history",
]


class ActorCreate(Body):
    """A new source or destination; the type may stand in the configuration instead."""

    name: str
    workspace_id: UUID
    configuration: Json
    definition_id: UUID | None = None


class ActorPut(Body):
    """A source's or destination's new name and configuration."""

    name: str
    configuration: Json


class ActorPatch(Body):
    """What to change of a source or destination."""

    name: str | None = None
    configuration: Json | None = None


class FieldPath(Body):
    """A selected field."""

    field_path: list[str]


class StreamConfiguration(Body):
    """How a stream is synced."""

    name: str
    namespace: str | None = None
    sync_mode: Mode = "full_refresh_overwrite"
    cursor_field: list[str] | None = None
    primary_key: list[list[str]] | None = None
    selected_fields: list[FieldPath] | None = None
    mappers: list[Json] | None = None


class StreamConfigurations(Body):
    """Which streams are synced; none given: all of them."""

    streams: list[StreamConfiguration] | None = None


class Schedule(Body):
    """When a connection runs; the expression may end with a time zone."""

    schedule_type: Literal["manual", "cron"]
    cron_expression: str | None = None


class ConnectionPatch(Body):
    """What to set of a connection."""

    name: str | None = None
    configurations: StreamConfigurations | None = None
    schedule: Schedule | None = None
    namespace_definition: Literal["source", "destination", "custom_format"] | None = None
    namespace_format: str | None = None
    prefix: str | None = None
    non_breaking_schema_updates_behavior: (
        Literal["ignore", "disable_connection", "propagate_columns", "propagate_fully"] | None
    ) = None
    status: Literal["active", "inactive", "deprecated", "locked"] | None = None
    tags: list[Json] | None = None
    # Lakelet's own: see services/airbyte/jobs/continuous.py.
    continuous: bool | Json | None = None


class ConnectionCreate(ConnectionPatch):
    """A new connection."""

    source_id: UUID
    destination_id: UUID


class JobCreate(Body):
    """What to start."""

    connection_id: UUID
    job_type: Literal["sync", "reset", "refresh", "clear"]


class WorkspacePatch(Body):
    """A workspace's new name."""

    name: str | None = None


class TagPatch(Body):
    """A tag's new name and colour."""

    name: str
    color: str
