"""S3 as a source: Iceberg tables of table buckets."""

from __future__ import annotations

import pyarrow as pa

from services.dremio.sql.resolve import Physical
from services.dremio.state import types
from services.dremio.state.catalog.entities import Entities, Entity, key
from services.dremio.state.lake.lakes import Lakes
from services.dremio.state.lake.source import LakeSource
from services.dremio.state.lake.spelling import decode
from services.dremio.state.sources.model import Child, Path, Scanned


class S3Source:
    """The buckets of an S3 source."""

    def __init__(self, entity: Entity, lakes: Lakes, entities: Entities) -> None:
        self._entity = entity
        self._lakes = lakes
        self._entities = entities

    @property
    def lake(self) -> LakeSource:
        """The source's Iceberg tables. Raises DremioError (CONNECTION)."""
        return self._lakes.of(self._entity)

    def check(self) -> None:
        """Reach the storage, or raise why that fails."""
        self.lake.folders()

    def folders(self) -> list[Path]:
        """Return the buckets and the folders that hold tables."""
        return self.lake.folders()

    def tables(self, folder: Path) -> list[str]:
        """Return the names of the tables right in a folder."""
        lake = self.lake
        found = lake.folder(folder)
        if found is None or not found[1]:
            return []
        return [self._name((*folder, decode(stored))) for stored in lake.tables(*found)]

    def children(self, folder: Path) -> list[Child] | None:
        """Return the folders and tables right in a folder."""
        depth, folders = len(folder), self.folders()
        names = sorted(
            {f[depth] for f in folders if len(f) > depth and key(f[:depth]) == key(folder)}
        )
        if folder and not names and key(folder) not in {key(f) for f in folders}:
            return None
        found = [Child(name, "FOLDER") for name in names]
        return found + [Child(name, "TABLE") for name in sorted(self.tables(folder))]

    def relation(self, path: Path, rows: int | None) -> Physical | Scanned | None:
        """Return the table at a path."""
        lake = self.lake
        place = lake.place(path)
        if place is None or not lake.exists(place):
            return None
        database = self._lakes.database(lake, place)
        return Physical((self._entity.name, *path), database, place.schema, place.table)

    def schema(self, path: Path) -> pa.Schema | None:
        """Return a table's columns."""
        place = self.lake.place(path)
        if place is None:
            return None
        metadata = self.lake.rest.load(place.bucket, place.namespace, place.table)
        return None if metadata is None else types.iceberg_schema(metadata)

    def refresh(self, path: Path) -> None:
        """Forget what was listed."""
        self.lake.changed()

    def close(self) -> None:
        """Nothing of its own is open."""

    def _name(self, path: Path) -> str:
        known = self._entities.get((self._entity.name, *path))
        return known.name if known is not None else path[-1]
