"""Reading refused records once more, corrected or after what refused them was changed.

They go to the table as a commit of their own that leaves the stream's state as it is: added, or
merged by the primary key where the stream is deduplicated.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import orjson
from pyiceberg.types import StringType

from services.airbyte.cdk.catalog import ConfiguredStream, configured_streams
from services.airbyte.cdk.columns import Column, literal, quote
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.source import Reading
from services.airbyte.destination.schema import META_COLUMNS
from services.airbyte.destination.table import StreamTable
from services.airbyte.jobs.dead_letters import Shelf
from services.airbyte.mapping.rows import landed
from services.airbyte.sources.protocol import schema

if TYPE_CHECKING:
    from services.airbyte.jobs.sync import Sync

Json = dict[str, Any]

_OWN = frozenset(column.name for column in META_COLUMNS)


def run(sync: Sync, shelf: Shelf) -> None:
    """Read the shelf's records into their stream's table; the job names one stream."""
    (stream,) = configured_streams(sync.connection.catalog)
    with sync.failing(stream):
        table = sync.table(stream)
        known = sync.settle(stream, table)
        if not sync.committed_before(stream, table):
            if not table.exists:
                raise config_error(f"{table.name} does not exist yet: sync the connection first")
            rows = [
                as_object(n, one, sync.source_config) for n, one in enumerate(shelf.records(), 1)
            ]
            state = known.state
            opened = _opened(sync.duck, stream, table, rows, state)
            sync.copy(stream, table, known, opened, replace=False)
        shelf.put_away()


def as_object(number: int, letter: Json, source_config: Json) -> Json:
    """Return a refused record as an object. Raises ConnectorError naming one that still is bad."""
    if isinstance(letter.get("data"), dict):
        return dict(letter["data"])
    text, names = str(letter.get("text", "")), letter.get("columns")
    try:
        if names is None:
            found = orjson.loads(text)
            if isinstance(found, dict):
                return found
            raise ValueError("not an object")
        options = orjson.loads(source_config.get("reader_options") or "{}")
        delimiter = options.get("sep") or options.get("delimiter") or ","
        values = next(
            csv.reader([text], delimiter=delimiter, quotechar=options.get("quotechar", '"'))
        )
        if len(values) != len(names):
            raise ValueError(f"{len(values)} values for {len(names)} columns")
    except (ValueError, StopIteration) as error:
        raise config_error(
            f"record {number} (line {letter.get('line')}) still does not fit: {error}:"
            f" {text[:200]!r}; correct it in a copy and replay that:"
            " `lakelet dead-letters show ADDRESS > FILE`, then `replay ADDRESS --with FILE`"
        ) from error
    return {name: value or None for name, value in zip(names, values, strict=True)}


@contextmanager
def _opened(
    duck: duckdb.DuckDBPyConnection,
    stream: ConfiguredStream,
    table: StreamTable,
    rows: Sequence[Json],
    state: Json | None,
) -> Iterator[Reading]:
    """Give the rows as DuckDB reads them; every value is cast to its column's type."""
    columns = _columns(stream, table, {name for row in rows for name in row})
    kinds = ", ".join(f"{literal(c.name)}: 'VARCHAR'" for c in columns)
    with tempfile.TemporaryDirectory(prefix="lakelet-replay-") as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
        source = (
            f"read_json({literal(str(path))}, format = 'newline_delimited', columns = {{{kinds}}})"
        )
        names = ", ".join(quote(c.name) for c in columns)
        try:
            yield Reading(tuple(columns), f"(SELECT {names} FROM {source})", lambda: state)
        except duckdb.ConversionException as error:
            raise config_error(
                f"stream {stream.name!r}: a replayed record does not fit its table: {error}",
                str(error),
            ) from error


def _columns(stream: ConfiguredStream, table: StreamTable, given: Set[str]) -> list[Column]:
    """Return the source's columns that the rows may have, with their types.

    They are the table's, but of what mappers hash or leave out the table does not know the type.
    """
    fields = table.table.schema().fields
    there = {field.name: field.field_type for field in fields if field.name not in _OWN}
    if not stream.mappers:
        return [Column(name, kind) for name, kind in there.items() if name in given]
    offered = schema.columns(stream.schema) or [Column(name, StringType()) for name in given]
    mapped, _ = landed(stream, offered)
    found = []
    for column in offered:
        field = mapped.of_source(column.name)
        if field is None or field.methods:
            found.append(column)
        elif field.name in there:
            found.append(Column(column.name, there[field.name]))
    return found
