"""Files and folders that are datasets: formatted by the API, by a query, or when first queried."""

from __future__ import annotations

import pyarrow as pa

from services.dremio.sql.resolve import Physical
from services.dremio.state.catalog.entities import Entities, Entity
from services.dremio.state.errors import DremioError, ErrorKind, validation
from services.dremio.state.files.datasets import FileDatasets
from services.dremio.state.files.formats import Format
from services.dremio.state.files.tree import Tree
from services.dremio.state.sources.model import Child, Path

ICEBERG = "Iceberg"


class Promoted:
    """The file datasets of one source: the catalog's TABLE entities that have a format."""

    def __init__(
        self, source: Entity, entities: Entities, tree: Tree, datasets: FileDatasets
    ) -> None:
        self._source = source
        self._entities = entities
        self._tree = tree
        self._datasets = datasets
        policy = source.body.get("metadataPolicy") or {}
        self._automatic = policy.get("autoPromoteDatasets") is not False

    def spelled(self, path: Path) -> Path:
        """Return a dataset's path as it was first spelled: files' names have capitals."""
        known = self._entities.get((self._source.name, *path))
        return known.path[1:] if known is not None else path

    def format_of(self, path: Path) -> Format | None:
        """Return the format of the dataset at a path, None when there is none."""
        known = self._entities.get((self._source.name, *path))
        return known.body.get("format") if known is not None and known.kind == "TABLE" else None

    def promote(self, path: Path, how: Format) -> Entity:
        """Make a file or folder a dataset, or change its format. Raises DremioError."""
        if how["type"] != ICEBERG and self._datasets.schema(path, how) is None:
            raise DremioError(
                ErrorKind.NOT_FOUND, f"No files at '{'.'.join((self._source.name, *path))}'"
            )
        return self.note(path, how)

    def note(self, path: Path, how: Format) -> Entity:
        """Write down that a dataset of that format lies at a path."""
        full = (self._source.name, *path)
        known = self._entities.get(full)
        if known is None:
            try:
                return self._entities.create(full, "TABLE", {"format": how})
            except DremioError as error:
                known = self._entities.get(full)  # another query was first
                if error.kind is not ErrorKind.CONFLICT or known is None:
                    raise
        return self._entities.update(known, {**known.body, "format": how})

    def relation(self, path: Path) -> Physical | None:
        """Return the dataset at a path; what is none yet becomes one, where that is allowed."""
        how = self.format_of(path)
        if how is None and self._automatic:
            how = self._datasets.detect(path)
            if how is not None and self._datasets.schema(path, how) is not None:
                self.note(path, how)
        return None if how is None else self._datasets.relation(path, how)

    def as_format(self, path: Path, how: Format) -> Physical:
        """Return files read in a format given by the query. Raises DremioError (VALIDATION)."""
        found = self._datasets.relation(path, how)
        if found is None:
            raise validation(f"Object '{'.'.join((self._source.name, *path))}' not found")
        return found

    def schema(self, path: Path) -> pa.Schema | None:
        """Return a dataset's columns."""
        how = self.format_of(path)
        return None if how is None else self._datasets.schema(path, how)

    def tables(self, folder: Path) -> list[str]:
        """Return the names of the datasets right in a folder."""
        children = self._entities.children((self._source.name, *folder))
        return [e.name for e in children if e.kind == "TABLE" and e.body.get("format")]

    def folders(self) -> list[Path]:
        """Return the folders that hold datasets."""
        found: dict[Path, None] = {}
        for entity in self._entities.below((self._source.name,)):
            if entity.kind == "TABLE" and entity.body.get("format"):
                for length in range(1, len(entity.path) - 1):
                    found[entity.path[1 : length + 1]] = None
        return list(found)

    def children(self, folder: Path) -> list[Child] | None:
        """Return the files and folders right in a folder."""
        listing = self._tree.listing(folder)
        if listing is None:
            return None
        found = [Child(name, "FOLDER") for name in sorted(listing.folders)]
        return found + [Child(name, "FILE") for name in sorted(listing.files)]

    def kind(self, path: Path) -> str | None:
        """Return what lies at a path: TABLE, FILE, FOLDER or nothing."""
        how = self.format_of(path)
        if how is not None and how["type"] != ICEBERG:
            return "TABLE" if self._datasets.schema(path, how) is not None else None
        if self._tree.file(path) is not None:
            return "FILE"
        return "FOLDER" if self._tree.listing(path) is not None else None

    def forget(self, path: Path) -> bool:
        """Make a dataset a file or folder again. Returns False when it was none."""
        known = self._entities.get((self._source.name, *path))
        if known is None or known.kind != "TABLE" or not known.body.get("format"):
            return False
        self._entities.delete(known)
        return True

    def refresh(self) -> None:
        """List the files anew."""
        self._datasets.refresh(())

    def close(self) -> None:
        """Drop what was made of the files."""
        self._datasets.close()
