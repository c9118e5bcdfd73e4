"""Sources: created and changed by the catalog API and by the older `/apiv2/source`."""

from __future__ import annotations

from services.dremio.handlers.present import Json, source_json
from services.dremio.state.catalog import sources
from services.dremio.state.catalog.entities import Entity
from services.dremio.state.core import Core
from services.dremio.state.errors import conflict, not_found, validation

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


def put(core: Core, name: str, body: Json) -> Json:
    """Create or replace a source by name (`PUT /apiv2/source/{name}`)."""
    former = core.entities.get((name,))
    if former is not None and former.kind != "SOURCE":
        raise conflict(f"'{name}' is a {former.kind.lower()}")
    return source_json(core, save(core, name, body, former, body.get("tag")))


def get(core: Core, name: str) -> Json:
    """Return a source by name. Raises DremioError (NOT_FOUND)."""
    return source_json(core, _named(core, name))


def delete(core: Core, name: str, version: str | None) -> None:
    """Remove a source. Raises DremioError (NOT_FOUND, CONFLICT)."""
    entity = _named(core, name)
    if version is not None and version != entity.tag:
        raise conflict(f"Source '{name}' has changed: its version is [{entity.tag}]")
    core.entities.delete(entity)
    core.sources.forget(entity)


def listing(core: Core) -> Json:
    """List every source (`GET /api/v3/source`)."""
    return {"data": [source_json(core, entity) for entity in core.entities.all("SOURCE")]}


def _named(core: Core, name: str) -> Entity:
    entity = core.entities.get((name,))
    if entity is None or entity.kind != "SOURCE":
        raise not_found(f"Source [{name}] not found")
    return entity
