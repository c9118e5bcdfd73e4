"""Paths → what lies there: the catalog's entities and, in sources, the storage's tables."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.resolve import Physical, View
from services.dremio.sql.shape import as_query
from services.dremio.sql.tokens import parse_tokens, tokenize
from services.dremio.state import types
from services.dremio.state.catalog.entities import Entities, Entity, Path
from services.dremio.state.catalog.functions import Functions
from services.dremio.state.errors import DremioError, ErrorKind, validation
from services.dremio.state.lake.lakes import Lakes
from services.dremio.state.lake.source import LakeSource, Place
from services.dremio.state.sources.model import Scanned
from services.dremio.state.sources.promoted import ICEBERG
from services.dremio.state.sources.s3 import S3Source

if TYPE_CHECKING:
    from services.dremio.state.sources.registry import Sources

ROOT_KINDS = ("SPACE", "HOME", "SOURCE")
_TREES_KEPT = 2000


@dataclass(frozen=True)
class Table:
    """A table in a source: where it lies and how it is called here."""

    path: Path
    source: Entity
    lake: LakeSource
    place: Place

    def metadata(self) -> dict[str, Any] | None:
        """Return its metadata document, which nobody may change; None when it is gone."""
        return self.lake.rest.load(self.place.bucket, self.place.namespace, self.place.table)


class Catalog:
    """Look-ups over entities and lakes. Safe to use from many threads."""

    def __init__(self, entities: Entities, lakes: Lakes, sources: Sources) -> None:
        self.entities = entities
        self.lakes = lakes
        self.functions = Functions()
        self.sources = sources
        self._trees: dict[str, exp.Expression] = {}

    def root(self, path: Path) -> Entity | None:
        """Return the space, home or source a path starts with."""
        return self.entities.get(path[:1]) if path else None

    def source(self, path: Path) -> Entity | None:
        """Return the source a path starts with, None when it is a space's."""
        root = self.root(path)
        return root if root is not None and root.kind == "SOURCE" else None

    def relation(self, path: Path, rows: int | None = None) -> Physical | View | Scanned | None:
        """Return the table or view at a full path. Raises DremioError when a source fails.

        `rows`: how many rows the query takes of it at most, where that is known.
        """
        entity = self.entities.get(path)
        if entity is not None and entity.kind == "VIEW":
            return self.view(entity)
        root = self.source(path)
        if root is None or len(path) < 2:
            return None
        found = self.sources.of(root).relation(path[1:], rows)
        return None if found is None else replace(found, path=(root.name, *path[1:]))

    def columns(self, path: Path) -> pa.Schema | None:
        """Return the columns of a source's table of any kind, None when there is none."""
        root = self.source(path)
        if root is None or len(path) < 2:
            return None
        return self.sources.of(root).schema(path[1:])

    def exists(self, path: Path) -> bool:
        """Whether a source has a table of any kind at a full path."""
        root = self.source(path)
        if root is None or len(path) < 2:
            return False
        return self.sources.of(root).kind(path[1:]) == "TABLE"

    def view(self, entity: Entity) -> View:
        """Return the stored view, parsed."""
        text = entity.body["sql"]
        tree = self._trees.get(text)
        if tree is None:
            if len(self._trees) > _TREES_KEPT:
                self._trees.clear()
            tree = self._trees[text] = as_query(parse_tokens(tokenize(text), text))
        return View(
            path=entity.path,
            tree=tree,
            context=tuple(entity.body.get("context") or ()),
            columns=tuple(entity.body.get("columns") or ()),
        )

    def table(self, path: Path) -> Table | None:
        """Return the table at a full path, None when there is none."""
        table = self.target(path, must=False)
        return table if table is not None and table.lake.exists(table.place) else None

    def target(self, path: Path, *, must: bool = True) -> Table | None:
        """Return where a table of that path lies or would lie.

        With `must`, raises DremioError (VALIDATION) when no table can be there; else None.
        """
        root = self.source(path)
        if root is None:
            if must:
                raise validation(
                    f"Unknown source '{path[0]}': tables are created in a source"
                    if self.root(path) is None
                    else f"Unable to write tables into '{path[0]}': it is no source"
                )
            return None
        if root.body["type"] != "S3":
            if must:
                raise validation(
                    f"Source '{root.name}' of type {root.body['type']} does not support "
                    "creating or changing tables"
                )
            return None
        lake = self.lakes.of(root)
        known = self.entities.get(path)  # in plain buckets capitals count
        path = known.path if known is not None else path
        place = lake.place(path[1:])
        if place is None:
            if must:
                raise validation(
                    f"'{'.'.join(path)}' is no table's path: source '{root.name}' with root path "
                    f"'/{'/'.join(lake.root)}' expects {_shape(lake)}"
                )
            return None
        return Table((root.name, *path[1:]), root, lake, place)

    def created(self, table: Table) -> None:
        """Note a table that this engine wrote: plain buckets are not searched for tables."""
        if table.lake.rest.is_plain(table.place.bucket) and table.lake.exists(table.place):
            source = self.sources.of(table.source)
            if isinstance(source, S3Source):
                source.promoted.note(table.path[1:], {"type": ICEBERG})

    def schema_of(self, table: Table) -> pa.Schema:
        """Return a table's columns. Raises DremioError (NOT_FOUND) when it is gone."""
        metadata = table.metadata()
        if metadata is None:
            raise DremioError(ErrorKind.NOT_FOUND, f"Table '{'.'.join(table.path)}' not found")
        return types.iceberg_schema(metadata)

    def tables_in(self, source: Entity, folder: Path) -> list[str]:
        """Return the names of the tables right in a folder of a source."""
        return sorted(self.sources.of(source).tables(folder))


def fields_of(entity: Entity) -> pa.Schema:
    """Return the columns a view had when it was last saved."""
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(entity.body["fields"])))


def pack_fields(schema: pa.Schema) -> str:
    """Return a schema as a view's body keeps it."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def _shape(lake: LakeSource) -> str:
    return "bucket.folder.table" if not lake.root else "a table in its root folder or in a folder"
