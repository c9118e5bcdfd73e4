"""Wikis and tags of entities."""

from __future__ import annotations

from services.dremio.handlers.catalog import check_seen, locate_id
from services.dremio.handlers.present import Json
from services.dremio.state.catalog import notes
from services.dremio.state.catalog.entities import Entity
from services.dremio.state.core import Core
from services.dremio.state.errors import validation
from services.dremio.state.session import User


def wiki(core: Core, user: User, entity_id: str) -> Json:
    """Return the wiki; an entity without one answers an empty object's worth of nothing."""
    found = notes.wiki(core.pool, _entity(core, user, entity_id).id)
    return {"text": found[0], "version": found[1]} if found else {"text": ""}


def set_wiki(core: Core, user: User, entity_id: str, body: Json) -> Json:
    """Create or change the wiki. Raises DremioError (VALIDATION, CONFLICT)."""
    text, version = body.get("text"), body.get("version")
    if not isinstance(text, str):
        raise validation("text: expected a string")
    if version is not None and not isinstance(version, int):
        raise validation("version: expected a number")
    return {
        "text": text,
        "version": notes.set_wiki(
            core.pool, _entity(core, user, entity_id, "ALTER").id, text, version
        ),
    }


def labels(core: Core, user: User, entity_id: str) -> Json:
    """Return the tags."""
    found = notes.labels(core.pool, _dataset(core, user, entity_id).id)
    return {"tags": found[0], "version": found[1]} if found else {"tags": []}


def set_labels(core: Core, user: User, entity_id: str, body: Json) -> Json:
    """Create or change the tags. Raises DremioError (VALIDATION, CONFLICT)."""
    tags, version = body.get("tags"), body.get("version")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise validation("tags: expected a list of strings")
    if len({tag.lower() for tag in tags}) != len(tags):
        raise validation("tags: a tag is given twice")
    if any(not tag or len(tag) > 128 for tag in tags):
        raise validation("tags: a tag has 1 to 128 characters")
    stored = notes.set_labels(core.pool, _dataset(core, user, entity_id, "ALTER").id, tags, version)
    return {"tags": tags, "version": stored}


def _entity(core: Core, user: User, entity_id: str, privilege: str = "") -> Entity:
    entity = locate_id(core, entity_id)
    if not isinstance(entity, Entity):
        raise validation("Wikis are not kept on folders of a source")
    if privilege:
        core.access.require(user, privilege, entity.path)
    else:
        check_seen(core, user, entity.path)
    return entity


def _dataset(core: Core, user: User, entity_id: str, privilege: str = "") -> Entity:
    entity = _entity(core, user, entity_id, privilege)
    if entity.kind not in ("VIEW", "TABLE"):
        raise validation("Labels can only be set on datasets")
    return entity
