"""VACUUM TABLE: snapshots expired, and files that nothing needs any more removed."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from services.dremio.sql.statements import Vacuum
from services.dremio.state.catalog.catalog import Table as CatalogTable
from services.dremio.state.errors import validation
from services.dremio.state.execute.modify import writable
from services.dremio.state.execute.run import Result, Run, rows
from services.dremio.state.lake.iceberg import open_table, translated

if TYPE_CHECKING:
    from pyiceberg.table.metadata import TableMetadata

# VacuumOutputSchema of Dremio's source.
EXPIRE_SCHEMA = pa.schema(
    [
        (name, pa.int64())
        for name in (
            "deleted_data_files_count",
            "deleted_position_delete_files_count",
            "deleted_equality_delete_files_count",
            "deleted_manifest_files_count",
            "deleted_manifest_lists_count",
            "deleted_partition_stats_files_count",
        )
    ]
)
ORPHANS_SCHEMA = pa.schema(
    [("deleted_files_count", pa.int64()), ("deleted_files_total_size_mb", pa.int64())]
)
_DAY = datetime.timedelta(days=1)
# Dremio's defaults.
_EXPIRE_AFTER, _ORPHANED_AFTER = 5 * _DAY, 3 * _DAY


def vacuum(run: Run, statement: Vacuum) -> Result:
    """Expire snapshots or remove orphan files. Raises DremioError."""
    table = writable(run, statement.path)
    with translated(), run.core.writing(table.path):
        if statement.orphans:
            return _orphans(table, statement)
        return _expire(table, statement)


def vacuum_schema(statement: Vacuum) -> pa.Schema:
    """Return the schema of what the statement answers."""
    return ORPHANS_SCHEMA if statement.orphans else EXPIRE_SCHEMA


def expired(metadata: TableMetadata, older_than: datetime.datetime, retain_last: int) -> list[int]:
    """Return the snapshots to expire: old, and not among the newest of the current one's past.

    Heads of branches and tags stay.
    """
    before = older_than.timestamp() * 1000
    parents = {s.snapshot_id: s.parent_snapshot_id for s in metadata.snapshots}
    keep = {ref.snapshot_id for ref in metadata.refs.values()}
    at = metadata.current_snapshot_id
    for _ in range(retain_last):
        if at is None or at not in parents:
            break
        keep.add(at)
        at = parents[at]
    return [
        s.snapshot_id
        for s in metadata.snapshots
        if s.timestamp_ms < before and s.snapshot_id not in keep
    ]


def _expire(target: CatalogTable, statement: Vacuum) -> Result:
    from services.dremio.state.maintenance.reachable import Reachable

    older_than = moment(statement.older_than, _EXPIRE_AFTER)
    table = open_table(target.lake, target.place)
    gone = expired(table.metadata, older_than, statement.retain_last or 1)
    if not gone:
        return rows(EXPIRE_SCHEMA, [dict.fromkeys(EXPIRE_SCHEMA.names, 0)])
    before = Reachable.of(table)
    table.maintenance.expire_snapshots().by_ids(gone).commit()
    table.refresh()
    # Files are removed after the commit: a crash here leaves orphans, never a broken table.
    useless = before.without(Reachable.of(table))
    useless.remove(table.io)
    target.lake.changed()
    return rows(EXPIRE_SCHEMA, [dict(zip(EXPIRE_SCHEMA.names, useless.counts(), strict=True))])


def _orphans(target: CatalogTable, statement: Vacuum) -> Result:
    from services.dremio.state.maintenance.reachable import Reachable, plain

    older_than = moment(statement.older_than, _ORPHANED_AFTER)
    table = open_table(target.lake, target.place)
    root = table.location().rstrip("/") + "/"
    location = (statement.location or root).rstrip("/") + "/"
    if not location.startswith(root):
        raise validation(f"location: '{location}' is not below the table's own '{root}'")
    needed = Reachable.of(table).everything(table.metadata, table.metadata_location)
    count = size = 0
    for path, modified, length in target.lake.files(location):
        if plain(path) not in needed and modified < older_than:
            table.io.delete(path)
            count, size = count + 1, size + length
    return rows(
        ORPHANS_SCHEMA,
        [{"deleted_files_count": count, "deleted_files_total_size_mb": size // (1024 * 1024)}],
    )


def moment(text: str | None, ago: datetime.timedelta) -> datetime.datetime:
    """Return a statement's timestamp (UTC), or now less `ago`. Raises DremioError."""
    now = datetime.datetime.now(datetime.UTC)
    if text is None:
        return now - ago
    try:
        return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)
    except ValueError:
        raise validation(
            f"Literal '{text}' cannot be casted to TIMESTAMP: write 'YYYY-MM-DD HH:MM:SS.FFF'"
        ) from None
