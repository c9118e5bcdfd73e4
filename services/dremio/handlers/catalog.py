"""Reading the catalog: the root, by path, by id."""

from __future__ import annotations

import base64

from services.dremio.handlers.present import Json, entity_json, file_json, folder_json, item
from services.dremio.state.access.access import denied
from services.dremio.state.catalog.catalog import ROOT_KINDS
from services.dremio.state.catalog.entities import Entity, Path
from services.dremio.state.core import Core
from services.dremio.state.errors import not_found, validation
from services.dremio.state.session import User


def root(core: Core, user: User) -> Json:
    """List the spaces, homes and sources that the user sees."""
    sees = core.access.actor(user).sees
    found = [e for e in core.entities.all() if e.kind in ROOT_KINDS and sees(e.path)]
    return {"data": [item(e) for e in found]}


def by_path(core: Core, user: User, path: Path, query: dict[str, str] | None = None) -> Json:
    """Return what lies at a path. Raises DremioError (NOT_FOUND, PERMISSION).

    `query`: `maxChildren` and `pageToken` for one page of its children, `exclude=children`.
    """
    if is_file(core, path):
        check_seen(core, user, path)
        return file_json(path)
    return _shown(core, user, locate(core, path), query)


def by_id(core: Core, user: User, entity_id: str, query: dict[str, str] | None = None) -> Json:
    """Return the entity of an id, as `by_path`. Raises DremioError (NOT_FOUND, PERMISSION)."""
    path = path_of_id(entity_id)
    if path and is_file(core, path):
        check_seen(core, user, path)
        return file_json(path)
    return _shown(core, user, locate_id(core, entity_id), query)


def path_of(found: Entity | tuple[Entity, Path]) -> Path:
    """Return the whole path of what `locate` found."""
    return found.path if isinstance(found, Entity) else (found[0].name, *found[1])


def check_seen(core: Core, user: User, path: Path) -> None:
    """Check that the user may know of an object. Raises DremioError (PERMISSION)."""
    if not core.access.actor(user).sees(path):
        raise denied(f"User [{user.name}] has no privilege on [{'.'.join(path)}]")


def _shown(
    core: Core, user: User, found: Entity | tuple[Entity, Path], query: dict[str, str] | None
) -> Json:
    check_seen(core, user, path_of(found))
    shown = entity_json(core, found) if isinstance(found, Entity) else folder_json(core, *found)
    children = shown.get("children")
    if children:
        sees = core.access.actor(user).sees
        shown["children"] = [child for child in children if sees(tuple(child["path"]))]
    if query and "children" in shown:
        _page(shown, query)
    return shown


def _page(shown: Json, query: dict[str, str]) -> None:
    """Leave one page of the children. Raises DremioError (VALIDATION)."""
    if query.get("exclude") == "children":
        del shown["children"]
        return
    most, token = query.get("maxChildren"), query.get("pageToken")
    if most is None and token is None:
        return
    most = "1000" if most is None else most
    if not most.isdecimal() or not 0 < len(most) < 10 or int(most) == 0:
        raise validation(f"maxChildren: expected a number above 0, got {most!r}")
    start = _offset(token) if token else 0
    children = shown["children"]
    shown["children"] = children[start : start + int(most)]
    if start + int(most) < len(children):
        shown["nextPageToken"] = _token(start + int(most))


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode()


def _offset(token: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(token.encode()).decode("ascii"))
    except ValueError:
        raise validation(f"pageToken: {token!r} is none that was given") from None


def locate_id(core: Core, entity_id: str) -> Entity | tuple[Entity, Path]:
    """Return the entity, or the (source, folder), of an id. Raises DremioError (NOT_FOUND)."""
    path = path_of_id(entity_id)
    if path is not None:
        return locate(core, path)
    entity = core.entities.by_id(entity_id)
    if entity is None:
        raise not_found(f"Could not find entity with id [{entity_id}]")
    return _alive(core, entity)


def path_of_id(entity_id: str) -> Path | None:
    """Return the path in an id of what lies in the storage alone, None for other ids."""
    if not entity_id.startswith("dremio:/"):
        return None
    return tuple(part for part in entity_id[len("dremio:/") :].split("/") if part)


def is_file(core: Core, path: Path) -> bool:
    """Whether a file that is no dataset lies at a path of a source."""
    source = core.catalog.source(path)
    if source is None or len(path) < 2 or core.entities.get(path) is not None:
        return False
    return core.sources.of(source).kind(path[1:]) == "FILE"


def locate(core: Core, path: Path) -> Entity | tuple[Entity, Path]:
    """Return the entity at a path, or (source, folder) for a folder in a source.

    A table gets its entity, and so its id, when it is first asked for. Raises DremioError
    (NOT_FOUND).
    """
    missing = not_found(f"Could not find entity with path [{'/'.join(path)}]")
    if not path:
        raise missing
    entity = core.entities.get(path)
    if entity is not None:
        return _alive(core, entity)
    source = core.catalog.source(path)
    if source is None:
        raise missing
    kind = core.sources.of(source).kind(path[1:])
    if kind == "TABLE":
        known = core.entities.get(path)
        return known or core.entities.create((source.name, *path[1:]), "TABLE")
    if kind == "FOLDER":
        return source, path[1:]
    raise missing


def _alive(core: Core, entity: Entity) -> Entity:
    if entity.kind == "TABLE" and not core.catalog.exists(entity.path):
        core.entities.delete(entity)  # dropped by another program
        raise not_found(f"Could not find entity with path [{'/'.join(entity.path)}]")
    return entity
