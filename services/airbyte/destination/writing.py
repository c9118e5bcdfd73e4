"""Rows into Parquet files at the table's place on S3; DuckDB does all of it."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterable, Sequence

import duckdb
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import parquet_file_to_data_file
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata

from services.airbyte.cdk.columns import duckdb_type, literal, quote
from services.airbyte.destination.schema import EXTRACTED_AT, field_ids

# Large enough to scan well, small enough that a rewrite of one file stays cheap.
FILE_SIZE = "256MB"
_SMALL = 16 << 20
_MANY = 16


def write_files(
    duck: duckdb.DuckDBPyConnection, query: str, schema: Schema, folder: str
) -> list[str]:
    """Write the rows of `query` below `folder` and return the files that hold any."""
    rows = duck.execute(
        f"COPY ({query}) TO {literal(folder)} (FORMAT parquet, COMPRESSION snappy,"
        f" FIELD_IDS {field_ids(schema)}, FILE_SIZE_BYTES '{FILE_SIZE}', RETURN_STATS,"
        " WRITE_EMPTY_FILE false)"
    ).fetchall()
    return [row[0] for row in rows if row[1] > 0]


def data_files(io: FileIO, metadata: TableMetadata, paths: Sequence[str]) -> list[DataFile]:
    """Return the files as Iceberg knows them, with the statistics in their footers."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(lambda path: parquet_file_to_data_file(io, metadata, path), paths))


def read_files(files: Iterable[str], schema: Schema, *, with_name: bool = False) -> str:
    """Return the SQL of the rows in `files` in the schema's columns; missing ones are null."""
    listing = ", ".join(literal(path) for path in files)
    empty = ", ".join(
        f"NULL::{duckdb_type(f.field_type)} AS {quote(f.name)}" for f in schema.fields
    )
    names = ", ".join(quote(f.name) for f in schema.fields)
    extra = ", filename" if with_name else ""
    option = ", filename = true" if with_name else ""
    empty += ", NULL::VARCHAR AS filename" if with_name else ""
    if not listing:
        return f"(SELECT {empty} WHERE false)"
    return (
        f"(SELECT {names}{extra} FROM (SELECT {empty} WHERE false UNION ALL BY NAME"
        f" SELECT * FROM read_parquet([{listing}], union_by_name = true,"
        f" hive_partitioning = false{option})))"
    )


def merge(
    duck: duckdb.DuckDBPyConnection,
    batch: str,
    existing: dict[str, DataFile],
    schema: Schema,
    *,
    key: Sequence[str],
    cursor: str | None,
    folder: str,
    deleted: str = "false",
) -> tuple[list[str], list[str], set[str]]:
    """Write `batch` (a table with one row per key) over the files in `existing`.

    A row in the table with a later cursor stays. Rows of the batch where `deleted` (SQL) holds
    are not written, they only take the table's row with them. Returns the files with the batch's
    rows, the files with what remains of the touched ones, and the touched ones, which have to go.
    """
    names = ", ".join(quote(name) for name in key)
    on = " AND ".join(f"o.{quote(name)} = b.{quote(name)}" for name in key)
    touched: set[str] = set()
    if existing:
        old = read_files(existing, schema, with_name=True)
        rows = duck.execute(
            f"SELECT DISTINCT o.filename FROM {old} AS o JOIN {batch} AS b ON {on}"
        ).fetchall()
        touched = {row[0] for row in rows}
    if touched and cursor is not None:
        old = read_files(touched, schema)
        late = quote(cursor)
        duck.execute(
            f"DELETE FROM {batch} WHERE ({names}) IN (SELECT ({names}) FROM {old} AS o"
            f" JOIN {batch} AS b USING ({names}) WHERE o.{late} > b.{late})"
        )
    columns = ", ".join(quote(field.name) for field in schema.fields)
    rows_of_batch = f"SELECT {columns} FROM {batch} WHERE NOT ({deleted})"
    added = write_files(duck, rows_of_batch, schema, f"{folder}/new")
    touched |= crowded(existing)
    kept: list[str] = []
    groups = {repr(existing[path].partition) for path in touched}
    for number, partition in enumerate(sorted(groups)):
        group = [path for path in sorted(touched) if repr(existing[path].partition) == partition]
        rest = (
            f"SELECT o.* FROM {read_files(group, schema)} AS o"
            f" WHERE NOT EXISTS (SELECT 1 FROM {batch} AS b WHERE {on})"
            f" ORDER BY o.{quote(EXTRACTED_AT)}"
        )
        kept += write_files(duck, rest, schema, f"{folder}/kept{number}")
    return added, kept, touched


def crowded(existing: dict[str, DataFile]) -> set[str]:
    """Return the small files of partitions that have many of them: time to make one of them."""
    small: dict[str, set[str]] = {}
    for path, file in existing.items():
        if file.file_size_in_bytes < _SMALL:
            small.setdefault(repr(file.partition), set()).add(path)
    return {path for paths in small.values() if len(paths) >= _MANY for path in paths}


def together(
    duck: duckdb.DuckDBPyConnection,
    existing: dict[str, DataFile],
    small: set[str],
    schema: Schema,
    folder: str,
) -> list[str]:
    """Write the rows of small files anew, as few large ones; return these."""
    groups: dict[str, list[str]] = {}
    for path in sorted(small):
        groups.setdefault(repr(existing[path].partition), []).append(path)
    written: list[str] = []
    for number, paths in enumerate(groups.values()):
        query = f"SELECT * FROM {read_files(paths, schema)}"
        written += write_files(duck, query, schema, f"{folder}/kept{number}")
    return written
