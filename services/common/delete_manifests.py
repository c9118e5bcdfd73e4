"""Manifests of Iceberg's delete files, which PyIceberg reads only."""

from __future__ import annotations

from pyiceberg.manifest import (
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
)


class DeleteManifestWriter(ManifestWriterV2):
    """Writes manifests whose entries are delete files."""

    def content(self) -> ManifestContent:
        """Return what the manifest holds."""
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


def with_status(
    entry: ManifestEntry, status: ManifestEntryStatus, snapshot_id: int | None
) -> ManifestEntry:
    """Return an entry of another manifest as it stands in a new one, of its age."""
    return ManifestEntry.from_args(
        status=status,
        snapshot_id=snapshot_id,
        sequence_number=entry.sequence_number,
        file_sequence_number=entry.file_sequence_number,
        data_file=entry.data_file,
    )
