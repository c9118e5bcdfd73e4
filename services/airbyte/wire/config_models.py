"""Request bodies of the Config API."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.airbyte.wire.bodies import Body, Json
from services.airbyte.wire.catalog_models import (
    BasicSchedule,
    ConnectionState,
    ScheduleData,
    SyncCatalog,
)

MAX_INT = 2**31 - 1
NamespaceDefinition = Literal["source", "destination", "customformat"]
ScheduleType = Literal["manual", "basic", "cron"]
Status = Literal["active", "inactive", "deprecated", "locked"]
JobStatus = Literal[
    "pending", "queued", "running", "incomplete", "failed", "succeeded", "cancelled"
]
JobConfigType = Literal[
    "check_connection_source",
    "check_connection_destination",
    "discover_schema",
    "get_spec",
    "sync",
    "reset_connection",
    "refresh",
    "clear",
]


class Nothing(Body):
    """No body, or one that does not matter."""


class WorkspaceId(Body):
    """Names a workspace."""

    workspace_id: UUID


class WorkspaceIdOptional(Body):
    """May name a workspace."""

    workspace_id: UUID | None = None


class WorkspaceConnections(WorkspaceIdOptional):
    """May name a workspace; `include_tombstone`: what was deleted, too."""

    include_tombstone: bool = False


class Pagination(Body):
    """Which part of a long list."""

    page_size: int | None = Field(default=None, ge=0, le=MAX_INT)
    row_offset: int | None = Field(default=None, ge=0, le=MAX_INT)

    def part(self, items: list[Any], size: int = 20) -> list[Any]:
        """Return the page of `items`; `size` is how much a page holds unless told."""
        first = self.row_offset or 0
        return items[first : first + (self.page_size or size)]


class ResourcePage(Body):
    """Part of what workspaces have; of all when none are named."""

    workspace_ids: list[UUID] | None = None
    include_deleted: bool = False
    pagination: Pagination | None = None
    name_contains: str | None = None

    def part(self, items: list[Any]) -> list[Any]:
        """Return the page of those `items` whose name fits."""
        wanted = (self.name_contains or "").lower()
        found = [item for item in items if wanted in item.name.lower()]
        return (self.pagination or Pagination()).part(found)


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


class SourceDiscover(SourceId):
    """Names a source, and a connection whose catalog to compare with."""

    connection_id: UUID | None = None


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


class MappersDraft(ConnectionId):
    """Mappers to be tried on a stream."""

    stream_descriptor: Json
    mappers: list[Json]


class ConnectionFields(Body):
    """What can be set of a connection, on creation and on update."""

    name: str | None = None
    namespace_definition: NamespaceDefinition | None = None
    namespace_format: str | None = None
    prefix: str | None = None
    sync_catalog: SyncCatalog | None = None
    schedule: BasicSchedule | None = None
    schedule_type: ScheduleType | None = None
    schedule_data: ScheduleData | None = None
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
    # Lakelet's own: how many records one attempt may refuse, how long one may take.
    max_refused_records: int | None = Field(default=None, ge=0)
    sync_timeout_seconds: float | None = Field(default=None, gt=0)
    # Not of Airbyte: see services/airbyte/jobs/continuous.py.
    continuous: bool | Json | None = None


class ConnectionCreate(ConnectionFields):
    """A new connection."""

    source_id: UUID
    destination_id: UUID
    status: Status


class ConnectionUpdate(ConnectionFields):
    """What to change of a connection."""

    connection_id: UUID


class WebConnectionUpdate(ConnectionUpdate):
    """What to change of a connection; `skip_reset`: what was read so far stays as it is."""

    skip_reset: bool | None = None


class JobId(Body):
    """Names a job."""

    id: int


class JobList(Body):
    """Which jobs to list."""

    config_types: list[JobConfigType] = Field(min_length=1)
    config_id: str | None = None
    including_job_id: int | None = None
    statuses: list[JobStatus] | None = None
    created_at_start: AwareDatetime | None = None
    created_at_end: AwareDatetime | None = None
    updated_at_start: AwareDatetime | None = None
    updated_at_end: AwareDatetime | None = None
    pagination: Pagination | None = None
    order_by_field: Literal["createdAt", "updatedAt"] = "createdAt"
    order_by_method: Literal["ASC", "DESC"] = "DESC"


class StateUpdate(Body):
    """A connection's new state."""

    connection_id: UUID
    connection_state: ConnectionState


class AttemptBody(Body):
    """Names an attempt."""

    job_id: int
    attempt_number: int


