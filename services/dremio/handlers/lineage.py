"""`GET /api/v3/catalog/{id}/graph`: a dataset's parents and children."""

from __future__ import annotations

from services.dremio.handlers.catalog import check_seen, locate, locate_id
from services.dremio.handlers.present import Json, item
from services.dremio.state.catalog import lineage
from services.dremio.state.catalog.entities import Entity, Path
from services.dremio.state.core import Core
from services.dremio.state.errors import DremioError, validation
from services.dremio.state.session import User


def graph(core: Core, user: User, entity_id: str) -> Json:
    """Return what a dataset is made of and what is made of it, as far as the user sees it.

    `columns` is Lakelet's own: by each column of a view, those of its parents that it is made of.
    Raises DremioError (NOT_FOUND, PERMISSION, VALIDATION).
    """
    entity = locate_id(core, entity_id)
    if not isinstance(entity, Entity) or entity.kind not in ("VIEW", "TABLE"):
        raise validation("A graph is of a table or view")
    check_seen(core, user, entity.path)
    sees = core.access.actor(user).sees
    is_view = entity.kind == "VIEW"
    above = [path for path in lineage.parents(core, entity) if sees(path)] if is_view else []
    below = [view for view in lineage.children(core, entity.path) if sees(view.path)]
    columns = lineage.columns(core, entity) if is_view else {}
    return {
        "id": entity.id,
        "parents": [shown for path in above if (shown := _item(core, path)) is not None],
        "children": [item(view) for view in below],
        "columns": [
            {
                "name": name,
                "origins": [
                    {"path": list(origin.path), "column": origin.column}
                    for origin in origins
                    if sees(origin.path)
                ],
            }
            for name, origins in columns.items()
        ],
    }


def _item(core: Core, path: Path) -> Json | None:
    try:
        found = locate(core, path)
    except DremioError:
        return None  # gone since it was looked for
    return item(found) if isinstance(found, Entity) else None
