"""The commit of an OPTIMIZE: files replaced by others that hold the same rows."""

from __future__ import annotations

from typing import Any

from pyiceberg.exceptions import ValidationException
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestWriter,
)
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.table import Transaction
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.table.update.snapshot import _SnapshotProducer

from services.common.delete_manifests import DeleteManifestWriter, with_status


class Replace(_SnapshotProducer["Replace"]):
    """A snapshot of operation `replace`.

    `delete_data_file` names the data files to go, `dropped` the delete files that go with them.
    With `merge`, what stays is written into one manifest for each partition spec and content.
    Committed against a newer snapshot when no writer touched these files, else refused.
    """

    def __init__(
        self, transaction: Transaction, dropped: dict[str, DataFile], *, merge: bool
    ) -> None:
        super().__init__(Operation.OVERWRITE, transaction, transaction._table.io)
        self._dropped = dropped
        self._merge = merge

    def _goes(self, file: DataFile) -> bool:
        if file.content is DataFileContent.DATA:
            return file in self._deleted_data_files
        return file.file_path in self._dropped

    def _current(self) -> list[ManifestFile]:
        snapshot = self._transaction.table_metadata.snapshot_by_name(self._target_branch)
        return snapshot.manifests(self._io) if snapshot else []

    def _existing_manifests(self) -> list[ManifestFile]:
        kept: list[ManifestFile] = []
        groups: dict[tuple[Any, ...], list[ManifestEntry]] = {}
        for manifest in self._current():
            entries = manifest.fetch_manifest_entry(self._io, discard_deleted=True)
            staying = [entry for entry in entries if not self._goes(entry.data_file)]
            if not self._merge and len(staying) == len(entries):
                kept.append(manifest)
                continue
            of = (manifest.partition_spec_id, manifest.content)
            where = of if self._merge else (*of, manifest.manifest_path)
            groups.setdefault(where, []).extend(staying)
        for (spec_id, content, *_), entries in groups.items():
            if not entries:
                continue
            with self._writer(self.spec(spec_id), content) as writer:
                for entry in entries:
                    writer.add_entry(
                        with_status(entry, ManifestEntryStatus.EXISTING, entry.snapshot_id)
                    )
            kept.append(writer.to_manifest_file())
        return kept

    def _deleted_entries(self) -> list[ManifestEntry]:
        # Entries of delete files that go are left out, not marked: no reader looks for them.
        return [
            with_status(entry, ManifestEntryStatus.DELETED, self._snapshot_id)
            for manifest in self._current()
            if manifest.content is ManifestContent.DATA
            for entry in manifest.fetch_manifest_entry(self._io, discard_deleted=True)
            if self._goes(entry.data_file)
        ]

    def _writer(self, spec: PartitionSpec, content: ManifestContent) -> ManifestWriter:
        if content is ManifestContent.DATA:
            return self.new_manifest_writer(spec)
        return DeleteManifestWriter(
            spec, self.schema(), self.new_manifest_output(), self._snapshot_id, self._compression
        )

    def _summary(self, snapshot_properties: dict[str, str] | None = None) -> Summary:
        rewritten = self._deleted_data_files
        self._deleted_data_files = rewritten | set(self._dropped.values())
        try:
            summary = super()._summary(snapshot_properties or {})
        finally:
            self._deleted_data_files = rewritten
        return Summary(operation=Operation.REPLACE, **summary.additional_properties)

    def _validate_concurrency(self) -> None:
        """Files that were added meanwhile stay; those replaced must still be as they were read.

        What is compared are the two states: PyIceberg's own checks look at snapshots of certain
        operations alone, and engines name a MERGE with delete files differently.
        """
        window = self._commit_window
        if window is None or window.is_empty() or window.head is None:
            return
        data, deletes = self._live(window.head)
        _, former = self._live(window.base) if window.base is not None else (set(), set())
        if not {file.file_path for file in self._deleted_data_files} <= data:
            raise ValidationException("files that were to be replaced are gone")
        if self._deleted_data_files and not deletes <= former:
            raise ValidationException("rows were deleted or updated")

    def _live(self, snapshot: Snapshot) -> tuple[set[str], set[str]]:
        """Return the paths of a snapshot's data files and of its delete files."""
        data: set[str] = set()
        deletes: set[str] = set()
        for manifest in snapshot.manifests(self._io):
            into = data if manifest.content is ManifestContent.DATA else deletes
            for entry in manifest.fetch_manifest_entry(self._io, discard_deleted=True):
                into.add(entry.data_file.file_path)
        return data, deletes
