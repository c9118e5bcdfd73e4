"""Rows through the mappers: what a source gives, as it is to land. All of it is DuckDB's SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import duckdb
from pyiceberg.types import StringType

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.columns import Column, duckdb_type, literal, quote
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.log import KEPT, LEFT_OUT, OP, SEQ, Changes
from services.airbyte.cdk.source import Reading
from services.airbyte.destination.filling import not_held
from services.airbyte.mapping.fields import Field, Fields, Is, Test, tested, through
from services.airbyte.mapping.mappers import METHODS, MapperError
from services.airbyte.mapping.text import text_of

# Marks a row's value that has no place in the table (see `Reading.nulled`).
_NULLED = "_lakelet_nulled_"
_BATCH = "lakelet_mapped"
# Columns that a log adds, which tell of the change and not of the row.
_OF_LOG = "_ab_cdc_"
# SQL of a source's column, with its type, as a row of the source has it.
Typed = Callable[[str], str]


def landed(stream: ConfiguredStream, columns: Iterable[Column]) -> tuple[Fields, ConfiguredStream]:
    """Return what becomes of the columns, and the stream with its key and cursor as they land.

    Raises ConnectorError (config_error) when the mappers do not fit the columns.
    """
    try:
        fields = through(stream.mappers, [column.name for column in columns])
    except MapperError as error:
        raise config_error(
            f"stream {stream.name!r}: its mappers do not fit the source any more: {error};"
            " correct them in the connection"
        ) from error

    def name(source: str) -> str:
        field = fields.of_source(source)
        return field.name if field else source

    cursor = fields.of_source(stream.cursor_field) if stream.cursor_field else None
    return fields, replace(
        stream,
        primary_key=tuple(map(name, stream.primary_key)),
        source_primary_key=tuple(map(name, stream.source_primary_key)),
        cursor_field=cursor.name if cursor else None,
    )


def map_reading(stream: ConfiguredStream, reading: Reading) -> tuple[ConfiguredStream, Reading]:
    """Return the stream and what is read of it, as they land in the table."""
    if not stream.mappers:
        return stream, reading
    fields, landing = landed(stream, reading.columns)
    kinds = {column.name: column for column in reading.columns}

    def typed(name: str) -> str:
        return _without(reading.nulled, name, f"CAST({quote(name)} AS {_kind(kinds[name])})")

    listing = [
        f"{_value(field, kinds, typed) if field.methods else quote(field.source)}"
        f" AS {quote(field.name)}"
        for field in fields
    ]
    nulled: dict[str, tuple[str, str]] = {}
    for number, field in enumerate(fields):
        if field.source in reading.nulled:
            test, reason = reading.nulled[field.source]
            mark = quote(f"{_NULLED}{number}")
            listing.append(f"({test}) AS {mark}")
            nulled[field.name] = (mark, reason)
    if reading.changes:
        noted = _renamed_notes(quote(reading.changes), fields)
        listing.append(f"{noted} AS {quote(reading.changes)}")
    if reading.order:
        listing.append(quote(reading.order))
    where = f" WHERE {_passes(fields, kinds, typed)}" if fields.tests else ""
    return landing, replace(
        reading,
        columns=_columns(fields, kinds),
        relation=f"(SELECT {', '.join(listing)} FROM {reading.relation}{where})",
        nulled=nulled,
    )


def map_changes(duck: duckdb.DuckDBPyConnection, changes: Changes) -> Changes:
    """Return changes as they land in the table.

    Of a row that the mappers leave out the key counts still: in a deduplicated table it takes the
    row away that stood there. A deleted row is told whatever the filter says, by its key alone.
    Raises ConnectorError when the log does not hold what a filter looks at.
    """
    stream = changes.stream
    if not stream.mappers:
        return changes
    fields, landing = landed(stream, changes.columns)
    kinds = {column.name: column for column in changes.columns}

    def typed(name: str) -> str:
        kind = _kind(kinds[name])
        value = changes.values.get(name) or f"CAST({quote(name)} AS {kind})"
        return _without(changes.nulled, name, f"({value})::{kind}")

    mapped = replace(
        changes,
        stream=landing,
        columns=_columns(fields, kinds),
        values={field.name: _value(field, kinds, typed) for field in fields},
        nulled={f.name: changes.nulled[f.source] for f in fields if f.source in changes.nulled},
        kept=_renamed_names(fields, kinds),
    )
    if not fields.tests:
        return mapped
    _check_kept(duck, changes, tested(fields.tests))
    passes = f"({OP} NOT IN ('U', 'M') OR {_passes(fields, kinds, typed)})"
    if stream.dedup:
        operation = f"CASE WHEN {passes} THEN {OP} ELSE {OP} || '{LEFT_OUT}' END"
        return replace(mapped, operation=operation)
    # A log may tell all of a deleted row, and that may be one that the filter is to hide.
    seen = {*stream.primary_key, *stream.source_primary_key}
    values = {
        field.name: value
        if field.source in seen or field.source.startswith(_OF_LOG)
        else f"CASE WHEN {OP} <> 'D' THEN {value} END"
        for field, value in zip(fields, mapped.values.values(), strict=True)
    }
    return replace(mapped, values=values, condition=passes)


def _columns(fields: Fields, kinds: Mapping[str, Column]) -> tuple[Column, ...]:
    return tuple(
        Column(field.name, StringType() if field.methods else kinds[field.source].type)
        for field in fields
    )


def _kind(column: Column) -> str:
    return duckdb_type(column.type)


def _without(nulled: Mapping[str, tuple[str, str]], name: str, value: str) -> str:
    """SQL of a value, null where it has no place in the table."""
    return f"CASE WHEN {nulled[name][0]} THEN NULL ELSE {value} END" if name in nulled else value


def _value(field: Field, kinds: Mapping[str, Column], typed: Typed) -> str:
    value = typed(field.source)
    return _hashed(field, kinds, value) if field.methods else value


def _hashed(field: Field, kinds: Mapping[str, Column], value: str) -> str:
    value = text_of(kinds[field.source].type, value)
    for method in field.methods:
        value = METHODS[method].format(value)
    return value


def _passes(fields: Fields, kinds: Mapping[str, Column], typed: Typed) -> str:
    """SQL of whether a row passes all filters; never null."""

    def sql(test: Test) -> str:
        if isinstance(test, Is):
            text = _hashed(test.field, kinds, typed(test.field.source))
            return f"coalesce({text} = {literal(test.value)}, false)"
        return f"NOT ({' OR '.join(map(sql, test.tests))})"

    return "(" + " AND ".join(map(sql, fields.tests)) + ")"


def _cases(value: str, fields: Fields) -> str | None:
    """SQL of a column's name as it lands, for the SQL of the source's; None: all are the same."""
    other = [f"WHEN {literal(f.source)} THEN {literal(f.name)}" for f in fields if _differs(f)]
    return f"CASE {value} {' '.join(other)} ELSE {value} END" if other else None


def _differs(field: Field) -> bool:
    return field.name != field.source


def _renamed_notes(changes: str, fields: Fields) -> str:
    name = _cases("c.field", fields)
    if name is None:
        return changes
    note = f"{{'field': {name}, 'change': c.change, 'reason': c.reason}}"
    return f"list_transform({changes}, lambda c: {note})"


def _renamed_names(fields: Fields, kinds: Mapping[str, Column]) -> str:
    """SQL of the names of what the log does not hold, as the columns land; null without any."""
    gone = [literal(name) for name in kinds if fields.of_source(name) is None]
    kept = f"{KEPT}::VARCHAR[]"
    if gone:
        kept = f"list_filter({kept}, lambda c: c NOT IN ({', '.join(gone)}))"
        kept = f"CASE WHEN len({kept}) > 0 THEN {kept} END"
    name = _cases("c", fields)
    return f"list_transform({kept}, lambda c: {name})" if name else kept


def _check_kept(duck: duckdb.DuckDBPyConnection, changes: Changes, names: set[str]) -> None:
    """Refuse a row whose filter cannot be decided as the log lacks what it looks at."""
    kept = changes.batch[KEPT]
    if kept.null_count == len(kept):
        return
    wanted = ", ".join(map(literal, sorted(names)))
    duck.register(_BATCH, changes.batch.select([SEQ, OP, KEPT]))
    found = duck.execute(
        f"SELECT unnest(list_filter({KEPT}::VARCHAR[], lambda c: c IN ({wanted}))) FROM {_BATCH}"
        f" WHERE {OP} IN ('U', 'M') LIMIT 1"
    ).fetchone()
    duck.unregister(_BATCH)
    if found:
        raise not_held(changes.stream, str(found[0]))
