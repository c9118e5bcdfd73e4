"""The files that a table's snapshots need."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFileContent
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata


@dataclass
class Reachable:
    """Paths by what they are."""

    contents: dict[DataFileContent, set[str]] = field(default_factory=dict)
    manifests: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, table: Table) -> Reachable:
        """Read every snapshot's manifests."""
        found = cls(contents={kind: set() for kind in DataFileContent})
        manifests = {}
        for snapshot in table.metadata.snapshots:
            found.lists.add(snapshot.manifest_list)
            for manifest in snapshot.manifests(table.io):
                manifests[manifest.manifest_path] = manifest
        found.manifests = set(manifests)
        with ThreadPoolExecutor(max_workers=8) as pool:
            read = pool.map(
                lambda m: m.fetch_manifest_entry(table.io, discard_deleted=True),
                manifests.values(),
            )
            for entries in read:
                for entry in entries:
                    found.contents[entry.data_file.content].add(entry.data_file.file_path)
        return found

    def without(self, other: Reachable) -> Reachable:
        """Return what is in this and not in the other."""
        return Reachable(
            contents={kind: paths - other.contents[kind] for kind, paths in self.contents.items()},
            manifests=self.manifests - other.manifests,
            lists=self.lists - other.lists,
        )

    def counts(self) -> list[int]:
        """Return how many: data, position and equality deletes, manifests, lists, statistics."""
        return [
            len(self.contents[DataFileContent.DATA]),
            len(self.contents[DataFileContent.POSITION_DELETES]),
            len(self.contents[DataFileContent.EQUALITY_DELETES]),
            len(self.manifests),
            len(self.lists),
            0,
        ]

    def remove(self, io: FileIO) -> None:
        """Remove the files; those that are gone already do not matter."""
        paths = [*(p for kind in self.contents.values() for p in kind), *self.manifests]
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda path: _remove(io, path), [*paths, *self.lists]))

    def everything(self, metadata: TableMetadata, current: str) -> set[str]:
        """Return every path that the table needs, its metadata documents too, as `plain`."""
        documents = {current, *(entry.metadata_file for entry in metadata.metadata_log)}
        statistics = {s.statistics_path for s in metadata.statistics}
        content = {path for kind in self.contents.values() for path in kind}
        hint = f"{metadata.location.rstrip('/')}/metadata/version-hint.text"
        needed = content | self.manifests | self.lists | documents | statistics | {hint}
        return {plain(path) for path in needed}


def plain(path: str) -> str:
    """Return `bucket/key`: the same object may be written as s3://, s3a:// or s3n://."""
    return re.sub(r"^[a-z0-9]+://", "", path)


def _remove(io: FileIO, path: str) -> None:
    try:
        io.delete(path)
    except FileNotFoundError:
        return
