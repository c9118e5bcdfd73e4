"""ROLLBACK TABLE, ALTER TABLE … TBLPROPERTIES, PARTITION FIELD and LOCALSORT BY."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from services.dremio.sql.statements import (
    AlterLayout,
    PartitionField,
    Rollback,
    TableProperties,
)
from services.dremio.state.errors import validation
from services.dremio.state.execute.modify import writable
from services.dremio.state.execute.run import Result, Run, ok
from services.dremio.state.execute.vacuum import moment
from services.dremio.state.lake.iceberg import open_table, translated

if TYPE_CHECKING:
    from pyiceberg.table import Table


def rollback(run: Run, statement: Rollback) -> Result:
    """Make an earlier snapshot of the table's own past current again. Raises DremioError."""
    target = writable(run, statement.path)
    with translated(), run.core.writing(target.path):
        table = open_table(target.lake, target.place)
        snapshot = _earlier(table, statement)
        if snapshot == table.metadata.current_snapshot_id:
            raise validation("Cannot rollback table to current snapshot")
        table.manage_snapshots().rollback_to_snapshot(snapshot).commit()
        target.lake.changed()
    return ok(f"Table [{'.'.join(target.path)}] rollbacked")


def table_properties(run: Run, statement: TableProperties) -> Result:
    """Set or unset properties of a table. Raises DremioError."""
    target = writable(run, statement.path)
    with translated(), run.core.writing(target.path):
        transaction = open_table(target.lake, target.place).transaction()
        if statement.set:
            transaction.set_properties(statement.set)
        known = transaction.table_metadata.properties
        transaction.remove_properties(*(name for name in statement.unset if name in known))
        transaction.commit_transaction()
        target.lake.changed()
    told = [f"Table Property [{k}] set with value [{v}]. " for k, v in statement.set.items()]
    told += [f"Table Property [{name}] unset. " for name in statement.unset]
    return ok("".join(told))


def alter_layout(run: Run, statement: AlterLayout) -> Result:
    """Change how rows written from now on are partitioned or sorted. Raises DremioError."""
    target = writable(run, statement.path)
    with translated(), run.core.writing(target.path):
        table = open_table(target.lake, target.place)
        if statement.sort is not None:
            set_sort_order(table, statement.sort)
            told = f"Sort order on table {'.'.join(target.path)} successfully updated"
        elif statement.add is not None:
            _add_partition_field(table, statement.add)
            told = f"Partition field [{_shown(statement.add)}] added"
        else:
            assert statement.drop is not None  # noqa: S101 - the parser gives one of the three
            _drop_partition_field(table, statement.drop)
            told = f"Partition field [{_shown(statement.drop)}] dropped"
        target.lake.changed()
    return ok(told)


def set_sort_order(table: Table, columns: list[str]) -> None:
    """Make the columns the order in which rows are sorted within a file."""
    from pyiceberg.transforms import IdentityTransform

    with table.update_sort_order() as update:
        for column in columns:
            update.asc(_column(table, column), IdentityTransform())


def _earlier(table: Table, statement: Rollback) -> int:
    if statement.snapshot is not None:
        known = {s.snapshot_id for s in table.metadata.snapshots}
        if not statement.snapshot.lstrip("-").isdigit() or int(statement.snapshot) not in known:
            raise validation(f"Cannot rollback table to unknown snapshot ID {statement.snapshot}")
        return int(statement.snapshot)
    before = moment(statement.timestamp, datetime.timedelta()).timestamp() * 1000
    parents = {s.snapshot_id: s for s in table.metadata.snapshots}
    at = table.metadata.current_snapshot_id
    while at is not None and at in parents:
        if parents[at].timestamp_ms < before:
            return at
        at = parents[at].parent_snapshot_id
    raise validation(f"Cannot rollback table, no valid snapshot older than: {statement.timestamp}")


def _add_partition_field(table: Table, field: PartitionField) -> None:
    from pyiceberg.transforms import parse_transform

    with table.update_spec() as update:
        update.add_field(_column(table, field.column), parse_transform(_transform(field)))


def _drop_partition_field(table: Table, field: PartitionField) -> None:
    source = table.schema().find_field(_column(table, field.column)).field_id
    for known in table.spec().fields:
        if known.source_id == source and str(known.transform) == _transform(field):
            with table.update_spec() as update:
                update.remove_field(known.name)
            return
    raise validation(f"Partition field [{_shown(field)}] is not in the table's partition spec")


def _column(table: Table, name: str) -> str:
    for field in table.schema().fields:
        if field.name.lower() == name.lower():
            return field.name
    raise validation(f"Column [{name}] is not present in table.")


def _transform(field: PartitionField) -> str:
    if field.argument is not None:
        return f"{field.transform}[{field.argument}]"
    return field.transform


def _shown(field: PartitionField) -> str:
    argument = f"{field.argument}, " if field.argument is not None else ""
    if field.transform == "identity":
        return field.column
    return f"{field.transform}({argument}{field.column})"
