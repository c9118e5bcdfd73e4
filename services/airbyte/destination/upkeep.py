"""Snapshots that nobody needs any more are expired, so that tables do not grow without end.

Policy: snapshots are kept for a day, the newest 5 whatever their age, and never more than 100.
Iceberg's table properties `history.expire.max-snapshot-age-ms` and
`history.expire.min-snapshots-to-keep` come first. Heads of branches and tags stay. It is done when
at least 10 can go.
"""

from __future__ import annotations

import concurrent.futures
import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field

from pyiceberg.io import FileIO
from pyiceberg.manifest import ManifestFile
from pyiceberg.table import Table, TableProperties
from pyiceberg.table.metadata import TableMetadata

MAX_AGE = datetime.timedelta(days=1)
KEPT = 5
MOST = 100
AT_LEAST = 10
# How long files stay after their last snapshot is gone: queries that began before may read them.
FILES_STAY = datetime.timedelta(hours=1)
_THREADS = 8


def expirable(metadata: TableMetadata, now: datetime.datetime) -> list[int]:
    """Return the snapshots that may go."""
    own = metadata.properties
    age = own.get(TableProperties.MAX_SNAPSHOT_AGE_MS)
    limit = datetime.timedelta(milliseconds=int(age)) if age else MAX_AGE
    keep = int(own.get(TableProperties.MIN_SNAPSHOTS_TO_KEEP) or KEPT)
    before = (now - limit).timestamp() * 1000
    heads = {ref.snapshot_id for ref in metadata.refs.values()}
    newest = sorted(metadata.snapshots, key=lambda s: s.sequence_number or 0, reverse=True)
    return [
        snapshot.snapshot_id
        for place, snapshot in enumerate(newest)
        if place >= max(1, keep)
        and snapshot.snapshot_id not in heads
        and (place >= MOST or snapshot.timestamp_ms < before)
    ]


@dataclass
class _Needed:
    """What a set of snapshots needs."""

    lists: set[str] = field(default_factory=set)
    manifests: dict[str, ManifestFile] = field(default_factory=dict)


def expire(table: Table, now: datetime.datetime, at_least: int = AT_LEAST) -> list[str]:
    """Expire what may go in one commit; return the files that nothing needs any more.

    Raises CommitFailedException when the table was changed at the same time.
    """
    gone = set(expirable(table.metadata, now))
    if len(gone) < at_least:
        return []
    old, stay = _Needed(), _Needed()
    for snapshot in table.metadata.snapshots:
        side = old if snapshot.snapshot_id in gone else stay
        side.lists.add(snapshot.manifest_list)
        side.manifests |= {m.manifest_path: m for m in snapshot.manifests(table.io)}
    dropped = {path: m for path, m in old.manifests.items() if path not in stay.manifests}
    candidates = _content(dropped.values(), table.io)
    if candidates:
        candidates -= _content(stay.manifests.values(), table.io)
    table.maintenance.expire_snapshots().by_ids(sorted(gone)).commit()
    return [*candidates, *dropped, *(old.lists - stay.lists)]


def _content(manifests: Iterable[ManifestFile], io: FileIO) -> set[str]:
    """Return the files that manifests hold."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=_THREADS) as pool:
        entries = pool.map(lambda m: m.fetch_manifest_entry(io, discard_deleted=True), manifests)
        return {entry.data_file.file_path for found in entries for entry in found}


def remove(io: FileIO, paths: list[str]) -> None:
    """Remove files; those that are gone already do not matter."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=_THREADS) as pool:
        list(pool.map(lambda path: _remove(io, path), paths))


def _remove(io: FileIO, path: str) -> None:
    try:
        io.delete(path)
    except FileNotFoundError:
        return
