"""Config API: what the web application and command-line clients ask besides."""

from __future__ import annotations

import datetime
from typing import Any

from services.airbyte.cdk.changes import differences, severity
from services.airbyte.handlers import actors, connections, lists, mappers
from services.airbyte.handlers import jobs as job_handlers
from services.airbyte.handlers.context import Context
from services.airbyte.jobs.schedule import quartz
from services.airbyte.state import actors as stored
from services.airbyte.state.records import Connection, Json, Kind
from services.airbyte.wire import config_connections, config_overview, list_models, render
from services.airbyte.wire import config_models as models
from services.airbyte.wire.config_jobs import VERSION
from services.common.settings import settings


def _schema_change(ctx: Context, record: Connection) -> tuple[str, list[Any]]:
    with ctx.db.connection() as db:
        offered = stored.latest_catalog(db, record.source_id)
    changes = differences(record.catalog, offered, streams=False) if offered else []
    return severity(changes), changes


def _summary(ctx: Context, record: Connection) -> Json:
    """What list and get have in common."""
    status = config_overview.connection_status(ctx, record.id)
    source = actors.get(ctx, "source", record.source_id, deleted=True)
    target = actors.get(ctx, "destination", record.destination_id, deleted=True)
    last, _ = job_handlers.find(ctx, connection_ids=[record.id], config_types=["sync"], limit=1)
    return render.without_none(
        {
            "connectionId": str(record.id),
            "name": record.name,
            "scheduleType": record.schedule_type,
            "scheduleData": record.schedule_data,
            "status": record.status,
            "source": render.actor(ctx, source),
            "destination": render.actor(ctx, target),
            "latestSyncJobCreatedAt": status.get("lastSyncJobCreatedAt"),
            "latestSyncJobStatus": last[0].status if last else None,
            "isSyncing": status["connectionSyncStatus"] == "running",
            "schemaChange": _schema_change(ctx, record)[0],
            "sourceActorDefinitionVersion": render.version(
                ctx.registry.get("source", source.definition_id)
            ),
            "destinationActorDefinitionVersion": render.version(
                ctx.registry.get("destination", target.definition_id)
            ),
            "tags": record.options.get("tags", []),
            "onDemandEnabled": False,
        }
    )


def listing(ctx: Context, body: list_models.Connections) -> Json:
    """WebBackendConnectionReadList."""
    filters, page = body.wanted()
    found, total = lists.connections_page(ctx, body.workspace_id, filters, page)
    size = total if page.size is None else page.size
    shown = [_summary(ctx, record) for record in found]
    return {"connections": shown, "pageSize": size, "numConnections": total}


def get(ctx: Context, body: models.WebConnection) -> Json:
    """WebBackendConnectionRead; `withRefreshedCatalog` discovers the source first."""
    record = connections.get(ctx, body.connection_id)
    if body.with_refreshed_catalog:
        actors.discover(ctx, record.source_id)
    change, changes = _schema_change(ctx, record)
    whole = render.connection(record, connections.workspace_of(ctx, record))
    whole.pop("breakingChange", None)
    answer = {**whole, **_summary(ctx, record), "schemaChange": change, "operations": []}
    if changes:
        answer["catalogDiff"] = render.catalog_diff(changes)
    return answer


def _then(change: Any) -> Any:
    def run(ctx: Context, body: Any) -> Json:
        made = change(ctx, body)
        return get(ctx, models.WebConnection(connection_id=made["connectionId"]))

    return run


def update(ctx: Context, body: models.WebConnectionUpdate) -> Json:
    """WebBackendConnectionRead; streams that are set otherwise now are read anew."""
    before = connections.get(ctx, body.connection_id)
    config_connections.update(ctx, body)
    if body.sync_catalog is not None and not body.skip_reset:
        connections.refresh_changed(ctx, before, connections.get(ctx, body.connection_id))
    return get(ctx, models.WebConnection(connection_id=body.connection_id))


def updates(_: Context, __: Any) -> Json:
    """WebBackendCheckUpdatesRead: connectors come with the platform's release."""
    return {"destinationDefinitions": 0, "sourceDefinitions": 0}


def workspace_state(ctx: Context, body: models.WorkspaceId) -> Json:
    """WebBackendWorkspaceStateResult."""
    chosen = [body.workspace_id]
    return {
        "hasConnections": bool(connections.listing(ctx, chosen)),
        "hasSources": bool(actors.listing(ctx, "source", chosen)),
        "hasDestinations": bool(actors.listing(ctx, "destination", chosen)),
    }


def state_type(ctx: Context, body: models.ConnectionId) -> str:
    """ConnectionStateType."""
    return str(connections.state(ctx, body.connection_id)["stateType"])


