"""Entities as Dremio's REST API shows them."""

from __future__ import annotations

import datetime
from typing import Any

import pyarrow as pa

from services.dremio.state import types
from services.dremio.state.catalog.catalog import fields_of
from services.dremio.state.catalog.entities import Entity, Path
from services.dremio.state.catalog.sources import shown
from services.dremio.state.core import Core
from services.dremio.state.database import quoted
from services.dremio.state.errors import DremioError

Json = dict[str, Any]


def when(moment: datetime.datetime | None) -> str | None:
    """Return a moment as Dremio writes it: UTC with milliseconds."""
    if moment is None:
        return None
    utc = moment.astimezone(datetime.UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"


def item(entity: Entity) -> Json:
    """Return an entity as one line of a listing."""
    shared: Json = {"id": entity.id, "path": list(entity.path), "tag": entity.tag}
    if entity.kind == "VIEW":
        return {**shared, "type": "DATASET", "datasetType": "VIRTUAL", **_created(entity)}
    if entity.kind == "TABLE":
        return {**shared, "type": "DATASET", "datasetType": "PROMOTED", **_created(entity)}
    if entity.kind == "FUNCTION":
        return {**shared, "type": "FUNCTION", **_created(entity)}
    return {**shared, "type": "CONTAINER", "containerType": entity.kind, **_created(entity)}


def entity_json(core: Core, entity: Entity) -> Json:
    """Return an entity in full, with its children."""
    shared: Json = {"id": entity.id, "tag": entity.tag, **_created(entity), **_owner(core, entity)}
    if entity.kind in ("SPACE", "HOME"):
        kind = entity.kind.lower()
        children = [item(child) for child in core.entities.children(entity.path)]
        return {"entityType": kind, **shared, "name": entity.name, "children": children}
    if entity.kind == "FOLDER":
        children = [item(child) for child in core.entities.children(entity.path)]
        return {"entityType": "folder", **shared, "path": list(entity.path), "children": children}
    if entity.kind == "SOURCE":
        return source_json(core, entity)
    if entity.kind == "FUNCTION":
        return {**function_json(entity), **_owner(core, entity)}
    if entity.kind == "VIEW":
        return {
            "entityType": "dataset",
            **shared,
            "type": "VIRTUAL_DATASET",
            "path": list(entity.path),
            "sql": entity.body["sql"],
            "sqlContext": entity.body.get("context") or [],
            "fields": fields_json(fields_of(entity)),
        }
    schema = core.catalog.columns(entity.path) or pa.schema([])
    return {
        "entityType": "dataset",
        **shared,
        "type": "PHYSICAL_DATASET",
        "path": list(entity.path),
        "format": entity.body.get("format") or {"type": "Iceberg"},
        "fields": fields_json(schema),
    }


def source_json(core: Core, entity: Entity) -> Json:
    """Return a source, its secrets replaced, with what lies right under it."""
    state: Json = {"status": "good", "messages": []}
    try:
        children = children_of_folder(core, entity, ())
    except DremioError as error:
        children = []
        state = {"status": "bad", "messages": [{"level": "ERROR", "message": str(error)}]}
    body = entity.body
    return {
        "entityType": "source",
        "id": entity.id,
        "tag": entity.tag,
        **_created(entity),
        "name": entity.name,
        "type": body["type"],
        "config": shown(body["config"]),
        **{k: v for k, v in body.items() if k not in ("type", "config")},
        "state": state,
        "children": children,
    }


def function_json(entity: Entity) -> Json:
    """Return a function that a user wrote, its names quoted as Dremio quotes them."""
    body = entity.body
    listed, table = (
        ", ".join(f"{quoted(name)} {kind}" for name, kind in body[which])
        for which in ("parameters", "table")
    )
    return {
        "entityType": "function",
        "id": entity.id,
        "tag": entity.tag,
        **_created(entity),
        "path": list(entity.path),
        "isScalar": not body["table"],
        "functionArgList": listed,
        "functionBody": body["sql"],
        "returnType": body["returns"] or table,
        "sqlContext": body.get("context") or [],
    }


def folder_json(core: Core, source: Entity, folder: Path) -> Json:
    """Return a folder of a source: it is in the storage, not in the catalog."""
    path = [source.name, *folder]
    return {
        "entityType": "folder",
        "id": folder_id(tuple(path)),
        "path": path,
        "children": children_of_folder(core, source, folder),
    }


def file_json(path: Path) -> Json:
    """Return a file of a source that is no dataset."""
    return {"entityType": "file", "id": folder_id(path), "path": list(path)}


def children_of_folder(core: Core, source: Entity, folder: Path) -> list[Json]:
    """Return what lies right in a folder of a source. Raises DremioError."""
    return [
        _child(core, (source.name, *folder, child.name), child.kind)
        for child in core.sources.of(source).children(folder) or []
    ]


def _child(core: Core, path: Path, kind: str) -> Json:
    entity = core.entities.get(path)
    if entity is not None:
        return item(entity)
    shared: Json = {"id": folder_id(path), "path": list(path)}
    if kind == "FOLDER":
        return {**shared, "type": "CONTAINER", "containerType": "FOLDER"}
    if kind == "FILE":
        return {**shared, "type": "FILE"}
    return {**shared, "type": "DATASET", "datasetType": "PROMOTED"}


def folder_id(path: Path) -> str:
    """Return the id of what lies in the storage alone (Dremio's form for such)."""
    return "dremio:/" + "/".join(path)


def fields_json(schema: pa.Schema) -> list[Json]:
    """Return columns with their types."""
    return [{"name": field.name, "type": type_json(field.type)} for field in schema]


def type_json(kind: pa.DataType) -> Json:
    """Return a type; nested ones with what they hold."""
    shown_type: Json = {"name": types.rest_name(kind)}
    if pa.types.is_decimal(kind):
        shown_type |= {"precision": kind.precision, "scale": kind.scale}
    elif pa.types.is_list(kind):
        shown_type["subSchema"] = [{"type": type_json(kind.value_type)}]
    elif pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        shown_type["subSchema"] = [{"name": f.name, "type": type_json(f.type)} for f in fields]
    return shown_type


def _owner(core: Core, entity: Entity) -> Json:
    owner = core.access.owner_id(entity.path)
    if owner is None:
        return {}
    kind = "ROLE" if core.access.has_role(owner) else "USER"
    return {"owner": {"ownerId": owner, "ownerType": kind}}


def _created(entity: Entity) -> Json:
    return {"createdAt": when(entity.created_at)}
