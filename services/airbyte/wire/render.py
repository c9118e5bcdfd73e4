"""Records as the Config API shows them. Times are seconds since 1970."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

from services.airbyte.cdk.changes import Change, as_transforms
from services.airbyte.definitions.registry import Definition
from services.airbyte.handlers.context import Context
from services.airbyte.jobs import attempt_log
from services.airbyte.state.freshness import Freshness
from services.airbyte.state.lists import Use
from services.airbyte.state.records import Actor, Attempt, Connection, Job, Json, Workspace
from services.airbyte.state.secrets import mask

ORGANIZATION = UUID(int=0)
EMAIL = "admin@localhost.localdomain"


def seconds(when: datetime.datetime) -> int:
    """Return a time as the Config API gives it."""
    return int(when.timestamp())


def without_none(values: Json) -> Json:
    """Leave out what is not set, as Airbyte does."""
    return {name: value for name, value in values.items() if value is not None}


def workspace(record: Workspace) -> Json:
    """WorkspaceRead."""
    return {
        "workspaceId": str(record.id),
        "customerId": str(record.id),
        "email": EMAIL,
        "name": record.name,
        "slug": record.slug,
        "initialSetupComplete": True,
        "displaySetupWizard": False,
        "anonymousDataCollection": False,
        "news": False,
        "securityUpdates": False,
        "notifications": [],
        "notificationSettings": {},
        "organizationId": str(ORGANIZATION),
        "tombstone": False,
    }


def organization() -> Json:
    """OrganizationRead: there is one."""
    return {"organizationId": str(ORGANIZATION), "organizationName": "Lakelet", "email": EMAIL}


def version(record: Definition) -> Json:
    """ActorDefinitionVersionRead."""
    return {
        "dockerRepository": record.docker_repository,
        "dockerImageTag": record.docker_image_tag,
        "supportsRefreshes": True,
        "isVersionOverrideApplied": False,
        "supportLevel": record.support_level,
        "supportState": "supported",
        "supportsFileTransfer": False,
        "supportsDataActivation": False,
    }


def catalog_diff(changes: Iterable[Change]) -> Json:
    """CatalogDiff."""
    return {"transforms": as_transforms(changes)}


def checked(failure: Json | None, info: Json) -> Json:
    """CheckConnectionRead."""
    answer = {"status": "failed" if failure else "succeeded", "jobInfo": info}
    if failure:
        answer["message"] = failure["externalMessage"]
    return answer


def spec_job(record: Definition) -> Json:
    """SynchronousJobRead of a specification, which is at hand."""
    now = int(time.time())
    return {
        "id": str(uuid4()),
        "configType": "get_spec",
        "configId": str(record.id),
        "createdAt": now,
        "endedAt": now,
        "succeeded": True,
        "logType": "formatted",
        "logs": {"logLines": []},
    }


def definition(record: Definition) -> Json:
    """SourceDefinitionRead or DestinationDefinitionRead."""
    return {
        f"{record.kind}DefinitionId": str(record.id),
        "name": record.name,
        "dockerRepository": record.docker_repository,
        "dockerImageTag": record.docker_image_tag,
        "documentationUrl": record.documentation_url,
        "protocolVersion": "0.2.0",
        "custom": record.custom,
        "enterprise": False,
        "supportLevel": record.support_level,
        "releaseStage": record.release_stage,
    }


def specification(record: Definition, job: Json) -> Json:
    """SourceDefinitionSpecificationRead or DestinationDefinitionSpecificationRead."""
    answer = {
        f"{record.kind}DefinitionId": str(record.id),
        "documentationUrl": record.documentation_url,
        "connectionSpecification": record.spec["connectionSpecification"],
        "jobInfo": job,
    }
    if record.kind == "destination":
        answer["supportedDestinationSyncModes"] = record.spec.get(
            "supported_destination_sync_modes", ["append", "overwrite"]
        )
    return answer


def actor(ctx: Context, record: Actor) -> Json:
    """SourceRead or DestinationRead; secrets are masked."""
    known = ctx.registry.get(record.kind, record.definition_id)
    return {
        f"{record.kind}DefinitionId": str(record.definition_id),
        f"{record.kind}Id": str(record.id),
        "workspaceId": str(record.workspace_id),
        "connectionConfiguration": mask(record.configuration),
        "name": record.name,
        f"{record.kind}Name": known.name,
        "isVersionOverrideApplied": False,
        "isEntitled": True,
        "supportState": "supported",
        "status": "active",
        "createdAt": seconds(record.created_at),
    }


def use(record: Use) -> Json:
    """What a list's SourceRead or DestinationRead says besides."""
    return without_none(
        {
            "status": "active" if record.active else "inactive",
            "numConnections": record.connections,
            "lastSync": seconds(record.last_sync) if record.last_sync else None,
            "connectionJobStatuses": record.jobs,
        }
    )