def validate_mappers(ctx: Context, body: models.MappersDraft) -> Json:
    """WebBackendValidateMappersResponse."""
    catalog = connections.get(ctx, body.connection_id).catalog
    return mappers.validate(catalog, body.stream_descriptor, body.mappers)


def describe_cron(_: Context, body: models.CronExpression) -> Json:
    """WebBackendCronExpressionDescription: the next three runs, in seconds."""
    trigger = quartz(body.cron_expression, "UTC")
    now = datetime.datetime.now(datetime.UTC)
    runs: list[int] = []
    last: datetime.datetime | None = None
    for _turn in range(3):
        last = trigger.get_next_fire_time(last, now if last is None else last)
        if last is None:
            break
        runs.append(render.seconds(last))
        now = last + datetime.timedelta(seconds=1)
        last = now
    return {
        "cronExpression": body.cron_expression,
        "description": f"Quartz expression {body.cron_expression}, UTC",
        "nextExecutions": runs,
    }


def web_config(_: Context, __: Any) -> Json:
    """WebappConfigResponse."""
    return {"version": VERSION, "edition": "community"}


def instance(ctx: Context, _: Any) -> Json:
    """InstanceConfigurationResponse."""
    organization = str(render.ORGANIZATION)
    return {
        "edition": "community",
        "version": VERSION,
        "licenseStatus": "pro",
        "auth": {"mode": "simple"},
        "airbyteUrl": settings().airbyte_url,
        "initialSetupComplete": True,
        "defaultUserId": organization,
        "defaultOrganizationId": organization,
        "defaultOrganizationEmail": render.EMAIL,
        "defaultWorkspaceId": str(stored.WORKSPACE_ID),
        "trackingStrategy": "logging",
    }


def deployment(_: Context, __: Any) -> Json:
    """DeploymentMetadataRead."""
    return {"id": str(stored.WORKSPACE_ID), "mode": "OSS", "version": VERSION}


def organization(_: Context, __: Any) -> Json:
    """OrganizationRead: there is one."""
    return render.organization()


def organizations(_: Context, __: Any) -> Json:
    """OrganizationReadList."""
    return {"organizations": [render.organization()]}


def organization_info(_: Context, __: Any) -> Json:
    """OrganizationInfoRead."""
    shown = render.organization()
    return {
        "organizationId": shown["organizationId"],
        "organizationName": shown["organizationName"],
        "sso": False,
        "scim": False,
    }


def user(_: Context, __: Any) -> Json:
    """UserRead: there is one administrator."""
    return {
        "userId": str(render.ORGANIZATION),
        "name": "admin",
        "email": render.EMAIL,
        "defaultWorkspaceId": str(stored.WORKSPACE_ID),
        "status": "registered",
        "metadata": {},
    }


def operations(ctx: Context, body: models.ConnectionId) -> Json:
    """OperationReadList: transformations are dbt's, outside of connections."""
    connections.get(ctx, body.connection_id)
    return {"operations": []}


def _version(kind: Kind) -> Any:
    def run(ctx: Context, body: Any) -> Json:
        identity = body.source_id if kind == "source" else body.destination_id
        actor = actors.get(ctx, kind, identity)
        return render.version(ctx.registry.get(kind, actor.definition_id))

    return run


ENDPOINTS: dict[str, Any] = {
    "web_backend/connections/list": (list_models.Connections, listing),
    "web_backend/connections/get": (models.WebConnection, get),
    "web_backend/connections/create": (
        models.ConnectionCreate,
        _then(config_connections.create),
    ),
    "web_backend/connections/update": (models.WebConnectionUpdate, update),
    "web_backend/mappers/validate": (models.MappersDraft, validate_mappers),
    "web_backend/check_updates": (models.Nothing, updates),
    "web_backend/workspace/state": (models.WorkspaceId, workspace_state),
    "web_backend/state/get_type": (models.ConnectionId, state_type),
    "web_backend/describe_cron_expression": (models.CronExpression, describe_cron),
    "deployment/metadata": (models.Nothing, deployment),
    "organizations/get": (models.Nothing, organization),
    "organizations/get_organization_info": (models.Nothing, organization_info),
    "workspaces/get_organization_info": (models.Nothing, organization_info),
    "organizations/list_by_user_id": (models.Nothing, organizations),
    "users/get": (models.Nothing, user),
    "operations/list": (models.ConnectionId, operations),
    "actor_definition_versions/get_for_source": (models.SourceId, _version("source")),
    "actor_definition_versions/get_for_destination": (
        models.DestinationId,
        _version("destination"),
    ),
}
# Asked by GET, without a body.
GETS: dict[str, Any] = {
    "web_backend/config": (models.Nothing, web_config),
    "instance_configuration": (models.Nothing, instance),
}
