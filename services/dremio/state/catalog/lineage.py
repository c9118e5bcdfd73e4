"""What a dataset is made of and what is made of it, from the views' parsed SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage

from services.dremio.sql.resolve import candidates
from services.dremio.sql.scope import is_cte
from services.dremio.state.catalog.catalog import fields_of
from services.dremio.state.catalog.entities import Entity, Path, key
from services.dremio.state.errors import DremioError

if TYPE_CHECKING:
    from services.dremio.state.core import Core


@dataclass(frozen=True)
class Origin:
    """A column that another is made of."""

    path: Path
    column: str


def parents(core: Core, view: Entity) -> list[Path]:
    """Return the datasets that a view's own query names, in its order."""
    try:
        return list(_named(core, view)[1].values())
    except DremioError:
        return []


def children(core: Core, path: Path) -> list[Entity]:
    """Return the views whose own query names the dataset at a path."""
    own = key(path)
    return [
        view
        for view in core.entities.all("VIEW")
        if own in {key(parent) for parent in parents(core, view)}
    ]


def columns(core: Core, view: Entity) -> dict[str, list[Origin]]:
    """Return, by the view's columns, the columns of its parents that they are made of.

    A column of a query that cannot be followed (a pivot, a table function) is left out.
    """
    try:
        tree, named = _named(core, view)
    except DremioError:
        return {}
    known = core.catalog.view(view).columns
    schema = {name: _fields(core, path) for name, path in named.items()}
    shapes = {name: dict.fromkeys(fields.names, "text") for name, fields in schema.items()}
    found: dict[str, list[Origin]] = {}
    outputs = [field.name for field in fields_of(view)]
    inner = [each.alias_or_name for each in getattr(tree, "selects", [])] if known else outputs
    for shown, name in zip(outputs, inner, strict=False):
        try:
            node = lineage(name, tree.copy(), schema=shapes, dialect="duckdb")
        except (SqlglotError, ValueError, KeyError, RecursionError):
            continue
        origins: dict[Origin, None] = {}
        for leaf in node.walk():
            if isinstance(leaf.expression, exp.Table) and leaf.expression.name in named:
                column = leaf.name.rsplit(".", 1)[-1].strip('"')
                origins[Origin(named[leaf.expression.name], column)] = None
        found[shown] = list(origins)
    return found


def _named(core: Core, view: Entity) -> tuple[exp.Expression, dict[str, Path]]:
    """Return a view's query with its datasets called t0, t1 …, and what those are."""
    stored = core.catalog.view(view)
    tree = stored.tree.copy()
    names: dict[str, str] = {}
    found: dict[str, Path] = {}
    for table in list(tree.find_all(exp.Table)):
        if is_cte(table) or isinstance(table.this, exp.Func):
            continue
        path = _full(core, tuple(part.name for part in table.parts), stored.context)
        if path is None:
            continue
        name = names.setdefault(key(path), f"t{len(names)}")
        found[name] = path
        alias = table.args.get("alias") or exp.TableAlias(
            this=exp.to_identifier(table.parts[-1].name, quoted=True)
        )
        table.replace(exp.Table(this=exp.to_identifier(name), alias=alias))
    return tree, found


def _full(core: Core, path: Path, context: Path) -> Path | None:
    for candidate in candidates(path, context):
        entity = core.entities.get(candidate)
        if entity is not None and entity.kind in ("VIEW", "TABLE"):
            return entity.path
        if core.catalog.exists(candidate):
            return candidate
    return None


def _fields(core: Core, path: Path) -> pa.Schema:
    entity = core.entities.get(path)
    if entity is not None and entity.kind == "VIEW":
        return fields_of(entity)
    try:
        return core.catalog.columns(path) or pa.schema([])
    except DremioError:
        return pa.schema([])
