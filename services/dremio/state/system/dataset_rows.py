"""sys."tables" and sys.views: every dataset with its place, its owner and its kind."""

from __future__ import annotations

import datetime
from typing import Any

from services.dremio.state.access.actor import EVERYTHING
from services.dremio.state.catalog.entities import Entity, Path
from services.dremio.state.core import Core
from services.dremio.state.system import columns
from services.dremio.state.system.listing import Schema, schemas, tables_of

Rows = list[dict[str, Any]]

_UNOWNED = "$unowned$"


def tables(core: Core) -> Rows:
    """Return the rows of sys."tables"; the engine's own tables are among them."""
    found: Rows = []
    for schema in schemas(core, EVERYTHING):
        if schema.root is None or schema.root.kind == "SOURCE":
            found += [_table(core, schema, name) for name, _ in tables_of(core, schema)]
    return found


def _table(core: Core, schema: Schema, name: str) -> dict[str, Any]:
    path = (*schema.path, name)
    entity = core.entities.get(path)
    form = entity.body.get("format", {}).get("type", "Iceberg") if entity else "Iceberg"
    of_the_engine = columns.of(path) is not None and schema.root is None
    return {
        "table_id": entity.id if entity else None,
        "source_id": schema.root.id if schema.root else None,
        "table_name": name,
        "schema_id": _id(core, schema.path) if len(schema.path) > 1 else "",
        "_path": path,  # for the rows' filter; no column
        "path": _shown(path),
        "tag": entity.tag if entity else "",
        "type": "SYSTEM_TABLE" if of_the_engine else "PHYSICAL_DATASET",
        "format_type": "" if of_the_engine else form.upper(),
        "approx_statistics_allowed": False,
        "created": _created(entity),
        **_owner(core, path),
        **_policies(core, path),
        "clustering_keys": "",
    }


def views(core: Core) -> Rows:
    """Return the rows of sys.views."""
    return [
        {
            "view_id": entity.id,
            "space_id": _id(core, entity.path[:1]),
            "view_name": entity.name,
            "schema_id": _id(core, entity.path[:-1]) if len(entity.path) > 2 else "",
            "_path": entity.path,
            "path": _shown(entity.path),
            "tag": entity.tag,
            "type": "VIRTUAL_DATASET",
            "created": _created(entity),
            "sql_definition": entity.body["sql"],
            "sql_context": ".".join(entity.body.get("context") or []),
            **_owner(core, entity.path),
            **_policies(core, entity.path),
        }
        for entity in core.entities.all("VIEW")
    ]


NO_POLICIES = {"masking_policies": "[]", "row_access_policies": "[]"}


def _policies(core: Core, path: Path) -> dict[str, str]:
    """Return a dataset's policies as Dremio writes them; only its owner is shown them."""
    found: dict[str, list[str]] = {name: [] for name in NO_POLICIES}
    for policy in core.policies.of(path):
        text = f'function_name: "{".".join(policy.function)}" args: "{", ".join(policy.columns)}"'
        if policy.masked:
            found["masking_policies"].append(f'{text} column_name: "{policy.masked}"')
        else:
            found["row_access_policies"].append(text)
    return {name: f"[{', '.join(texts)}]" for name, texts in found.items()}


def _shown(path: Path) -> str:
    return f"[{', '.join(path)}]"


def _id(core: Core, path: Path) -> str | None:
    entity = core.entities.get(path)
    return entity.id if entity else None


def _created(entity: Entity | None) -> datetime.datetime | None:
    return entity.created_at.astimezone(datetime.UTC).replace(tzinfo=None) if entity else None


def _owner(core: Core, path: Path) -> dict[str, str]:
    owner = core.access.owner_id(path)
    if owner is None:
        return {"owner_id": _UNOWNED, "owner_type": _UNOWNED}
    role = core.access.has_role(owner)
    return {"owner_id": owner, "owner_type": "ROLE_OWNER" if role else "USER_OWNER"}
