"""Files and folders made datasets over REST."""

from __future__ import annotations

from typing import Any

from services.dremio.handlers.catalog import check_seen, locate_id, path_of_id
from services.dremio.handlers.present import Json, entity_json
from services.dremio.state.catalog.entities import Entity, Path
from services.dremio.state.core import Core
from services.dremio.state.errors import conflict, not_found, unsupported, validation
from services.dremio.state.files import formats
from services.dremio.state.files.formats import Format
from services.dremio.state.session import User
from services.dremio.state.sources.nas import NasSource
from services.dremio.state.sources.promoted import Promoted
from services.dremio.state.sources.s3 import S3Source


def promote(core: Core, user: User, entity_id: str, body: Json) -> Json:
    """Make a file or folder a dataset (`POST /api/v3/catalog/{id}`). Raises DremioError."""
    path = path_of_id(entity_id)
    if path is not None:
        core.access.require(user, "ALTER", path)
    if path is None:
        entity = locate_id(core, entity_id)
        name = ".".join(entity.path) if isinstance(entity, Entity) else entity_id
        raise conflict(f"[{name}] is a dataset already, or none can be made of it")
    if body.get("type") != "PHYSICAL_DATASET":
        raise validation("type: expected PHYSICAL_DATASET")
    if core.entities.get(path) is not None:
        raise conflict(f"[{'.'.join(path)}] is a dataset already")
    promoted = promoted_of(core, path)
    return entity_json(core, promoted.promote(path[1:], _format(body.get("format"))))


def change(core: Core, entity: Entity, body: Json, tag: str | None) -> Json:
    """Change a dataset's format (`PUT /api/v3/catalog/{id}`). Raises DremioError."""
    if not entity.body.get("format") or entity.body["format"]["type"] == "Iceberg":
        raise validation("A table is changed by SQL")
    if tag is not None and tag != entity.tag:
        raise conflict(
            f"The specified version [{tag}] did not match the current version [{entity.tag}]"
        )
    how = _format(body.get("format"))
    return entity_json(core, promoted_of(core, entity.path).promote(entity.path[1:], how))


def put_format(core: Core, user: User, path: Path, body: Json) -> Json:
    """Set a file's or folder's format (`PUT /apiv2/source/{name}/file_format/…`)."""
    core.access.require(user, "ALTER", path)
    entity = promoted_of(core, path).promote(path[1:], _format(body))
    return _shown(entity)


def get_format(core: Core, user: User, path: Path) -> Json:
    """Return a dataset's format. Raises DremioError (NOT_FOUND, PERMISSION)."""
    check_seen(core, user, path)
    entity = core.entities.get(path)
    if entity is None or not entity.body.get("format"):
        raise not_found(f"[{'.'.join(path)}] has no format")
    return _shown(entity)


def promoted_of(core: Core, path: Path) -> Promoted:
    """Return the file datasets of the source of a path. Raises DremioError (VALIDATION)."""
    source = core.catalog.source(path)
    if source is None or len(path) < 2:
        raise not_found(f"Could not find entity with path [{'/'.join(path)}]")
    opened = core.sources.of(source)
    if isinstance(opened, S3Source):
        if not opened.lake.is_plain(path[1:]):
            raise validation(f"Bucket of [{'.'.join(path)}] is a table bucket: it holds no files")
        opened.readable(path[1:])
        return opened.promoted
    if isinstance(opened, NasSource):
        return opened.promoted
    raise unsupported(f"Source '{source.name}' of type {source.body['type']} holds no files")


def _format(value: Any) -> Format:
    if not isinstance(value, dict):
        raise validation("format: expected an object with 'type'")
    return formats.given(value)


def _shown(entity: Entity) -> Json:
    shown = {**entity.body["format"], "name": entity.name, "fullPath": list(entity.path)}
    return {"id": entity.id, "fileFormat": {**shown, "version": entity.tag}}
