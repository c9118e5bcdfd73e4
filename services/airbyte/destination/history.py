"""Removing a table's old snapshots with the files that only they hold.

A continuous sync commits every second: without this its tables' metadata would grow with each, and
every version of every rewritten file would stay. What is removed is the history's older end, up to
a snapshot K that stays; it is one line (each snapshot the next one's parent), so a file that a
snapshot T up to K took out of the table is in none that stays, nor in any to come.
"""

from __future__ import annotations

import contextlib
import logging
import time

from pyiceberg.io import FileIO
from pyiceberg.manifest import ManifestEntryStatus
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from services.airbyte.destination.table import StreamTable

log = logging.getLogger(__name__)


def remove_history(table: StreamTable, seconds: float, *, worth: int = 10) -> int:
    """Remove the snapshots older than `seconds`; return how many. The newest always stays.

    Fewer than `worth` are not worth a commit.

    Nothing is removed of a table with branches or tags, or whose history is not one line.
    """
    if not table.exists:
        return 0
    metadata = table.table.metadata
    line = _line(metadata)
    limit = (time.time() - seconds) * 1000
    old = [snapshot for snapshot in line[:-1] if snapshot.timestamp_ms < limit]
    if len(old) < worth or len(metadata.refs) > 1 or len(line) != len(metadata.snapshots):
        return 0
    io = table.table.io
    files = _only_in(io, old, line[len(old)])
    ids = [snapshot.snapshot_id for snapshot in old]
    table.table.maintenance.expire_snapshots().by_ids(ids).commit()
    for path in files:  # one that stays behind is an orphan, and does no harm
        with contextlib.suppress(OSError):
            io.delete(path)
    log.info("%s: %d snapshots and %d files removed", table.name, len(old), len(files))
    return len(old)


def _line(metadata: TableMetadata) -> list[Snapshot]:
    """Return the current snapshot and those before it, oldest first."""
    by_id = {snapshot.snapshot_id: snapshot for snapshot in metadata.snapshots}
    found: list[Snapshot] = []
    current = by_id.get(metadata.current_snapshot_id or 0)
    while current is not None:
        found.append(current)
        current = by_id.get(current.parent_snapshot_id or 0)
    return found[::-1]


def _only_in(io: FileIO, old: list[Snapshot], kept: Snapshot) -> list[str]:
    """Return the files that are needed for `old` but not for `kept`, the next one, and after."""
    staying = {manifest.manifest_path for manifest in kept.manifests(io)}
    data: set[str] = set()
    manifests: set[str] = set()
    for snapshot in [*old, kept]:
        for manifest in snapshot.manifests(io):
            if manifest.added_snapshot_id == snapshot.snapshot_id:
                data |= {
                    entry.data_file.file_path
                    for entry in manifest.fetch_manifest_entry(io, discard_deleted=False)
                    if entry.status == ManifestEntryStatus.DELETED
                }
            if manifest.manifest_path not in staying:
                manifests.add(manifest.manifest_path)
    return [*data, *manifests, *(snapshot.manifest_list for snapshot in old)]
