"""S3 as a source: Iceberg tables of every bucket, and the files of plain ones."""

from __future__ import annotations

import pyarrow as pa

from services.dremio.sql.resolve import Physical
from services.dremio.state import types
from services.dremio.state.catalog.entities import Entity, key
from services.dremio.state.lake.lakes import Lakes
from services.dremio.state.lake.source import LakeSource
from services.dremio.state.lake.spelling import decode
from services.dremio.state.sources.model import Child, Path, Scanned
from services.dremio.state.sources.promoted import ICEBERG, Promoted


class S3Source:
    """The buckets of an S3 source."""

    def __init__(self, entity: Entity, lakes: Lakes, promoted: Promoted) -> None:
        self._entity = entity
        self._lakes = lakes
        self.promoted = promoted

    @property
    def lake(self) -> LakeSource:
        """The source's Iceberg tables. Raises DremioError (CONNECTION)."""
        return self._lakes.of(self._entity)

    def check(self) -> None:
        """Reach the storage, or raise why that fails."""
        self.children(())

    def folders(self) -> list[Path]:
        """Return the buckets and the folders that hold tables."""
        return list(dict.fromkeys([*self.lake.folders(), *self.promoted.folders()]))

    def tables(self, folder: Path) -> list[str]:
        """Return the names of the tables right in a folder."""
        lake = self.lake
        found = lake.folder(folder)
        if found is None or lake.is_plain(folder):
            return self.promoted.tables(folder)
        if not found[1]:
            return []
        return [self._name((*folder, decode(stored))) for stored in lake.tables(*found)]

    def children(self, folder: Path) -> list[Child] | None:
        """Return the folders, files and tables right in a folder."""
        lake = self.lake
        if (folder or lake.root) and lake.is_plain(folder):
            return self.promoted.children(folder)
        depth, folders = len(folder), lake.folders()
        names = sorted(
            {f[depth] for f in folders if len(f) > depth and key(f[:depth]) == key(folder)}
        )
        if folder and not names and key(folder) not in {key(f) for f in folders}:
            return None
        found = [Child(name, "FOLDER") for name in names]
        return found + [Child(name, "TABLE") for name in sorted(self.tables(folder))]

    def kind(self, path: Path) -> str | None:
        """Return what lies at a path."""
        path = self.promoted.spelled(path)
        lake = self.lake
        place = lake.place(path)
        if place is not None and lake.exists(place):
            return "TABLE"
        if path and lake.is_plain(path):
            return self.promoted.kind(path)
        return "FOLDER" if self.children(path) is not None else None

    def relation(self, path: Path, rows: int | None) -> Physical | Scanned | None:
        """Return the table or file dataset at a path."""
        path = self.promoted.spelled(path)
        lake = self.lake
        how = self.promoted.format_of(path)
        if how is None or how["type"] == ICEBERG:
            place = lake.place(path)
            if place is not None and lake.exists(place):
                if how is None and lake.is_plain(path):
                    self.promoted.note(path, {"type": ICEBERG})
                database = self._lakes.database(lake, place)
                return Physical((self._entity.name, *path), database, place.schema, place.table)
        if (how is None or how["type"] != ICEBERG) and lake.is_plain(path):
            self._lakes.files(lake, (*lake.root, *path)[0])
            return self.promoted.relation(path)
        return None

    def schema(self, path: Path) -> pa.Schema | None:
        """Return a table's columns."""
        path = self.promoted.spelled(path)
        lake = self.lake
        how = self.promoted.format_of(path)
        if how is not None and how["type"] != ICEBERG:
            self._lakes.files(lake, (*lake.root, *path)[0])
            return self.promoted.schema(path)
        place = lake.place(path)
        if place is None:
            return None
        metadata = lake.rest.load(place.bucket, place.namespace, place.table)
        return None if metadata is None else types.iceberg_schema(metadata)

    def refresh(self, path: Path) -> None:
        """Forget what was listed."""
        self.lake.changed()
        self.promoted.refresh()

    def close(self) -> None:
        """Drop what was made of the files."""
        self.promoted.close()

    def readable(self, path: Path) -> None:
        """Let the engine read the files below a path."""
        lake = self.lake
        self._lakes.files(lake, (*lake.root, *path)[0])

    def _name(self, path: Path) -> str:
        return self.promoted.spelled(path)[-1]
