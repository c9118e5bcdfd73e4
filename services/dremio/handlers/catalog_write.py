"""Changing the catalog: spaces, folders, views and sources over REST."""

from __future__ import annotations

from typing import Any

from services.dremio.handlers import promotion, source
from services.dremio.handlers.catalog import locate_id
from services.dremio.handlers.present import Json, entity_json
from services.dremio.sql.parse import parse
from services.dremio.sql.statements import CreateView
from services.dremio.state.catalog.entities import Entity
from services.dremio.state.database import quoted
from services.dremio.state.engine import Engine
from services.dremio.state.errors import conflict, validation
from services.dremio.state.execute.containers import create_folder, create_space
from services.dremio.state.execute.places import check_place
from services.dremio.state.execute.run import Run
from services.dremio.state.execute.views import view_body
from services.dremio.state.session import Session, User


def create(engine: Engine, user: User, body: Json) -> Json:
    """Create an entity of any type. Raises DremioError (CONFLICT, VALIDATION)."""
    kind = body.get("entityType")
    core = engine.core
    require = core.access.require
    if kind == "space":
        require(user, "ALTER", ())
        space = create_space(core.entities, (_text(body, "name"),))
        core.access.created(space.path, user)
        return entity_json(core, space)
    if kind == "folder":
        require(user, "ALTER", _path(body)[:-1])
        folder = create_folder(core.entities, _path(body))
        core.access.created(folder.path, user)
        return entity_json(core, folder)
    if kind == "source":
        return source.create(core, user, _text(body, "name"), body)
    if kind == "dataset" and body.get("type") == "VIRTUAL_DATASET":
        path = _path(body)
        require(user, "ALTER", path[:-1])
        if core.entities.get(path) is not None:
            raise conflict(
                f"Unable to create dataset '{'.'.join(path)}'. "
                "An object already exists with that name."
            )
        view = core.entities.create(path, "VIEW", _view(engine, user, body))
        core.access.created(view.path, user)
        return entity_json(core, view)
    raise validation(f"Cannot create an entity of type [{kind}]")


def update(engine: Engine, user: User, entity_id: str, body: Json) -> Json:
    """Change a view or source. Raises DremioError: CONFLICT when its tag has changed."""
    core = engine.core
    entity = locate_id(core, entity_id)
    if not isinstance(entity, Entity):
        raise validation("A folder of a source cannot be changed")
    tag = body.get("tag")
    core.access.require(user, "MODIFY" if entity.kind == "SOURCE" else "ALTER", entity.path)
    if entity.kind == "SOURCE":
        return entity_json(core, source.save(core, entity.name, body, entity, tag))
    if entity.kind == "VIEW":
        changed = {**entity.body, **_view(engine, user, {**body, "path": list(entity.path)})}
        return entity_json(core, core.entities.update(entity, changed, tag))
    if entity.kind in ("SPACE", "FOLDER", "HOME"):
        return entity_json(core, core.entities.update(entity, entity.body, tag))
    return promotion.change(core, entity, body, tag)


def delete(engine: Engine, user: User, entity_id: str, tag: str | None) -> None:
    """Remove an entity and all under it. Raises DremioError (NOT_FOUND, CONFLICT)."""
    core = engine.core
    entity = locate_id(core, entity_id)
    if not isinstance(entity, Entity):
        raise validation("A folder of a source cannot be deleted here: drop its tables")
    core.access.require(user, "DROP", entity.path, "MODIFY" if entity.kind == "SOURCE" else "ALTER")
    if entity.kind == "HOME":
        raise validation("A home space cannot be deleted")
    if tag is not None and tag != entity.tag:
        raise conflict(
            f"The specified version [{tag}] did not match the current version [{entity.tag}]"
        )
    core.entities.delete(entity)
    if entity.kind == "SOURCE":
        core.sources.forget(entity)


def _view(engine: Engine, user: User, body: Json) -> dict[str, Any]:
    path = _path(body)
    given = body.get("sqlContext") or []
    if not isinstance(given, list):
        raise validation("sqlContext: expected a list of names")
    context = tuple(str(part) for part in given)
    dotted = ".".join(quoted(part) for part in path)
    statement = parse(f"CREATE VIEW {dotted} AS {_text(body, 'sql')}")
    if not isinstance(statement, CreateView):
        raise validation("sql: expected a query")
    core = engine.core
    run = Run(core, Session(user, context), core.database.cursor())
    try:
        check_place(run, path)
        return view_body(run, path, statement)
    finally:
        run.cursor.close()


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise validation(f"{name}: expected a non-empty string")
    return value


def _path(body: Json) -> tuple[str, ...]:
    value = body.get("path")
    if not isinstance(value, list) or not value or not all(isinstance(p, str) for p in value):
        raise validation("path: expected a list of names")
    return tuple(value)
