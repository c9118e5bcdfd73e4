"""A window's changes into one table: files for its next commit.

append        every change is a row; a deleted one has `_ab_cdc_deleted_at`. A truncate is a row
              without key. What the log did not hold is null, and noted in `_airbyte_meta.changes`.
append_dedup  one row per key, as the source has it at the window's end; deleted rows go. What the
              log did not hold comes from the row's earlier change, or from the table.
"""

from __future__ import annotations

import datetime
import itertools

import duckdb
from pyiceberg.schema import Schema

from services.airbyte.cdk.columns import Column, duckdb_type, literal, quote
from services.airbyte.cdk.log import KEPT, OP, SEQ
from services.airbyte.destination import filling
from services.airbyte.destination.deletes import MODE
from services.airbyte.destination.schema import (
    META_COLUMNS,
    evolve,
    number_rows,
    select_list,
)
from services.airbyte.destination.spool import NOTED, Part, Spooled
from services.airbyte.destination.table import Staged, StreamTable
from services.airbyte.destination.writing import (
    crowded,
    data_files,
    merge,
    read_files,
    together,
    write_files,
)

_OWN = frozenset(column.name for column in META_COLUMNS)
_number = itertools.count()


def begin(table: StreamTable, spooled: Spooled) -> Staged:
    """Begin a commit to a table that is there, with the columns that the changes need."""
    staged = Staged(table.table.transaction())
    for part in spooled.parts:
        staged.changes += evolve(staged.transaction, part.columns, replace=False)
    return staged


def apply(
    table: StreamTable,
    staged: Staged,
    duck: duckdb.DuckDBPyConnection,
    spooled: Spooled,
    *,
    folder: str,
    job_id: int,
    generation: int,
) -> None:
    """Write what the window makes of the table as files in `folder`."""
    metadata = staged.transaction.table_metadata
    schema = metadata.schema()
    view = f"lakelet_changes_{next(_number)}"
    number_rows(duck)
    duck.execute(f"CREATE TEMP VIEW {view} AS {_union(spooled.parts, schema)}")
    there = table.files
    existing = there if spooled.truncated < 0 or not spooled.stream.dedup else {}
    chosen = f"{view}_chosen"
    columns = tuple(Column(f.name, f.field_type) for f in schema.fields if f.name not in _OWN)
    listing = select_list(
        schema,
        columns,
        nulled={},
        extracted_at=datetime.datetime.now(datetime.UTC).isoformat(),
        sync_id=job_id,
        generation=generation,
        changes=NOTED if spooled.stream.dedup else _with_missing(),
    )
    try:
        if spooled.stream.dedup:
            _choose(duck, view, chosen, spooled)
            if spooled.incomplete:
                filling.fill(duck, view, chosen, spooled, read_files(existing.values(), schema))
            rows = f"{chosen}_rows"
            duck.execute(f"CREATE TEMP TABLE {rows} AS SELECT {listing}, {OP} FROM {chosen}")
            merged = merge(
                duck,
                rows,
                existing,
                schema,
                key=spooled.stream.primary_key,
                cursor=None,
                folder=folder,
                deleted=f"{OP} NOT IN ('U', 'M')",
                mode=metadata.properties.get(MODE),
            )
            duck.execute(f"DROP TABLE {rows}")
            new, kept = merged.added, merged.kept
            staged.removed = merged.gone if spooled.truncated < 0 else list(there.values())
            staged.deletions = merged.deletions
        else:
            query = f"SELECT {listing} FROM {view} ORDER BY {SEQ}"
            new = write_files(duck, query, schema, f"{folder}/new")
            going = crowded(existing)
            kept = together(duck, existing, going, schema, folder)
            staged.removed = [there[path] for path in going]
    finally:
        duck.execute(f"DROP TABLE IF EXISTS {chosen}")
        duck.execute(f"DROP VIEW {view}")
    staged.added = data_files(table.io(folder), metadata, [*new, *kept])
    staged.records, staged.bytes = spooled.rows, spooled.bytes


def _union(parts: list[Part], schema: Schema) -> str:
    """SQL of all parts' rows in the table's columns."""
    selects = []
    for part in parts:
        there = {column.name.lower(): column.name for column in part.columns}
        listing = [SEQ, OP, KEPT, NOTED]
        for field in schema.fields:
            if field.name in _OWN:
                continue
            name, kind = there.get(field.name.lower()), duckdb_type(field.field_type)
            value = f"CAST({quote(name)} AS {kind})" if name else f"NULL::{kind}"
            listing.append(f"{value} AS {quote(field.name)}")
        selects.append(f"SELECT {', '.join(listing)} FROM {part.name}")
    return " UNION ALL ".join(selects)


def _choose(duck: duckdb.DuckDBPyConnection, view: str, chosen: str, spooled: Spooled) -> None:
    """Keep each key's last change after the last truncate."""
    keys = ", ".join(quote(name) for name in spooled.stream.primary_key)
    duck.execute(
        f"CREATE TEMP TABLE {chosen} AS SELECT * FROM {view}"
        f" WHERE {SEQ} > {spooled.truncated} AND {OP} <> 'T'"
        f" QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {SEQ} DESC) = 1"
    )


def _with_missing() -> str:
    """SQL of the noted changes together with the values that the log did not hold."""
    missing = (
        f"list_transform({KEPT}, lambda c: {{'field': c, 'change': 'NULLED',"
        f" 'reason': {literal('SOURCE_RETRIEVAL_ERROR')}}})"
    )
    return f"CASE WHEN {KEPT} IS NULL THEN {NOTED} ELSE list_concat({NOTED}, {missing}) END"
