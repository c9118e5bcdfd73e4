"""Which files an OPTIMIZE rewrites, and the rewriting: small, large and deleted-from ones."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan, _dataframe_to_data_files, write_file
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionKey
from pyiceberg.table import FileScanTask, Table, WriteTask
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.typedef import Record

_MEGABYTE = 1024 * 1024
# Dremio's defaults (OptimizeOptions): the least size is 75 %, the most 180 % of the target.
_TARGET, _LEAST, _MOST, _FILES = 256.0, 0.75, 1.8, 5


@dataclass(frozen=True)
class Sizes:
    """What a well-sized file is, in bytes, and how many files make a rewrite worth it."""

    target: int
    least: int
    most: int
    files: int

    @classmethod
    def of(
        cls, target: float | None, least: float | None, most: float | None, files: int | None
    ) -> Sizes:
        """Fill in the defaults; sizes in megabytes. Raises ValueError when they make no sense."""
        goal = target if target is not None else _TARGET
        small = least if least is not None else goal * _LEAST
        large = most if most is not None else goal * _MOST
        if not small <= goal <= large:
            raise ValueError(
                f"Value of TARGET_FILE_SIZE_MB [{goal:g}] should be between MIN_FILE_SIZE_MB "
                f"[{small:g}] and MAX_FILE_SIZE_MB [{large:g}]."
            )
        return cls(
            target=int(goal * _MEGABYTE),
            least=int(small * _MEGABYTE),
            most=int(large * _MEGABYTE),
            files=files if files is not None else _FILES,
        )


@dataclass
class Plan:
    """Groups of files of one partition each, and the delete files that go with them."""

    groups: list[list[FileScanTask]] = field(default_factory=list)
    deletes: dict[str, DataFile] = field(default_factory=dict)

    @property
    def files(self) -> list[DataFile]:
        """The data files that are rewritten."""
        return [task.file for group in self.groups for task in group]


def plan(tasks: list[FileScanTask], spec_id: int, sizes: Sizes) -> Plan:
    """Choose the files to rewrite among a table's files (of the partitions that matter)."""
    partitions: dict[tuple[int, Record], list[FileScanTask]] = {}
    for task in tasks:
        if _ill(task, spec_id, sizes):
            partitions.setdefault((task.file.spec_id, task.file.partition), []).append(task)
    found = Plan()
    for members in partitions.values():
        for each in _bins(members, sizes.target):
            alone = each[0]
            if (
                len(each) > 1
                or alone.delete_files
                or alone.file.spec_id != spec_id
                or alone.file.file_size_in_bytes > sizes.most
            ):
                found.groups.append(each)
            # One small file of its partition would only become one small file again.
    rewritten = {file.file_path for file in found.files}
    users: dict[str, set[str]] = {}
    deletes: dict[str, DataFile] = {}
    for task in tasks:
        for delete in task.delete_files:
            deletes[delete.file_path] = delete
            users.setdefault(delete.file_path, set()).add(task.file.file_path)
    found.deletes = {path: deletes[path] for path, of in users.items() if of <= rewritten}
    if len(rewritten) + len(found.deletes) < sizes.files:
        return Plan()
    return found


def rewrite(
    table: Table, groups: list[list[FileScanTask]], sizes: Sizes, check: Callable[[], None]
) -> Iterator[DataFile]:
    """Write the rows of each group into new files and yield them. `check` may raise to stop."""
    metadata = table.metadata
    for group in groups:
        check()
        scan = ArrowScan(metadata, table.io, metadata.schema(), AlwaysTrue())
        batches = (batch for batch in scan.to_record_batches(group) if batch.num_rows)
        if group[0].file.spec_id != metadata.default_spec_id:
            # Written under an earlier partition spec: each row finds its partition anew.
            whole = list(batches)
            if whole:
                rows = _sorted(_joined(whole), metadata)
                yield from _dataframe_to_data_files(metadata, rows, table.io)
            continue
        yield from _written(table, group, batches, sizes, check)


class _Known(PartitionKey):
    """A partition whose value is known as Iceberg writes it, transform and all."""

    known: Record

    @cached_property
    def partition(self) -> Record:
        return self.known


def _written(
    table: Table,
    group: list[FileScanTask],
    batches: Iterator[pa.RecordBatch],
    sizes: Sizes,
    check: Callable[[], None],
) -> Iterator[DataFile]:
    """Write batches into files of the target's size; Arrow's bytes are judged by the inputs'."""
    metadata = table.metadata
    stored = sum(task.file.file_size_in_bytes for task in group)
    rows = max(sum(task.file.record_count for task in group), 1)
    per_file = max(int(rows * sizes.target / max(stored, 1)), 1)
    if stored <= sizes.most:
        per_file = rows
    key = None
    if metadata.spec().fields:
        key = _Known(field_values=[], partition_spec=metadata.spec(), schema=metadata.schema())
        key.known = group[0].file.partition
    number = itertools.count()
    identity = uuid.uuid4()
    kept: list[pa.RecordBatch] = []
    count = 0

    def flush() -> Iterator[DataFile]:
        rows = _sorted(_joined(kept), metadata)
        task = WriteTask(
            write_uuid=identity,
            task_id=next(number),
            schema=metadata.schema(),
            record_batches=rows.to_batches(),
            partition_key=key,
        )
        return write_file(io=table.io, table_metadata=metadata, tasks=iter([task]))

    for batch in batches:
        check()
        at = 0
        while at < batch.num_rows:
            piece = batch.slice(at, per_file - count)
            kept.append(piece)
            at += piece.num_rows
            count += piece.num_rows
            if count >= per_file:
                yield from flush()
                kept.clear()
                count = 0
    if kept:
        yield from flush()


def _joined(batches: list[pa.RecordBatch]) -> pa.Table:
    """Return one table; a column that a file lacks comes as another kind of string than read."""
    tables = [pa.Table.from_batches([batch]) for batch in batches]
    return pa.concat_tables(tables, promote_options="permissive")


def _sorted(rows: pa.Table, metadata: TableMetadata) -> pa.Table:
    """Sort the rows of one file by the table's sort order (LOCALSORT BY)."""
    order = metadata.sort_order_by_id(metadata.default_sort_order_id)
    if order is None or not order.fields:
        return rows
    schema = metadata.schema()
    keys = [(schema.find_column_name(f.source_id) or "", "ascending") for f in order.fields]
    return rows.sort_by([key for key in keys if key[0] in rows.column_names])


def _ill(task: FileScanTask, spec_id: int, sizes: Sizes) -> bool:
    size = task.file.file_size_in_bytes
    return (
        size < sizes.least
        or size > sizes.most
        or bool(task.delete_files)
        or task.file.spec_id != spec_id
    )


def _bins(tasks: list[FileScanTask], most: int) -> list[list[FileScanTask]]:
    bins: list[list[FileScanTask]] = []
    held: list[FileScanTask] = []
    size = 0
    for task in sorted(tasks, key=lambda t: t.file.file_path):
        if held and size + task.file.file_size_in_bytes > most:
            bins.append(held)
            held, size = [], 0
        held.append(task)
        size += task.file.file_size_in_bytes
    return [*bins, held] if held else bins
