"""A folder of this machine: the one that is open to sources, or one below it."""

from __future__ import annotations

import os
from pathlib import Path as Folder

from services.dremio.state.errors import DremioError, ErrorKind, validation
from services.dremio.state.files.tree import MOST_FILES, File, Listing, Path, hidden


class LocalTree:
    """Files below `root`, which lies in `allowed`; links that lead elsewhere are not followed."""

    def __init__(self, allowed: Folder, given: str) -> None:
        self._root = inside(allowed, given)
        self._allowed = allowed.resolve()

    def file(self, path: Path) -> File | None:
        """Return the file at a path."""
        at = self._at(path)
        return self._file(at, path) if at is not None and at.is_file() else None

    def listing(self, path: Path) -> Listing | None:
        """Return what lies right in a folder."""
        at = self._at(path)
        if at is None or not at.is_dir():
            return None
        found = Listing()
        for entry in sorted(at.iterdir()):
            if self._at((*path, entry.name)) is not None:
                (found.folders if entry.is_dir() else found.files).append(entry.name)
        return found

    def walk(self, path: Path) -> list[File]:
        """Return every file below a folder."""
        at = self._at(path)
        if at is None:
            return []
        found: list[File] = []
        for folder, folders, names in os.walk(at, followlinks=False):
            folders.sort()
            for name in sorted(names):
                below = Folder(folder, name).relative_to(at).parts
                if hidden(below) or self._at((*path, *below)) is None:
                    continue
                found.append(self._file(Folder(folder, name), below))
                if len(found) > MOST_FILES:
                    raise DremioError(
                        ErrorKind.RESOURCE, f"More than {MOST_FILES} files in '{'/'.join(path)}'"
                    )
        return found

    def base(self, path: Path) -> str:
        """Return the folder."""
        return str(self._root.joinpath(*path))

    def _file(self, at: Folder, path: Path) -> File:
        facts = at.stat()
        return File(path, str(at), f"{facts.st_size}/{facts.st_mtime_ns}")

    def _at(self, path: Path) -> Folder | None:
        if any(part in ("", ".", "..") or "/" in part or "\0" in part for part in path):
            return None
        at = self._root.joinpath(*path)
        return at if at.resolve().is_relative_to(self._allowed) else None


def inside(allowed: Folder, given: str) -> Folder:
    """Return the folder that a source's `path` means: relative to the open one, or below it.

    Raises DremioError (VALIDATION) when it lies elsewhere.
    """
    root = allowed.resolve()
    for candidate in (Folder(given), root / given.lstrip("/")):
        found = candidate.resolve()
        if candidate.is_absolute() and found.is_relative_to(root):
            return found
    raise validation(f"path {given!r}: only folders of the inbox ({root}) can be sources")
