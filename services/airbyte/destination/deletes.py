"""Rows that go from large files which stay: Iceberg's position delete files.

A file is written anew where that is quick or much of it has gone; else the positions of its rows
that went are written beside it, so that a change of a few rows costs little however large the table
is. A data file has one such file at most: the next holds the positions of the one before, which
goes with the same commit. (Iceberg's table specification, version 2, "Position Delete Files".)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
)
from pyiceberg.table import Transaction
from pyiceberg.table.snapshots import Operation, Summary
from pyiceberg.table.update.snapshot import _OverwriteFiles

from services.airbyte.cdk.columns import literal
from services.common.delete_manifests import DeleteManifestWriter, with_status

# Where a row stands: the path of its file, and its number in it.
FILE, POSITION = "_lakelet_file", "_lakelet_position"
# The specification's reserved field ids.
_PATH, _POSITION = 2147483546, 2147483545
# Iceberg's table property, with its two values; without it the size of a file decides.
MODE = "write.merge.mode"
COPY_ON_WRITE, MERGE_ON_READ = "copy-on-write", "merge-on-read"
# A file of this size is written anew in about half a second.
_LARGE = 32 << 20
# Readers pass over what was deleted: from this share on the file is worth writing anew.
_SHARE = 0.1
_SHARE_ALWAYS = 0.5


@dataclass(frozen=True)
class LiveFile:
    """A data file of a table, and the delete files that say which of its rows are gone."""

    file: DataFile
    deletes: tuple[DataFile, ...] = ()

    @property
    def path(self) -> str:
        """Where the data file lies."""
        return self.file.file_path

    @property
    def own_deletes(self) -> dict[str, DataFile]:
        """The delete files, by path, that are about this data file alone."""
        path = self.path.encode()
        return {
            each.file_path: each
            for each in self.deletes
            if (each.lower_bounds or {}).get(_PATH) == path == (each.upper_bounds or {}).get(_PATH)
        }

    def stays(self, going: int, mode: str | None) -> bool:
        """Whether the file is to stay when `going` more of its rows go; `mode` is MODE's value."""
        if mode == COPY_ON_WRITE:
            return False
        gone = going + sum(each.record_count for each in self.own_deletes.values())
        if mode == MERGE_ON_READ:
            return gone <= _SHARE_ALWAYS * self.file.record_count
        large = self.file.file_size_in_bytes >= _LARGE
        return large and gone <= _SHARE * self.file.record_count


@dataclass(frozen=True)
class Deletion:
    """A new delete file of a data file."""

    live: LiveFile
    file: DataFile


def write_deletions(
    duck: duckdb.DuckDBPyConnection, positions: str, files: Iterable[LiveFile], folder: str
) -> list[Deletion]:
    """Write a delete file in `folder` for each of `files`.

    `positions` is a table of FILE and POSITION: where the rows stand that go now.
    """
    return [
        _deletion(duck, positions, live, f"{folder}/deletes{number}.parquet")
        for number, live in enumerate(files)
    ]


def _deletion(
    duck: duckdb.DuckDBPyConnection, positions: str, live: LiveFile, target: str
) -> Deletion:
    path = literal(live.path)
    query = f"SELECT {FILE} AS file_path, {POSITION} AS pos FROM {positions} WHERE {FILE} = {path}"
    if live.deletes:
        before = ", ".join(literal(each.file_path) for each in live.deletes)
        query += (
            f" UNION SELECT file_path, pos FROM read_parquet([{before}]) WHERE file_path = {path}"
        )
    (row,) = duck.execute(
        f"COPY (SELECT * FROM ({query}) ORDER BY pos) TO {literal(target)} (FORMAT parquet,"
        f" FIELD_IDS {{file_path: {_PATH}, pos: {_POSITION}}}, RETURN_STATS)"
    ).fetchall()
    bound = {_PATH: live.path.encode()}
    file = DataFile.from_args(
        content=DataFileContent.POSITION_DELETES,
        file_path=target,
        file_format=FileFormat.PARQUET,
        partition=live.file.partition,
        record_count=row[1],
        file_size_in_bytes=row[2],
        lower_bounds=bound,
        upper_bounds=bound,
    )
    file.spec_id = live.file.spec_id
    return Deletion(live, file)


class RowDelta(_OverwriteFiles):
    """A snapshot of operation `overwrite` with delete files.

    Data files are named as for any overwrite; their own delete files go with those that go.
    """

    def __init__(
        self,
        transaction: Transaction,
        properties: dict[str, str],
        removed: Sequence[LiveFile],
        deletions: Sequence[Deletion],
    ) -> None:
        super().__init__(
            operation=Operation.OVERWRITE,
            transaction=transaction,
            io=transaction._table.io,
            snapshot_properties=properties,
        )
        for live in removed:
            self.delete_data_file(live.file)
        self._added_deletes = [deletion.file for deletion in deletions]
        self._dropped: dict[str, DataFile] = {}
        for live in (*removed, *(deletion.live for deletion in deletions)):
            self._dropped |= live.own_deletes

    def _validate_concurrency(self) -> None:
        window = self._commit_window
        if self._added_deletes and window is not None and not window.is_empty():
            # Where the rows stand was told of a table that is no more.
            raise CommitFailedException("the table was changed by another writer")
        super()._validate_concurrency()

    def _process_manifests(self, manifests: list[ManifestFile]) -> list[ManifestFile]:
        kept: list[ManifestFile] = []
        gone: list[ManifestEntry] = []
        for manifest in manifests:
            if manifest.content is not ManifestContent.DELETES:
                kept.append(manifest)
                continue
            entries = manifest.fetch_manifest_entry(self._io, discard_deleted=True)
            going = [e for e in entries if e.data_file.file_path in self._dropped]
            if entries and not going:
                kept.append(manifest)
                continue
            gone += (with_status(e, ManifestEntryStatus.DELETED, self._snapshot_id) for e in going)
            kept += self._written(
                with_status(entry, ManifestEntryStatus.EXISTING, entry.snapshot_id)
                for entry in entries
                if entry.data_file.file_path not in self._dropped
            )
        added = (
            ManifestEntry.from_args(
                status=ManifestEntryStatus.ADDED, snapshot_id=self._snapshot_id, data_file=file
            )
            for file in self._added_deletes
        )
        return [*kept, *self._written(added), *self._written(gone)]

    def _written(self, entries: Iterable[ManifestEntry]) -> list[ManifestFile]:
        """Write manifests of delete files, one for each partition spec."""
        by_spec: dict[int, list[ManifestEntry]] = {}
        for entry in entries:
            by_spec.setdefault(entry.data_file.spec_id, []).append(entry)
        written = []
        for spec_id, of_spec in by_spec.items():
            with DeleteManifestWriter(
                self.spec(spec_id),
                self.schema(),
                self.new_manifest_output(),
                self._snapshot_id,
                self._compression,
            ) as writer:
                for entry in of_spec:
                    writer.add_entry(entry)
            written.append(writer.to_manifest_file())
        return written

    def _summary(self, snapshot_properties: Mapping[str, str] | None = None) -> Summary:
        added, removed = self._added_data_files, self._deleted_data_files
        self._added_data_files = [*added, *self._added_deletes]
        self._deleted_data_files = removed | set(self._dropped.values())
        try:
            return super()._summary(dict(snapshot_properties or {}))
        finally:
            self._added_data_files, self._deleted_data_files = added, removed
