"""Rows into Parquet files at the table's place on S3; DuckDB does all of it."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import parquet_file_to_data_file
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata

from services.airbyte.cdk.columns import duckdb_type, literal, quote
from services.airbyte.cdk.failures import config_error
from services.airbyte.destination.deletes import FILE, POSITION, Deletion, LiveFile, write_deletions
from services.airbyte.destination.schema import EXTRACTED_AT, field_ids

# Large enough to scan well, small enough that a rewrite of one file stays cheap.
FILE_SIZE = "256MB"
# Each thread holds a group of rows: of long texts the usual 122,880 do not fit into the memory.
_GROUP_SIZE = "32MB"
# Each column of texts sets aside this much for its dictionary, a megabyte if nothing is said.
_WIDE, _DICTIONARY = 300, 64 << 10
_SMALL = 16 << 20
_MANY = 16
_LATE = "_lakelet_late"
_DUCKDB_POSITION = "file_row_number"


def write_files(
    duck: duckdb.DuckDBPyConnection, query: str, schema: Schema, folder: str
) -> list[str]:
    """Write the rows of `query` below `folder` and return the files that hold any."""
    wide = (
        f" STRING_DICTIONARY_PAGE_SIZE_LIMIT {_DICTIONARY}," if len(schema.fields) > _WIDE else ""
    )
    rows = duck.execute(
        f"COPY ({query}) TO {literal(folder)} (FORMAT parquet, COMPRESSION snappy,{wide}"
        f" FIELD_IDS {field_ids(schema)}, FILE_SIZE_BYTES '{FILE_SIZE}', RETURN_STATS,"
        f" ROW_GROUP_SIZE_BYTES '{_GROUP_SIZE}',"
        " WRITE_EMPTY_FILE false)"
    ).fetchall()
    return [row[0] for row in rows if row[1] > 0]


def data_files(io: FileIO, metadata: TableMetadata, paths: Sequence[str]) -> list[DataFile]:
    """Return the files as Iceberg knows them, with the statistics in their footers."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(lambda path: parquet_file_to_data_file(io, metadata, path), paths))


def read_files(files: Iterable[LiveFile], schema: Schema, *, with_place: bool = False) -> str:
    """Return the SQL of the rows in `files` in the schema's columns; missing ones are null.

    `with_place`: with FILE and POSITION, where each row stands.
    """
    chosen = list(files)
    empty = ", ".join(
        f"NULL::{duckdb_type(f.field_type)} AS {quote(f.name)}" for f in schema.fields
    )
    names = ", ".join(quote(f.name) for f in schema.fields)
    if with_place:
        names += f", {FILE}, {POSITION}"
        empty += f", NULL::VARCHAR AS {FILE}, NULL::BIGINT AS {POSITION}"
    if not chosen:
        return f"(SELECT {empty} WHERE false)"
    return (
        f"(SELECT {names} FROM (SELECT {empty} WHERE false UNION ALL BY NAME"
        f" {_rows(chosen, schema, with_place=with_place)}))"
    )


def _rows(files: list[LiveFile], schema: Schema, *, with_place: bool) -> str:
    """Return the SQL of the files' rows that are not deleted."""
    listing = ", ".join(literal(live.path) for live in files)
    deletes = sorted({each.file_path for live in files for each in live.deletes})
    options = "union_by_name = true, hive_partitioning = false"
    if not deletes and not with_place:
        return f"SELECT * FROM read_parquet([{listing}], {options})"
    options += f", filename = '{FILE}'"
    place = "NULL::BIGINT"
    if can_delete(schema):
        options, place = f"{options}, file_row_number = true", _DUCKDB_POSITION
    query = f"SELECT *, {place} AS {POSITION} FROM read_parquet([{listing}], {options})"
    if deletes:
        if not can_delete(schema):
            raise config_error(
                f"the table has a column {_DUCKDB_POSITION!r} and deleted rows, which cannot be"
                " told apart: deselect the column, or refresh the stream with its rows truncated",
                at="destination",
            )
        gone = ", ".join(literal(path) for path in deletes)
        query = (
            f"SELECT r.* FROM ({query}) AS r ANTI JOIN read_parquet([{gone}]) AS d"
            f" ON r.{FILE} = d.file_path AND r.{POSITION} = d.pos"
        )
    return query


def can_delete(schema: Schema) -> bool:
    """Whether the positions of rows can be told: no column has DuckDB's name for them."""
    return all(field.name.lower() != _DUCKDB_POSITION for field in schema.fields)


@dataclass
class Merged:
    """What a batch makes of a table: the files with its rows, the files with what remains of
    `gone`, and deletions in files that stay."""

    added: list[str]
    kept: list[str]
    gone: list[LiveFile]
    deletions: list[Deletion]


