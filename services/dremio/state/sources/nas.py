"""A folder of the inbox as a source (Dremio's NAS)."""

from __future__ import annotations

import pyarrow as pa

from services.dremio.sql.resolve import Physical
from services.dremio.state.sources.model import Child, Path, Scanned
from services.dremio.state.sources.promoted import Promoted


class NasSource:
    """Files and folders of one local folder; read-only."""

    def __init__(self, promoted: Promoted) -> None:
        self.promoted = promoted

    def check(self) -> None:
        """List the folder, or raise why that fails."""
        self.promoted.children(())

    def folders(self) -> list[Path]:
        """Return the folders that hold datasets."""
        return self.promoted.folders()

    def tables(self, folder: Path) -> list[str]:
        """Return the datasets right in a folder."""
        return self.promoted.tables(folder)

    def children(self, folder: Path) -> list[Child] | None:
        """Return the files and folders right in a folder."""
        return self.promoted.children(folder)

    def kind(self, path: Path) -> str | None:
        """Return what lies at a path."""
        return self.promoted.kind(self.promoted.spelled(path))

    def relation(self, path: Path, rows: int | None) -> Physical | Scanned | None:
        """Return the dataset at a path."""
        return self.promoted.relation(self.promoted.spelled(path))

    def schema(self, path: Path) -> pa.Schema | None:
        """Return a dataset's columns."""
        return self.promoted.schema(self.promoted.spelled(path))

    def refresh(self, path: Path) -> None:
        """List the files anew."""
        self.promoted.refresh()

    def close(self) -> None:
        """Drop what was made of the files."""
        self.promoted.close()
