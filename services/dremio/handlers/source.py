"""Sources: created and changed by the catalog API and by the older `/apiv2/source`."""

from __future__ import annotations

from services.dremio.handlers.catalog import by_path
from services.dremio.handlers.present import Json, source_json
from services.dremio.state.catalog import sources
from services.dremio.state.catalog.entities import Entity
from services.dremio.state.core import Core
from services.dremio.state.errors import conflict, not_found, validation
from services.dremio.state.session import User
from services.dremio.state.sources import configs

# What besides `config` is kept as sent and shown again.
_KEPT = (
    "metadataPolicy",
    "accelerationRefreshPeriodMs",
    "accelerationGracePeriodMs",
    "accelerationNeverRefresh",
    "accelerationNeverExpire",
    "accelerationActivePolicyType",
    "accelerationRefreshSchedule",
    "accelerationRefreshOnDataChanges",
)


def save(
    core: Core, name: str, body: Json, former: Entity | None, tag: str | None = None
) -> Entity:
    """Create a source or replace its settings. Raises DremioError (VALIDATION, CONFLICT)."""
    config = body.get("config")
    kind = body.get("type")
    if not isinstance(config, dict) or not isinstance(kind, str):
        raise validation("A source needs 'type' and 'config'")
    if not name.strip() or name.startswith("@"):
        raise validation(f"Invalid source name: {name!r}")
    stored = {
        "type": kind,
        "config": sources.sealed(kind, config, former, core.vault),
        **{field: body[field] for field in _KEPT if field in body},
    }
    if former is None:
        entity = core.entities.create((name,), "SOURCE", stored)
    else:
        entity = core.entities.update(former, stored, tag)
    return entity


def create(core: Core, user: User, name: str, body: Json) -> Json:
    """Create a source; its maker owns it. Raises DremioError."""
    core.access.require(user, "CREATE_SOURCE", ())
    entity = save(core, name, body, None)
    core.access.created(entity.path, user)
    return source_json(core, entity)


def put(core: Core, user: User, name: str, body: Json) -> Json:
    """Create or replace a source by name (`PUT /apiv2/source/{name}`)."""
    former = core.entities.get((name,))
    if former is None:
        return create(core, user, name, body)
    core.access.require(user, "MODIFY", former.path)
    if former.kind != "SOURCE":
        raise conflict(f"'{name}' is a {former.kind.lower()}")
    return source_json(core, save(core, name, body, former, body.get("tag")))


def get(core: Core, user: User, name: str) -> Json:
    """Return a source by name. Raises DremioError (NOT_FOUND, PERMISSION)."""
    return by_path(core, user, _named(core, name).path)


def delete(core: Core, user: User, name: str, version: str | None) -> None:
    """Remove a source. Raises DremioError (NOT_FOUND, CONFLICT, PERMISSION)."""
    entity = _named(core, name)
    core.access.require(user, "DROP", entity.path, "MODIFY")
    if version is not None and version != entity.tag:
        raise conflict(f"Source '{name}' has changed: its version is [{entity.tag}]")
    core.entities.delete(entity)
    core.sources.forget(entity)


def listing(core: Core, user: User) -> Json:
    """List the sources that the user sees (`GET /api/v3/source`)."""
    sees = core.access.actor(user).sees
    found = [e for e in core.entities.all("SOURCE") if sees(e.path)]
    return {"data": [by_path(core, user, entity.path) for entity in found]}


def by_id(core: Core, user: User, source_id: str) -> Json:
    """Return a source by its id. Raises DremioError (NOT_FOUND, PERMISSION)."""
    entity = core.entities.by_id(source_id)
    if entity is None or entity.kind != "SOURCE":
        raise not_found(f"Source [{source_id}] not found")
    return by_path(core, user, entity.path)


def types() -> Json:
    """List the types of sources that can be made (`GET /api/v3/source/type`)."""
    return {"data": [type_of(name) for name in configs.CHECKS]}


def type_of(name: str) -> Json:
    """Return a type of source with what it is called. Raises DremioError (NOT_FOUND)."""
    label = _LABELS.get(name.upper())
    if label is None:
        raise not_found(f"Source type [{name}] not found")
    return {"sourceType": name.upper(), "label": label}


_LABELS = {
    "S3": "Amazon S3",
    "NAS": "NAS",
    "POSTGRES": "PostgreSQL",
    "MYSQL": "MySQL",
    "ELASTIC": "Elasticsearch",
}


def _named(core: Core, name: str) -> Entity:
    entity = core.entities.get((name,))
    if entity is None or entity.kind != "SOURCE":
        raise not_found(f"Source [{name}] not found")
    return entity
