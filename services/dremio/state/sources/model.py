"""What the engine asks of every kind of source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
import pyarrow.dataset as ds

from services.dremio.sql.resolve import Physical

Path = tuple[str, ...]


@dataclass(frozen=True)
class Scanned:
    """Rows that are fetched when DuckDB scans them: a dataset that takes columns and filters."""

    path: Path
    dataset: ds.Dataset


@dataclass(frozen=True)
class Child:
    """What lies right in a folder of a source: `kind` is FOLDER, FILE or TABLE."""

    name: str
    kind: str


class Source(Protocol):
    """A source that is open. Paths are those below the source; names compare without case.

    Every method raises DremioError (CONNECTION) when the source cannot be reached.
    """

    def check(self) -> None:
        """Reach the source, or raise why that fails."""
        ...

    def folders(self) -> list[Path]:
        """Return every folder that holds tables."""
        ...

    def tables(self, folder: Path) -> list[str]:
        """Return the names of the tables right in a folder."""
        ...

    def children(self, folder: Path) -> list[Child] | None:
        """Return what lies right in a folder, None when there is no such folder."""
        ...

    def kind(self, path: Path) -> str | None:
        """Return what lies at a path: TABLE, FILE, FOLDER or None; nothing is promoted by that."""
        ...

    def relation(self, path: Path, rows: int | None) -> Physical | Scanned | None:
        """Return the table at a path; `rows`: how many the query takes at most, when known."""
        ...

    def schema(self, path: Path) -> pa.Schema | None:
        """Return a table's columns with the types that Dremio answers."""
        ...

    def refresh(self, path: Path) -> None:
        """Forget what is remembered of the table at a path."""
        ...

    def close(self) -> None:
        """Give back what is open."""
        ...
