"""One S3 source: which bucket and namespace a path means, and what lies there."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.lake.attach import Access
from services.dremio.state.lake.hadoop import ROOT
from services.dremio.state.lake.objects import Objects
from services.dremio.state.lake.rest import Namespace
from services.dremio.state.lake.spelling import decode, encode, encode_exact
from services.dremio.state.lake.tables import Tables

Path = tuple[str, ...]
# How long a listing is believed: other writers' new tables show up after this at the latest.
_LISTING_SECONDS = 2.0
T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """A table in the storage."""

    bucket: str
    namespace: Namespace
    table: str

    @property
    def schema(self) -> str:
        """The namespace as DuckDB spells it."""
        return ".".join(self.namespace)


class _Remembered(Generic[T]):
    """Values that are believed for a while, by key."""

    def __init__(self) -> None:
        self._values: dict[Any, tuple[float, T]] = {}

    def get(self, key: Any) -> T | None:
        entry = self._values.get(key)
        return entry[1] if entry and entry[0] > time.monotonic() else None

    def read(self, key: Any, read: Callable[[], T]) -> T:
        """Return what `read` gives, and believe it, unless all was forgotten while it was read."""
        values = self._values
        value = read()
        values[key] = (time.monotonic() + _LISTING_SECONDS, value)
        return value

    def clear(self) -> None:
        self._values = {}  # a new one: a reading under way puts what it found into the old one


class LakeSource:
    """The tables of an S3 source, in table buckets and in plain ones.

    `rootPath` "/" makes the first part of a path the bucket; "/bucket" or "/bucket/folder"
    roots the source there. What is left of the path before the table is the namespace.
    """

    def __init__(
        self, name: str, access: Access, config: dict[str, Any], tables: Tables, objects: Objects
    ) -> None:
        self.name = name
        self.access = access
        self.root: Path = tuple(p for p in str(config.get("rootPath") or "/").split("/") if p)
        self._extra = [str(b) for b in config.get("externalBucketList") or []]
        self._only = [str(b) for b in config.get("whitelistedBuckets") or []]
        self.rest = tables
        self.objects = objects
        self._buckets: _Remembered[list[str]] = _Remembered()
        self._namespaces: _Remembered[list[Namespace]] = _Remembered()
        self._tables: _Remembered[list[str]] = _Remembered()

    def close(self) -> None:
        """Close the connections."""
        self.rest.close()
        self.objects.close()

    def is_plain(self, path: Path) -> bool:
        """Whether a path (without the source's name) leads into a plain bucket."""
        full = (*self.root, *path)
        return bool(full) and self.rest.is_plain(full[0])

    def place(self, path: Path) -> Place | None:
        """Return where the table of a path (without the source's name) lies, there or not."""
        full = (*self.root, *path)
        if len(full) < 2 or len(path) < 1:
            return None
        bucket = full[0] if self.root else full[0].lower()
        if self.rest.is_plain(bucket):
            folders = tuple(encode_exact(part) for part in full[1:-1]) or (ROOT,)
            return Place(bucket, folders, encode_exact(full[-1]))
        if len(full) < 3:
            return None
        return Place(bucket, tuple(encode(part) for part in full[1:-1]), encode(full[-1]))

    def folder(self, path: Path) -> tuple[str, Namespace] | None:
        """Return the bucket and namespace a folder's path means."""
        full = (*self.root, *path)
        return (full[0], tuple(encode(part) for part in full[1:])) if full else None

    def exists(self, place: Place, *, fresh: bool = False) -> bool:
        """Whether the table is there; a negative answer is always fresh, with `fresh` each is."""
        if fresh or self.rest.is_plain(place.bucket):
            return self.rest.load(place.bucket, place.namespace, place.table) is not None
        known = self._tables.get((place.bucket, place.namespace))
        if known is not None and place.table in known:
            return True
        return place.table in self.tables(place.bucket, place.namespace, fresh=known is None)

    def tables(self, bucket: str, namespace: Namespace, *, fresh: bool = False) -> list[str]:
        """Return the stored names of the tables in a namespace."""
        known = None if fresh else self._tables.get((bucket, namespace))
        if known is not None:
            return known
        return self._tables.read((bucket, namespace), lambda: self.rest.tables(bucket, namespace))

    def folders(self) -> list[Path]:
        """Return every folder of the source that can hold tables, as paths below the source."""
        found: list[Path] = []
        depth = len(self.root)
        for bucket in self.buckets():
            if not self.root:
                found.append((bucket,))
            for namespace in self.namespaces(bucket):
                full = (bucket, *(decode(part) for part in namespace))
                if full[:depth] == tuple(part.lower() for part in self.root) and len(full) > depth:
                    found.append(full[depth:])
        return found

    def namespaces(self, bucket: str) -> list[Namespace]:
        """Return the bucket's namespaces; none when it is no table bucket."""
        known = self._namespaces.get(bucket)
        return (
            known
            if known is not None
            else self._namespaces.read(bucket, lambda: self._listed(bucket))
        )

    def _listed(self, bucket: str) -> list[Namespace]:
        try:
            return self.rest.namespaces(bucket)
        except DremioError as error:
            if error.kind not in (ErrorKind.NOT_FOUND, ErrorKind.PERMISSION):
                raise
            return []

    def buckets(self) -> list[str]:
        """Return the buckets of this source."""
        if self.root:
            return [self.root[0]]
        known = self._buckets.get("")
        return known if known is not None else self._buckets.read("", self._listed_buckets)

    def _listed_buckets(self) -> list[str]:
        # Without keys nothing can be listed: such a source names its buckets.
        listed = self.objects.buckets() if self.access.access_key else []
        names = sorted({*listed, *self._extra})
        return [n for n in names if not self._only or n in self._only]

    def files(self, location: str) -> Iterator[tuple[str, datetime.datetime, int]]:
        """Yield (address, when it was last changed, bytes) of the objects below `s3://…/`."""
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        for each in self.objects.below(bucket, prefix, deep=True):
            if each.changed is not None:
                yield f"s3://{bucket}/{each.key}", each.changed, each.size

    def changed(self) -> None:
        """Forget what was listed: this process has changed the storage."""
        self._namespaces.clear()
        self._tables.clear()