class ConnectionIds(Body):
    """Names connections."""

    connection_ids: list[UUID]


class History(Body):
    """How many of a connection's jobs."""

    connection_id: UUID
    number_of_jobs: int = Field(default=30, ge=1, le=1000)


class StreamHistory(Body):
    """Whose history, with days of which time zone."""

    connection_id: UUID
    timezone: str


class StreamStatuses(Body):
    """Which streams' statuses."""

    workspace_id: UUID | None = None
    connection_id: UUID | None = None
    job_id: int | None = None
    attempt_number: int | None = None
    job_type: Literal["SYNC", "RESET"] | None = None
    stream_name: str | None = None
    stream_namespace: str | None = None
    pagination: Pagination | None = None


class WebConnection(Body):
    """Names a connection, and whether to look at its source now."""

    connection_id: UUID
    with_refreshed_catalog: bool = False


class CronExpression(Body):
    """A Quartz expression."""

    cron_expression: str


class WorkspaceCreate(Body):
    """A new workspace."""

    name: str


class WorkspaceCreateWithId(WorkspaceCreate):
    """A workspace that is to be there, under an id that the caller chose."""

    id: UUID


class WorkspaceUpdate(Body):
    """A workspace's new name."""

    workspace_id: UUID
    name: str | None = None


class ActorExecute(Body):
    """A configuration to try without storing it; secrets may be those of a stored one."""

    source_id: UUID | None = None
    destination_id: UUID | None = None
    source_definition_id: UUID | None = None
    destination_definition_id: UUID | None = None
    connection_configuration: Json


class ActorSearch(Body):
    """What a source or destination has to have."""

    source_definition_id: UUID | None = None
    destination_definition_id: UUID | None = None
    source_id: UUID | None = None
    destination_id: UUID | None = None
    workspace_id: UUID | None = None
    name: str | None = None
    source_name: str | None = None
    destination_name: str | None = None
    connection_configuration: Json | None = None


class ConnectionSearch(Body):
    """What a connection has to have."""

    connection_id: UUID | None = None
    name: str | None = None
    namespace_definition: str | None = None
    namespace_format: str | None = None
    prefix: str | None = None
    source_id: UUID | None = None
    destination_id: UUID | None = None
    schedule_type: str | None = None
    status: str | None = None


class ConnectionPage(Body):
    """Part of the connections of workspaces."""

    workspace_ids: list[UUID]
    pagination: Pagination | None = None
    include_deleted: bool = False
    tag_ids: list[UUID] | None = None


class ActorDefinition(Body):
    """Names a source or destination definition."""

    actor_definition_id: UUID
    actor_type: Literal["source", "destination"]


class ConnectionOfJob(Body):
    """Names a connection by one of its jobs."""

    connection_id: UUID
    job_id: int


class StreamDescriptor(Body):
    """Names a stream."""

    stream_name: str
    stream_namespace: str | None = None


class ConnectionStreams(Body):
    """Names streams of a connection."""

    connection_id: UUID
    streams: list[StreamDescriptor] = Field(min_length=1)


class ConnectionRefresh(Body):
    """Names streams to read from the start: Merge keeps what is there, Truncate does not.

    No streams: all of them.
    """

    connection_id: UUID
    streams: list[StreamDescriptor] | None = None
    refresh_mode: Literal["Merge", "Truncate"]


class UpdateWithReason(Body):
    """What to change of a connection, and why."""

    connection_update: ConnectionUpdate
    update_reason: str | None = None


class SchemaChanges(Body):
    """A discovered catalog to take over."""

    catalog: Json
    source_id: UUID | None = None
    connection_id: UUID | None = None


class JobsOfWorkspaces(JobList):
    """Which jobs of which workspaces."""

    workspace_ids: list[UUID] | None = None


class TagCreate(Body):
    """A new tag."""

    workspace_id: UUID
    name: str
    color: str


class TagUpdate(Body):
    """A tag's new name and colour."""

    tag_id: UUID
    name: str
    color: str


class TagId(Body):
    """Names a tag."""

    tag_id: UUID


class Replay(Body):
    """Refused records of a stream that are to be read once more, or `corrected` in their place."""

    connection_id: UUID
    stream_name: str
    stream_namespace: str | None = None
    address: str = Field(pattern=r"^s3://dlq/airbyte/.+\.jsonl$")
    corrected: str | None = Field(default=None, pattern=r"^s3://dlq/corrected/.+\.jsonl$")
