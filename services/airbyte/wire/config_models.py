"""Request bodies of the Config API."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Json = dict[str, Any]
NamespaceDefinition = Literal["source", "destination", "customformat"]
ScheduleType = Literal["manual", "basic", "cron"]
Status = Literal["active", "inactive", "deprecated", "locked"]


class Body(BaseModel):
    """A body in camel case; fields that the server does not know are left out."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class Nothing(Body):
    """No body, or one that does not matter."""


class WorkspaceId(Body):
    """Names a workspace."""

    workspace_id: UUID


class WorkspaceIdOptional(Body):
    """May name a workspace."""

    workspace_id: UUID | None = None


class SlugBody(Body):
    """Names a workspace by its slug."""

    slug: str


class SourceDefinitionId(Body):
    """Names a source definition."""

    source_definition_id: UUID


class DestinationDefinitionId(Body):
    """Names a destination definition."""

    destination_definition_id: UUID


class SourceId(Body):
    """Names a source."""

    source_id: UUID


class DestinationId(Body):
    """Names a destination."""

    destination_id: UUID


class SourceCreate(Body):
    """A new source."""

    source_definition_id: UUID
    connection_configuration: Json
    workspace_id: UUID
    name: str


class SourceUpdate(Body):
    """A source's new name and configuration."""

    source_id: UUID
    connection_configuration: Json
    name: str


class SourcePartialUpdate(Body):
    """What to change of a source."""

    source_id: UUID
    connection_configuration: Json | None = None
    name: str | None = None


class DestinationCreate(Body):
    """A new destination."""

    destination_definition_id: UUID
    connection_configuration: Json
    workspace_id: UUID
    name: str


class DestinationUpdate(Body):
    """A destination's new name and configuration."""

    destination_id: UUID
    connection_configuration: Json
    name: str


class DestinationPartialUpdate(Body):
    """What to change of a destination."""

    destination_id: UUID
    connection_configuration: Json | None = None
    name: str | None = None


class ConnectionId(Body):
    """Names a connection."""

    connection_id: UUID


class ConnectionFields(Body):
    """What can be set of a connection, on creation and on update."""

    name: str | None = None
    namespace_definition: NamespaceDefinition | None = None
    namespace_format: str | None = None
    prefix: str | None = None
    sync_catalog: Json | None = None
    schedule: Json | None = None
    schedule_type: ScheduleType | None = None
    schedule_data: Json | None = None
    status: Status | None = None
    operation_ids: list[UUID] | None = None
    source_catalog_id: UUID | None = None
    resource_requirements: Json | None = None
    notify_schema_changes: bool | None = None
    notify_schema_changes_by_email: bool | None = None
    non_breaking_changes_preference: (
        Literal["ignore", "disable", "propagate_columns", "propagate_fully"] | None
    ) = None
    backfill_preference: Literal["enabled", "disabled"] | None = None
    tags: list[Json] | None = None


class ConnectionCreate(ConnectionFields):
    """A new connection."""

    source_id: UUID
    destination_id: UUID
    status: Status


class ConnectionUpdate(ConnectionFields):
    """What to change of a connection."""

    connection_id: UUID


class JobId(Body):
    """Names a job."""

    id: int


class Pagination(Body):
    """Which part of a long list."""

    page_size: int | None = Field(default=None, ge=0)
    row_offset: int | None = Field(default=None, ge=0)


class JobList(Body):
    """Which jobs to list."""

    config_types: list[str]
    config_id: str | None = None
    including_job_id: int | None = None
    statuses: list[str] | None = None
    pagination: Pagination | None = None
    order_by_field: Literal["createdAt", "updatedAt"] = "createdAt"
    order_by_method: Literal["ASC", "DESC"] = "DESC"


class StateUpdate(Body):
    """A connection's new state."""

    connection_id: UUID
    connection_state: Json


class AttemptBody(Body):
    """Names an attempt."""

    job_id: int
    attempt_number: int
