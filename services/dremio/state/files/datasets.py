"""Datasets made of files, kept as views of DuckDB until the files change."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from services.dremio.sql.resolve import Physical
from services.dremio.state import types
from services.dremio.state.database import literal, quoted
from services.dremio.state.duckdb_errors import translate
from services.dremio.state.errors import validation
from services.dremio.state.files import formats, readers
from services.dremio.state.files.formats import Format
from services.dremio.state.files.tree import File, Path, Tree

# How long a listing is believed: other programs' new files show up after this at the latest.
_LISTING_SECONDS = 2.0


@dataclass(frozen=True)
class Made:
    """A view over the files of one moment."""

    view: str
    files: str
    columns: pa.Schema


class FileDatasets:
    """The files of one source as datasets. Safe to use from many threads."""

    def __init__(self, database: duckdb.DuckDBPyConnection, tree: Tree, *, keys: bool) -> None:
        self._database = database
        self._tree = tree
        self._keys = keys
        self._lock = threading.Lock()
        self._made: dict[str, tuple[float, Made]] = {}
        self._former: dict[str, str] = {}

    def detect(self, path: Path) -> Format | None:
        """Return the format of a file or folder by the names in it; None: nothing is there.

        Raises DremioError (VALIDATION) for a folder of several formats, or of none known.
        """
        if self._tree.file(path) is not None:
            found = formats.by_name(path[-1])
            if found is None:
                raise validation(f"'{'.'.join(path)}': its format is not known by its name")
            return found
        listing = self._tree.listing(path)
        if listing is None:
            return None
        if "_delta_log" in listing.folders:
            return {"type": "Delta"}
        found_formats = {}
        for file in self._tree.walk(path):
            how = formats.by_name(file.path[-1])
            found_formats[how["type"] if how else file.path[-1]] = how
        if len(found_formats) > 1:
            raise validation(f"Folder '{'.'.join(path)}' holds files of several formats")
        return next(iter(found_formats.values()), None)

    def relation(self, path: Path, how: Format) -> Physical | None:
        """Return the dataset at a path as a relation, None when its files are gone."""
        made = self._current(path, how)
        return None if made is None else Physical(path, "memory", "main", made.view)

    def schema(self, path: Path, how: Format) -> pa.Schema | None:
        """Return the dataset's columns."""
        made = self._current(path, how)
        return None if made is None else made.columns

    def refresh(self, path: Path) -> None:
        """List the files anew at next use."""
        self._made = {name: (0.0, made) for name, (_, made) in self._made.items()}

    def close(self) -> None:
        """Drop the views."""
        with self._lock:
            for view in [*self._former.values(), *(made.view for _, made in self._made.values())]:
                self._drop(view)
            self._made.clear()
            self._former.clear()

    def _current(self, path: Path, how: Format) -> Made | None:
        name = repr((path, sorted(how.items())))
        known = self._made.get(name)
        if known and known[0] > time.monotonic():
            return known[1]
        with self._lock:
            known = self._made.get(name)
            if known and known[0] > time.monotonic():
                return known[1]
            one = self._tree.file(path)
            files = [one] if one is not None else self._tree.walk(path)
            if how["type"] == "Delta":
                files = [File(path, self._tree.base(path), _log_stamp(self._tree, path))]
            if not files:
                return None
            stamp = _stamp(files)
            if known is None or known[1].files != stamp:
                made = self._make(path, how, files, stamp, folder=one is None)
                if name in self._former:
                    self._drop(self._former.pop(name))
                if known is not None:  # statements may still run on it
                    self._former[name] = known[1].view
            else:
                made = known[1]
            self._made[name] = (time.monotonic() + _LISTING_SECONDS, made)
            return made

    def _make(
        self, path: Path, how: Format, files: list[File], stamp: str, *, folder: bool
    ) -> Made:
        cursor = self._database.cursor()
        view = f"{'.'.join(path)} {stamp} {time.monotonic_ns()}"
        try:
            if how["type"] == "Delta":
                sql = f"SELECT * FROM delta_scan({literal(files[0].url)})"  # noqa: S608 - a literal
            else:
                base = self._tree.base(path if folder else path[:-1])
                if not folder:
                    files = [File(path[-1:], files[0].url, files[0].stamp)]
                sql = readers.select(cursor, how, files, base, keys=self._keys)
            cursor.execute(f"CREATE VIEW memory.main.{quoted(view)} AS {sql}")
            shown = cursor.sql(f"FROM memory.main.{quoted(view)}")
            columns = pa.schema(
                [
                    (name, types.from_duckdb(kind))
                    for name, kind in zip(shown.columns, shown.types, strict=True)
                ]
            )
        except duckdb.Error as error:
            raise translate(error) from error
        finally:
            cursor.close()
        return Made(view, stamp, columns)

    def _drop(self, view: str) -> None:
        cursor = self._database.cursor()
        try:
            cursor.execute(f"DROP VIEW IF EXISTS memory.main.{quoted(view)}")
        finally:
            cursor.close()


def _stamp(files: list[File]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.url}\0{file.stamp}\0".encode())
    return digest.hexdigest()[:16]


def _log_stamp(tree: Tree, path: Path) -> str:
    """Return what changes when a Delta table's columns may have: the names in its log."""
    listing = tree.listing((*path, "_delta_log"))
    return "\0".join(sorted(listing.files)) if listing else ""
