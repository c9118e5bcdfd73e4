"""Folders of files, wherever they lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

Path = tuple[str, ...]
# A folder of more files than this is no dataset that one machine should list at every query.
MOST_FILES = 20_000


@dataclass(frozen=True)
class File:
    """A file: its path below the folder asked for, its address for DuckDB, and its version."""

    path: Path
    url: str
    stamp: str


@dataclass
class Listing:
    """What lies right in a folder."""

    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


class Tree(Protocol):
    """Files by their paths below a source. Raises DremioError when it cannot be reached."""

    def file(self, path: Path) -> File | None:
        """Return the file at a path."""
        ...

    def listing(self, path: Path) -> Listing | None:
        """Return what lies right in a folder, None when there is no such folder."""
        ...

    def walk(self, path: Path) -> list[File]:
        """Return every file below a folder, hidden ones (`.x`, `_x`) left out, ordered."""
        ...

    def base(self, path: Path) -> str:
        """Return the address that the addresses of a folder's files begin with."""
        ...


def hidden(path: Path) -> bool:
    """Whether Hadoop's readers pass over a file: a part of its path starts with `.` or `_`."""
    return any(part.startswith((".", "_")) for part in path)
