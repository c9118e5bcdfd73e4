"""Records as the public API shows them. Times are ISO 8601, durations too."""

from __future__ import annotations

import datetime
from typing import Any
from uuid import UUID

from services.airbyte.definitions.registry import Definition
from services.airbyte.handlers.context import Context
from services.airbyte.state.records import Actor, Connection, Job, Json, Workspace
from services.airbyte.state.secrets import mask
from services.airbyte.wire.render import job_streams, without_none

# Public sync mode ↔ the Config API's two modes.
MODES = {
    "full_refresh_overwrite": ("full_refresh", "overwrite"),
    "full_refresh_overwrite_deduped": ("full_refresh", "overwrite_dedup"),
    "full_refresh_append": ("full_refresh", "append"),
    "incremental_append": ("incremental", "append"),
    "incremental_deduped_history": ("incremental", "append_dedup"),
}
_NAMES = {modes: name for name, modes in MODES.items()}
_NAMES[("full_refresh", "append_dedup")] = "full_refresh_overwrite_deduped"

NAMESPACES = {"source": "source", "destination": "destination", "custom_format": "customformat"}
CHANGES = {
    "ignore": "ignore",
    "disable_connection": "disable",
    "propagate_columns": "propagate_columns",
    "propagate_fully": "propagate_fully",
}
JOB_TYPES = {"reset_connection": "reset"}


def moment(when: datetime.datetime) -> str:
    """Return a time as the public API gives it."""
    return when.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(span: datetime.timedelta) -> str:
    """Return an ISO 8601 duration: PT1H2M3S."""
    total = int(span.total_seconds())
    hours, minutes, seconds = total // 3600, total % 3600 // 60, total % 60
    text = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes)
    return "PT" + (text + f"{seconds}S" * bool(seconds) or "0S")


def workspace(record: Workspace) -> Json:
    """WorkspaceResponse."""
    return {
        "workspaceId": str(record.id),
        "name": record.name,
        "dataResidency": "auto",
        "notifications": {},
    }


def definition(record: Definition) -> Json:
    """DefinitionResponse."""
    return {
        "id": str(record.id),
        "name": record.name,
        "dockerRepository": record.docker_repository,
        "dockerImageTag": record.docker_image_tag,
        "documentationUrl": record.documentation_url,
    }


def actor(ctx: Context, record: Actor) -> Json:
    """SourceResponse or DestinationResponse."""
    kind = ctx.registry.get(record.kind, record.definition_id)
    return {
        f"{record.kind}Id": str(record.id),
        "name": record.name,
        f"{record.kind}Type": kind.type_name,
        "definitionId": str(record.definition_id),
        "workspaceId": str(record.workspace_id),
        "configuration": mask(record.configuration),
        "createdAt": int(record.created_at.timestamp()),
    }


def connection(record: Connection, workspace_id: UUID) -> Json:
    """ConnectionResponse."""
    spaces = {theirs: ours for ours, theirs in NAMESPACES.items()}
    changes = {theirs: ours for ours, theirs in CHANGES.items()}
    return without_none(
        {
            "connectionId": str(record.id),
            "name": record.name,
            "sourceId": str(record.source_id),
            "destinationId": str(record.destination_id),
            "workspaceId": str(workspace_id),
            "status": record.status,
            "schedule": _schedule(record),
            "dataResidency": "auto",
            "configurations": {"streams": _streams(record.catalog)},
            "createdAt": int(record.created_at.timestamp()),
            "tags": record.options.get("tags", []),
            "namespaceDefinition": spaces[record.namespace_definition],
            "namespaceFormat": record.namespace_format,
            "prefix": record.prefix,
            "continuous": record.options.get("continuous") or None,
            "nonBreakingSchemaUpdatesBehavior": changes.get(
                record.options.get("nonBreakingChangesPreference", "ignore"), "ignore"
            ),
        }
    )


def _schedule(record: Connection) -> Json:
    data = record.schedule_data or {}
    answer: Json = {"scheduleType": record.schedule_type}
    if record.schedule_type == "cron":
        cron = data.get("cron") or {}
        answer["cronExpression"] = f"{cron.get('cronExpression')} {cron.get('cronTimeZone', 'UTC')}"
    if record.schedule_type == "basic":
        basic = data.get("basicSchedule") or {}
        answer["basicTiming"] = f"Every {basic.get('units')} {str(basic.get('timeUnit')).upper()}"
    return answer


def _streams(catalog: Json) -> list[Json]:
    found = []
    for entry in catalog.get("streams", []):
        stream, config = entry["stream"], entry.get("config") or {}
        if not config.get("selected", True):
            continue
        mode = (str(config.get("syncMode")), str(config.get("destinationSyncMode")))
        found.append(
            without_none(
                {
                    "name": stream["name"],
                    "namespace": stream.get("namespace"),
                    "syncMode": _NAMES.get(mode, "full_refresh_overwrite"),
                    "cursorField": config.get("cursorField") or [],
                    "primaryKey": config.get("primaryKey") or [],
                    "selectedFields": config.get("selectedFields") or [],
                    "mappers": config.get("mappers") or [],
                }
            )
        )
    return found


def stream_properties(entry: Json) -> Json:
    """StreamProperties."""
    stream = entry["stream"]
    modes = ["full_refresh_overwrite", "full_refresh_append"]
    if "incremental" in stream.get("supportedSyncModes", []):
        modes.append("incremental_append")
        modes.append("incremental_deduped_history")
    return without_none(
        {
            "streamName": stream["name"],
            "streamnamespace": stream.get("namespace"),
            "syncModes": modes,
            "defaultCursorField": stream.get("defaultCursorField") or [],
            "sourceDefinedCursorField": bool(stream.get("sourceDefinedCursor")),
            "sourceDefinedPrimaryKey": stream.get("sourceDefinedPrimaryKey") or [],
            "propertyFields": [[n] for n in (stream.get("jsonSchema") or {}).get("properties", {})],
        }
    )


def job(record: Job) -> Json:
    """JobResponse."""
    streams: list[Any] = list(job_streams(record).values())
    ended = record.attempts[-1].ended_at if record.attempts else None
    until = ended or record.updated_at
    return {
        "jobId": record.id,
        "status": record.status,
        "jobType": JOB_TYPES.get(record.config_type, record.config_type),
        "startTime": moment(record.started_at or record.created_at),
        "connectionId": str(record.connection_id),
        "lastUpdatedAt": moment(record.updated_at),
        "duration": duration(until - (record.started_at or record.created_at)),
        "bytesSynced": sum(int(s.get("bytesCommitted", 0)) for s in streams),
        "rowsSynced": sum(int(s.get("recordsCommitted", 0)) for s in streams),
    }
