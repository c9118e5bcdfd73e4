"""OPTIMIZE TABLE: rewrites are read and written without a lock, and committed in one snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.statements import Optimize
from services.dremio.sql.translate import to_duckdb
from services.dremio.state.catalog.catalog import Table as Target
from services.dremio.state.errors import DremioError, ErrorKind, validation
from services.dremio.state.execute.modify import writable
from services.dremio.state.execute.run import Result, Run, rows
from services.dremio.state.lake.iceberg import open_table, translated

if TYPE_CHECKING:
    from pyiceberg.table import FileScanTask, Table

# OptimizeOutputSchema of Dremio's source.
OPTIMIZE_SCHEMA = pa.schema(
    [
        ("rewritten_data_files_count", pa.int64()),
        ("rewritten_delete_files_count", pa.int64()),
        ("new_data_files_count", pa.int64()),
    ]
)


def optimize(run: Run, statement: Optimize) -> Result:
    """Bring the table's files to a good size; its rows stay as they are. Raises DremioError.

    Rows may change while files are rewritten; when they did, it is done again while writers wait.
    """
    target = writable(run, statement.path)
    try:
        return _optimized(run, statement, target)
    except DremioError as error:
        if error.kind is not ErrorKind.CONCURRENT_MODIFICATION:
            raise
    with run.core.writing(target.path):
        return _optimized(run, statement, target)


def _optimized(run: Run, statement: Optimize, target: Target) -> Result:
    from services.dremio.state.maintenance.compact import Plan, Sizes, plan, rewrite
    from services.dremio.state.maintenance.replace import Replace

    with translated():
        sizes = Sizes.of(
            statement.target_mb, statement.least_mb, statement.most_mb, statement.least_files
        )
        table = open_table(target.lake, target.place)
        if table.current_snapshot() is None:
            return _answer(0, 0, 0)
        chosen = Plan()
        if statement.data:
            tasks = list(table.scan().plan_files())
            if statement.partitions is not None:
                tasks = _of_partitions(run, table, tasks, statement.partitions)
            chosen = plan(tasks, table.spec().spec_id, sizes)
        made = list(rewrite(table, chosen.groups, sizes, lambda: _check(run)))
        merge = statement.manifests and _scattered(table)
        if chosen.groups or merge:
            with run.core.writing(target.path):
                transaction = table.transaction()
                change = Replace(transaction, chosen.deletes, merge=merge)
                for file in chosen.files:
                    change.delete_data_file(file)
                for file in made:
                    change.append_data_file(file)
                change.commit()
                transaction.commit_transaction()
            target.lake.changed()
    return _answer(len(chosen.files), len(chosen.deletes), len(made))


def _answer(data: int, deletes: int, new: int) -> Result:
    return rows(
        OPTIMIZE_SCHEMA,
        [
            {
                "rewritten_data_files_count": data,
                "rewritten_delete_files_count": deletes,
                "new_data_files_count": new,
            }
        ],
    )


def _scattered(table: Table) -> bool:
    """Whether some partition spec's files are listed in more manifests than one."""
    snapshot = table.current_snapshot()
    manifests = snapshot.manifests(table.io) if snapshot else []
    kinds = [(m.partition_spec_id, m.content) for m in manifests]
    return len(kinds) > len(set(kinds))


def _of_partitions(
    run: Run, table: Table, tasks: list[FileScanTask], predicate: exp.Expression
) -> list[FileScanTask]:
    """Return the files of the partitions that a condition on partition columns lets through."""
    spec, schema = table.spec(), table.schema()
    names = {
        schema.find_column_name(f.source_id): at
        for at, f in enumerate(spec.fields)
        if str(f.transform) == "identity"
    }
    for column in predicate.find_all(exp.Column):
        if column.name.lower() not in {str(name).lower() for name in names}:
            raise validation(
                f"FOR PARTITIONS: [{column.name}] is no column that the table is partitioned by"
            )
    current = [task for task in tasks if task.file.spec_id == spec.spec_id]
    values: dict[str, pa.Array] = {"_at": pa.array(range(len(current)), pa.int64())}
    arrow = schema.as_arrow()
    for name, at in names.items():
        kind = arrow.field(str(name)).type
        found = [task.file.partition[at] for task in current]
        storage = pa.int32() if pa.types.is_date(kind) else None
        values[str(name)] = pa.array(found, storage).cast(kind)
    query = exp.select("_at").from_(exp.to_identifier("_partitions")).where(predicate)
    cursor = run.cursor.cursor()
    try:
        cursor.register("_partitions", pa.table(values))
        chosen = {row[0] for row in cursor.execute(to_duckdb(query)).fetchall()}
    finally:
        cursor.close()
    return [task for at, task in enumerate(current) if at in chosen]


def _check(run: Run) -> None:
    if run.cancelled.is_set():
        raise DremioError(ErrorKind.CANCELED, "Query was canceled")