def connection(record: Connection, workspace_id: UUID) -> Json:
    """ConnectionRead."""
    options = record.options
    return without_none(
        {
            "connectionId": str(record.id),
            "name": record.name,
            "namespaceDefinition": record.namespace_definition,
            "namespaceFormat": record.namespace_format,
            "prefix": record.prefix,
            "sourceId": str(record.source_id),
            "destinationId": str(record.destination_id),
            "operationIds": options.get("operationIds", []),
            "syncCatalog": record.catalog,
            "schedule": _old_schedule(record),
            "scheduleType": record.schedule_type,
            "scheduleData": record.schedule_data,
            "status": record.status,
            "resourceRequirements": options.get("resourceRequirements"),
            "sourceCatalogId": options.get("sourceCatalogId"),
            "breakingChange": bool(options.get("breakingChange")),
            "statusReason": options.get("statusReason"),
            "notifySchemaChanges": options.get("notifySchemaChanges", False),
            "notifySchemaChangesByEmail": options.get("notifySchemaChangesByEmail", False),
            "nonBreakingChangesPreference": options.get("nonBreakingChangesPreference", "ignore"),
            "backfillPreference": options.get("backfillPreference", "disabled"),
            "created_at": seconds(record.created_at),
            "workspaceId": str(workspace_id),
            "tags": options.get("tags", []),
            "onDemandEnabled": False,
            "continuous": options.get("continuous") or None,
        }
    )


def freshness(record: Freshness | None) -> Json:
    """How far a continuous connection is (not of Airbyte): seconds since 1970, with fractions."""
    at = record.up_to_date_at if record else None
    return without_none(
        {
            "upToDateAt": at.timestamp() if at else None,
            "lagBytes": record.lag_bytes if record else None,
        }
    )


def _old_schedule(record: Connection) -> Json | None:
    basic = (record.schedule_data or {}).get("basicSchedule")
    return basic if record.schedule_type == "basic" else None


def _stats(stats: Json) -> Json:
    names = (
        "recordsEmitted",
        "bytesEmitted",
        "stateMessagesEmitted",
        "recordsCommitted",
        "bytesCommitted",
    )
    shown = {name: int(stats.get(name, 0)) for name in names}
    guessed = ("estimatedRecords", "estimatedBytes", "recordsRejected")
    return shown | {name: int(stats[name]) for name in guessed if name in stats}


def attempt(record: Attempt) -> Json:
    """AttemptRead."""
    streams = list(record.stream_stats.values())
    total = {
        name: record.total(name)
        for name in (
            "recordsEmitted",
            "bytesEmitted",
            "stateMessagesEmitted",
            "recordsCommitted",
            "bytesCommitted",
        )
    }
    for name in ("estimatedRecords", "estimatedBytes", "recordsRejected"):
        if record.total(name):
            total[name] = record.total(name)
    return without_none(
        {
            "id": record.number,
            "status": record.status,
            "createdAt": seconds(record.created_at),
            "updatedAt": seconds(record.updated_at),
            "endedAt": seconds(record.ended_at) if record.ended_at else None,
            "recordsSynced": total["recordsCommitted"],
            "bytesSynced": total["bytesCommitted"],
            "totalStats": total,
            "streamStats": [
                without_none(
                    {
                        "streamName": stats["name"],
                        "streamNamespace": stats.get("namespace"),
                        "stats": _stats(stats),
                    }
                )
                for stats in streams
            ],
            "failureSummary": {
                "failures": record.failures,
                "partialSuccess": record.total("recordsCommitted") > 0,
            }
            if record.failures
            else None,
        }
    )


def job_streams(record: Job) -> dict[str, Json]:
    """Return what the job's attempts committed, by stream; the latest attempt's count stands."""
    merged: dict[str, Json] = {}
    for one in record.attempts:
        merged.update(one.stream_stats)
    return merged


def job(record: Job) -> Json:
    """JobRead."""
    merged = job_streams(record)
    counters = (
        "recordsEmitted",
        "bytesEmitted",
        "recordsCommitted",
        "bytesCommitted",
        "recordsRejected",
    )
    totals: Json = {
        name: sum(int(stats.get(name, 0)) for stats in merged.values()) for name in counters
    }
    backfilled = record.config.get("backfilled", ())
    answer: Json = {
        "id": record.id,
        "configType": record.config_type,
        "configId": str(record.connection_id),
        "enabledStreams": record.config.get("enabledStreams", []),
        "createdAt": seconds(record.created_at),
        "updatedAt": seconds(record.updated_at),
        "startedAt": seconds(record.started_at) if record.started_at else None,
        "status": record.status,
        "aggregatedStats": totals,
        "streamAggregatedStats": [
            without_none(
                {
                    "streamName": stats["name"],
                    "streamNamespace": stats.get("namespace"),
                    **{name: int(stats.get(name, 0)) for name in counters},
                    "wasBackfilled": True if key in backfilled else None,
                }
            )
            for key, stats in merged.items()
        ],
    }
    if record.config_type == "reset_connection":
        answer["resetConfig"] = {"streamsToReset": answer["enabledStreams"]}
    if record.config_type == "refresh":
        answer["refreshConfig"] = {"streamsToRefresh": answer["enabledStreams"]}
    return without_none(answer)


def job_info(ctx: Context, record: Job, *, logs: bool = True) -> Json:
    """JobInfoRead: the job, its attempts, their logs."""
    attempts: list[dict[str, Any]] = []
    for one in record.attempts:
        lines = attempt_log.lines(ctx.folder, record.id, one.number) if logs else []
        attempts.append(
            {"attempt": attempt(one), "logType": "formatted", "logs": {"logLines": lines}}
        )
    return {"job": job(record), "attempts": attempts}


def job_with_attempts(record: Job) -> Json:
    """JobWithAttemptsRead: as in lists."""
    return {"job": job(record), "attempts": [attempt(one) for one in record.attempts]}
