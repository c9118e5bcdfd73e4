"""Content by its digest: stored once, and checked whenever it is read."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bootstrap.backup.manifest import Blob
from bootstrap.backup.store import Readable, Store
from services.common.errors import PermanentError

_CHUNK = 1 << 20


class Blobs:
    """The content part of a place of backups."""

    def __init__(self, store: Store, folder: Path) -> None:
        """`folder`: where content lies while it is on its way."""
        self._store, self.folder = store, folder
        self.written = 0

    def add(self, source: Readable) -> Blob:
        """Store what `source` yields, unless it is there already."""
        with tempfile.NamedTemporaryFile(dir=self.folder) as copy:
            blob = _copy(source, copy.file)
            copy.flush()
            if not self._store.has(name_of(blob)):
                self._store.put(name_of(blob), Path(copy.name))
                self.written += blob.size
        return blob

    def add_file(self, path: Path) -> Blob:
        """Store a file's content."""
        with path.open("rb") as source:
            return self.add(source)

    @contextmanager
    def fetched(self, blob: Blob) -> Iterator[Path]:
        """Give the content as a temporary file, after it was checked.

        Raises PermanentError when it is not what was stored, NotFoundError when it is gone.
        """
        with tempfile.NamedTemporaryFile(dir=self.folder) as copy:
            with self._store.open(name_of(blob)) as source:
                _check(self._store, blob, _copy(source, copy.file))
            copy.flush()
            yield Path(copy.name)

    def check(self, blob: Blob) -> None:
        """Read the content and compare its digest; raises as `fetched` does."""
        with self._store.open(name_of(blob)) as source:
            _check(self._store, blob, _copy(source, None))


def name_of(blob: Blob) -> str:
    """Return where content lies in a place of backups."""
    return f"objects/{blob.sha256[:2]}/{blob.sha256}"


def _check(store: Store, wanted: Blob, found: Blob) -> None:
    if wanted != found:
        raise PermanentError(
            f"{store.address}/{name_of(wanted)} is damaged: {found.size} bytes with SHA-256 "
            f"{found.sha256[:12]}…, {wanted.size} bytes were stored; restore another backup"
        )


def _copy(source: Readable, target: IO[bytes] | None) -> Blob:
    digest, size = hashlib.sha256(), 0
    write: Callable[[bytes], object] = target.write if target else (lambda _part: None)
    while part := source.read(_CHUNK):
        digest.update(part)
        size += len(part)
        write(part)
    return Blob(sha256=digest.hexdigest(), size=size)
