"""After commits: the history of the tables is kept short (see `destination.upkeep`)."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from pyiceberg.io import load_file_io

from services.airbyte.destination import upkeep
from services.airbyte.state import expired

if TYPE_CHECKING:
    from services.airbyte.jobs.sync import Sync

# A sync that goes on and on looks after its tables while it runs.
EVERY = 50


def shorten(sync: Sync, identifier: tuple[str, ...]) -> None:
    """Expire a table's old snapshots and note their files.

    It never fails a sync: its rows are committed, and the next one can do this as well.
    """
    name = ".".join(identifier)
    try:
        table = sync.catalog.load_table(identifier)
        files = upkeep.expire(table, datetime.datetime.now(datetime.UTC))
        if files:
            expired.add(sync.db, sync.connection.id, files)
    except Exception as error:  # noqa: BLE001 - another writer, the storage away, …
        sync.log.write(f"{name}: its history is left to the next sync: {error}", level="WARNING")
        return
    if files:
        minutes = upkeep.FILES_STAY.total_seconds() / 60
        sync.log.write(
            f"{name}: old snapshots expired; {len(files)} files go in {minutes:.0f} minutes",
            source="destination",
        )


def sweep(sync: Sync) -> None:
    """Remove the files that have not been needed for long enough. Never fails a sync either."""
    try:
        paths = expired.due(sync.db, sync.connection.id, upkeep.FILES_STAY)
        if paths:
            upkeep.remove(load_file_io(sync.catalog.properties, paths[0]), paths)
            expired.forget(sync.db, paths)
    except Exception as error:  # noqa: BLE001 - as above
        sync.log.write(f"expired files are left to the next sync: {error}", level="WARNING")
        return
    if paths:
        sync.log.write(f"{len(paths)} files of expired snapshots removed", source="destination")
