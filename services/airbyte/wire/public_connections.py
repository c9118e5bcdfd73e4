"""Public API: connections."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.airbyte.handlers import actors, connections
from services.airbyte.handlers.catalogs import check_given_key
from services.airbyte.handlers.context import Context
from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.state.records import Connection, Json
from services.airbyte.wire import public_models as models
from services.airbyte.wire import public_render as render
from services.airbyte.wire.public_paging import identity, ids, limits, page, with_deleted


def _catalog(ctx: Context, source: UUID, wanted: models.StreamConfigurations | None) -> Json:
    """Return the syncCatalog for the streams asked for (all, fully refreshed, when none)."""
    offered = connections.catalog_for(ctx, source)["streams"]
    chosen = wanted.streams if wanted else None
    if not chosen:
        return {"streams": offered}
    entries = []
    for stream in chosen:
        match = [
            entry
            for entry in offered
            if entry["stream"]["name"] == stream.name
            and stream.namespace in (None, entry["stream"].get("namespace"))
        ]
        if not match:
            names = ", ".join(entry["stream"]["name"] for entry in offered)
            raise InvalidInputError(f"the source has no stream {stream.name!r}; it has: {names}")
        check_given_key(match[0]["stream"], stream.primary_key)
        mode, target = render.MODES[stream.sync_mode]
        config = {**match[0]["config"], "syncMode": mode, "destinationSyncMode": target}
        if stream.cursor_field:
            config["cursorField"] = stream.cursor_field
        if stream.primary_key:
            config["primaryKey"] = stream.primary_key
        if stream.mappers:
            config["mappers"] = stream.mappers
        if stream.selected_fields:
            config["fieldSelectionEnabled"] = True
            config["selectedFields"] = [
                field.model_dump(by_alias=True) for field in stream.selected_fields
            ]
        entries.append({"stream": match[0]["stream"], "config": config})
    return {"streams": entries}


def _schedule(schedule: models.Schedule | None) -> dict[str, Any]:
    if schedule is None:
        return {}
    if schedule.schedule_type == "manual":
        return {"schedule_type": "manual", "schedule_data": None}
    words = (schedule.cron_expression or "").split()
    # A seventh field is a year (2026, *, */2), a zone begins with a letter.
    zone = words.pop() if len(words) > 6 and words[-1][0].isalpha() else "UTC"
    cron = {"cronExpression": " ".join(words), "cronTimeZone": zone}
    return {"schedule_type": "cron", "schedule_data": {"cron": cron}}


def _fields(body: models.ConnectionPatch) -> dict[str, Any]:
    fields: dict[str, Any] = _schedule(body.schedule)
    for name in ("name", "prefix", "status", "namespace_format"):
        if name in body.model_fields_set and getattr(body, name) is not None:
            fields[name] = getattr(body, name)
    if body.namespace_definition:
        fields["namespace_definition"] = render.NAMESPACES[body.namespace_definition]
    options: Json = {}
    if body.non_breaking_schema_updates_behavior:
        behavior = render.CHANGES[body.non_breaking_schema_updates_behavior]
        options["nonBreakingChangesPreference"] = behavior
    if body.tags is not None:
        options["tags"] = body.tags
    if "continuous" in body.model_fields_set:
        options["continuous"] = body.continuous
    return {**fields, "options": options}


def _read(ctx: Context, record: Connection) -> Json:
    return render.connection(record, connections.workspace_of(ctx, record))


def create(call: Any) -> Json:
    """ConnectionResponse."""
    body: models.ConnectionCreate = call.body
    source = actors.get(call.ctx, "source", body.source_id)
    target = actors.get(call.ctx, "destination", body.destination_id)
    defaults = {
        "name": f"{source.name} → {target.name}",
        "namespace_definition": "destination",
        "namespace_format": None,
        "prefix": "",
        "schedule_type": "manual",
        "schedule_data": None,
        "status": "active",
    }
    fields = {
        **defaults,
        **_fields(body),
        "source_id": source.id,
        "destination_id": target.id,
        "catalog": _catalog(call.ctx, source.id, body.configurations),
    }
    return _read(call.ctx, connections.create(call.ctx, fields))


def patch(call: Any) -> Json:
    """ConnectionResponse."""
    before = connections.get(call.ctx, identity(call.path["id"]))
    fields = _fields(call.body)
    if call.body.configurations is not None:
        fields["catalog"] = _catalog(call.ctx, before.source_id, call.body.configurations)
    return _read(call.ctx, connections.update(call.ctx, before.id, fields))


def get(call: Any) -> Json:
    """ConnectionResponse."""
    return _read(call.ctx, connections.get(call.ctx, identity(call.path["id"])))


def listing(call: Any) -> Json:
    """ConnectionsResponse."""
    limit, offset = limits(call.query)
    found = connections.listing(
        call.ctx, ids(call.query, "workspaceIds"), deleted=with_deleted(call.query)
    )
    if wanted := ids(call.query, "tagIds"):
        found = [record for record in found if connections.tags_of(record) & set(map(str, wanted))]
    shown = [_read(call.ctx, record) for record in found[offset : offset + limit]]
    return page(shown, call.query, call.url, len(found))


def delete(call: Any) -> None:
    """Nothing: 204."""
    connections.delete(call.ctx, identity(call.path["id"]))


ROUTES: list[Any] = [
    ("POST", "/connections", models.ConnectionCreate, create),
    ("GET", "/connections", None, listing),
    ("GET", "/connections/{id}", None, get),
    ("PATCH", "/connections/{id}", models.ConnectionPatch, patch),
    ("DELETE", "/connections/{id}", None, delete),
]
