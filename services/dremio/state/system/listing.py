"""Schemas and what they hold, as INFORMATION_SCHEMA and SHOW list them."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from services.dremio.state.access.actor import Actor
from services.dremio.state.catalog.entities import Entity, Path
from services.dremio.state.core import Core
from services.dremio.state.errors import DremioError
from services.dremio.state.system import columns

_log = logging.getLogger(__name__)
_KINDS = {"SPACE": "SPACE", "HOME": "HOME", "SOURCE": "SOURCE"}


@dataclass(frozen=True)
class Schema:
    """A space, home, source or folder; `root` is None for the engine's own two."""

    path: Path
    root: Entity | None

    @property
    def name(self) -> str:
        """The path as SCHEMA_NAME spells it."""
        return ".".join(self.path)

    @property
    def mutable(self) -> bool:
        """Whether statements can create something in it."""
        return self.root is not None


def schemas(core: Core, actor: Actor) -> list[Schema]:
    """Return every schema the actor sees, by name; a source that fails without its folders."""
    found = [Schema(("INFORMATION_SCHEMA",), None), Schema(("sys",), None)]
    for entity in core.entities.all():
        if entity.kind == "SOURCE":
            found.append(Schema(entity.path, entity))
            try:
                folders = core.sources.of(entity).folders()
            except DremioError as error:
                _log.warning(
                    "source cannot be listed", extra={"source": entity.name, "why": str(error)}
                )
                continue
            found += [Schema((entity.name, *folder), entity) for folder in folders]
        elif entity.kind in ("SPACE", "HOME", "FOLDER"):
            root = core.entities.get(entity.path[:1])
            if root is not None:
                found.append(Schema(entity.path, root))
    seen = [schema for schema in found if schema.root is None or actor.sees(schema.path)]
    return sorted(seen, key=lambda schema: schema.name.lower())


def tables_of(core: Core, schema: Schema, actor: Actor | None = None) -> list[tuple[str, str]]:
    """Return (name, TABLE_TYPE) of what lies right in a schema and the actor (if any) sees."""
    found = _all_tables(core, schema)
    if actor is None or schema.root is None:
        return found
    return [entry for entry in found if actor.sees((*schema.path, entry[0]))]


def _all_tables(core: Core, schema: Schema) -> list[tuple[str, str]]:
    if schema.root is None:
        return [(name, "SYSTEM_TABLE") for name in columns.names(schema.path[0])]
    if schema.root.kind == "SOURCE":
        try:
            names = core.catalog.tables_in(schema.root, schema.path[1:])
        except DremioError as error:
            _log.warning(
                "folder cannot be listed", extra={"schema": schema.name, "why": str(error)}
            )
            return []
        return [(name, "TABLE") for name in names]
    children = core.entities.children(schema.path)
    return [(entity.name, "VIEW") for entity in children if entity.kind == "VIEW"]