def merge(
    duck: duckdb.DuckDBPyConnection,
    batch: str,
    existing: dict[str, LiveFile],
    schema: Schema,
    *,
    key: Sequence[str],
    cursor: str | None,
    folder: str,
    deleted: str = "false",
    mode: str | None = None,
    rows: str | None = None,
) -> Merged:
    """Write `batch` (a table with one row per key) over the files in `existing`.

    A row in the table with a later cursor stays. Rows of the batch where `deleted` (SQL) holds
    are not written, they only take the table's row with them. `mode` is the table's `deletes.MODE`.
    With `rows`, the SQL of the rows that `batch` stands for, that needs only keys and cursor.
    """
    with _hit(duck, batch, existing, schema, key, cursor) as (places, hits):
        columns = ", ".join(quote(field.name) for field in schema.fields)
        source = f"({rows})" if rows else batch
        rows_of_batch = f"SELECT {columns} FROM {source} WHERE NOT ({deleted})"
        added = write_files(duck, rows_of_batch, schema, f"{folder}/new")
        small = crowded(existing)
        staying = [
            existing[path]
            for path, count in hits.items()
            if can_delete(schema) and path not in small and existing[path].stays(count, mode)
        ]
        deletions = write_deletions(duck, places, staying, folder)
    going = (small | hits.keys()) - {live.path for live in staying}
    kept: list[str] = []
    for number, group in enumerate(_by_partition(existing, going)):
        rest = (
            f"SELECT o.* FROM {read_files(group, schema)} AS o"
            f" WHERE NOT EXISTS (SELECT 1 FROM {batch} AS b WHERE {_same(key)})"
            f" ORDER BY o.{quote(EXTRACTED_AT)}"
        )
        kept += write_files(duck, rest, schema, f"{folder}/kept{number}")
    return Merged(added, kept, [existing[path] for path in going], deletions)


@contextmanager
def _hit(
    duck: duckdb.DuckDBPyConnection,
    batch: str,
    existing: dict[str, LiveFile],
    schema: Schema,
    key: Sequence[str],
    cursor: str | None,
) -> Iterator[tuple[str, dict[str, int]]]:
    """Give a table with the places of the rows that `batch` replaces, and their number by file.

    Where the table's row is later by `cursor`, it stays, and the batch's is taken out.
    """
    places = f"{batch}_places"
    keys = "".join(f", b.{quote(name)}" for name in key) if cursor else ""
    late = f"coalesce(o.{quote(cursor)} > b.{quote(cursor)}, false)" if cursor else "false"
    duck.execute(
        f"CREATE TEMP TABLE {places} AS SELECT o.{FILE}, o.{POSITION}, {late} AS {_LATE}{keys} FROM"
        f" {read_files(existing.values(), schema, with_place=True)} AS o JOIN {batch} AS b ON"
        f" {_same(key)}"
    )
    try:
        if cursor is not None:
            own = ", ".join(quote(name) for name in key)
            duck.execute(
                f"DELETE FROM {batch} WHERE ({own}) IN (SELECT ({own}) FROM {places} WHERE {_LATE})"
            )
            duck.execute(f"DELETE FROM {places} WHERE {_LATE}")
        hits = duck.execute(f"SELECT {FILE}, count(*) FROM {places} GROUP BY 1").fetchall()
        yield places, dict(hits)
    finally:
        duck.execute(f"DROP TABLE {places}")


def _same(key: Sequence[str]) -> str:
    """Return the SQL that finds the batch's row `b` for the table's row `o`."""
    return " AND ".join(f"o.{quote(name)} = b.{quote(name)}" for name in key)


def crowded(existing: dict[str, LiveFile]) -> set[str]:
    """Return the small files of partitions that have many of them: time to make one of them."""
    small: dict[str, set[str]] = {}
    for path, live in existing.items():
        if live.file.file_size_in_bytes < _SMALL:
            small.setdefault(repr(live.file.partition), set()).add(path)
    return {path for paths in small.values() if len(paths) >= _MANY for path in paths}


def together(
    duck: duckdb.DuckDBPyConnection,
    existing: dict[str, LiveFile],
    small: set[str],
    schema: Schema,
    folder: str,
) -> list[str]:
    """Write the rows of small files anew, as few large ones; return these."""
    written: list[str] = []
    for number, group in enumerate(_by_partition(existing, small)):
        query = f"SELECT * FROM {read_files(group, schema)}"
        written += write_files(duck, query, schema, f"{folder}/kept{number}")
    return written


def _by_partition(existing: dict[str, LiveFile], paths: Iterable[str]) -> list[list[LiveFile]]:
    groups: dict[str, list[LiveFile]] = {}
    for path in sorted(paths):
        groups.setdefault(repr(existing[path].file.partition), []).append(existing[path])
    return list(groups.values())
