"""The table's columns: Airbyte's own, the stream's, and how they may change."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import duckdb
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Transaction
from pyiceberg.transforms import DayTransform
from pyiceberg.types import (
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
)

from services.airbyte.cdk.columns import Column, duckdb_type, quote
from services.airbyte.cdk.failures import config_error

RAW_ID, EXTRACTED_AT = "_airbyte_raw_id", "_airbyte_extracted_at"
META, GENERATION = "_airbyte_meta", "_airbyte_generation_id"

_CHANGE = StructType(
    NestedField(7, "field", StringType(), required=False),
    NestedField(8, "change", StringType(), required=False),
    NestedField(9, "reason", StringType(), required=False),
)
META_COLUMNS = (
    Column(RAW_ID, StringType()),
    Column(EXTRACTED_AT, TimestamptzType()),
    Column(
        META,
        StructType(
            NestedField(5, "sync_id", LongType(), required=False),
            NestedField(6, "changes", ListType(10, _CHANGE, element_required=False)),
        ),
    ),
    Column(GENERATION, LongType()),
)
# The sequence that `select_list` numbers rows with (see `number_rows`).
ROW_NUMBERS = "lakelet_rows"
# DuckDB's type of `_airbyte_meta.changes`.
CHANGES_TYPE = "STRUCT(field VARCHAR, change VARCHAR, reason VARCHAR)[]"
_META_NAMES = frozenset(column.name for column in META_COLUMNS)

PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "snappy",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "50",
}


def new_schema(columns: tuple[Column, ...]) -> tuple[Schema, PartitionSpec]:
    """Return schema and partitioning (day of extraction) of a new table."""
    fields = []
    for number, column in enumerate((*META_COLUMNS, *_checked(columns)), start=1):
        # The catalog numbers the fields anew; nested ones only have to be unique here.
        fields.append(NestedField(number * 100, column.name, column.type, required=False))
    by_day = PartitionField(200, 1000, DayTransform(), f"{EXTRACTED_AT}_day")
    return Schema(*fields), PartitionSpec(by_day)


def _checked(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    seen: dict[str, str] = {}
    for column in columns:
        low = column.name.lower()
        if low in seen or low in _META_NAMES:
            raise config_error(
                f"columns {seen.get(low, low)!r} and {column.name!r} differ in case only (or one is"
                " Airbyte's own): SQL cannot tell them apart; deselect one in the connection",
                at="destination",
            )
        seen[low] = column.name
    return columns


def evolve(transaction: Transaction, columns: tuple[Column, ...], *, replace: bool) -> list[str]:
    """Bring the table's columns to hold `columns`; return what was changed, in words.

    A column that is gone stays (null from now on). With `replace` (the sync overwrites all rows)
    a column may change to any type; without, only to one that holds all old values.
    Raises ConnectorError (config_error) otherwise.
    """
    schema = transaction.table_metadata.schema()
    there = {field.name.lower(): field for field in schema.fields}
    added: list[Column] = []
    widened: list[Column] = []
    swapped: list[Column] = []
    for column in _checked(columns):
        field = there.get(column.name.lower())
        if field is None:
            added.append(column)
        elif promotes(field.field_type, column.type):
            widened.append(column)
        elif not column.untyped and not holds(field.field_type, column.type):
            if not replace:
                raise config_error(
                    f"column {column.name!r} is {column.type} in the source and"
                    f" {field.field_type} in the table, which cannot hold it: clear the"
                    " connection's data (connections/clear; the next sync reads all of it again"
                    f" and makes the column {column.type}), correct the source, or deselect the"
                    " column",
                    at="destination",
                )
            swapped.append(column)
    if swapped:
        with transaction.update_schema(allow_incompatible_changes=True) as update:
            for column in swapped:
                update.delete_column(there[column.name.lower()].name)
    if added or widened or swapped:
        with transaction.update_schema() as update:
            for column in (*added, *swapped):
                update.add_column(column.name, column.type)
            for column in widened:
                update.update_column(column.name, column.type)
    return [
        *(f"column {c.name} ({c.type}) is new" for c in added),
        *(f"column {c.name} is widened to {c.type}" for c in widened),
        *(f"column {c.name} changes its type to {c.type}" for c in swapped),
    ]


def promotes(old: IcebergType, new: IcebergType) -> bool:
    """Whether Iceberg can widen a column from `old` to `new` without rewriting files."""
    if isinstance(old, DecimalType) and isinstance(new, DecimalType):
        return old.scale == new.scale and new.precision > old.precision
    pairs = ((IntegerType, LongType), (FloatType, DoubleType))
    return any(isinstance(old, a) and isinstance(new, b) for a, b in pairs)


def holds(table: IcebergType, source: IcebergType) -> bool:
    """Whether the table's type takes every value of the source's type unchanged.

    Of a long in a column of doubles those beyond 2^53 become null (`select_list` notes them): a
    file's numbers are whole on one day and not on the next.
    """
    if duckdb_type(table) == duckdb_type(source) or promotes(source, table):
        return True
    if isinstance(table, DecimalType) and isinstance(source, DecimalType):
        whole = table.precision - table.scale >= source.precision - source.scale
        return whole and table.scale >= source.scale
    if isinstance(source, IntegerType | LongType):
        digits = 10 if isinstance(source, IntegerType) else 19
        if isinstance(table, DecimalType):
            return table.precision - table.scale >= digits
        if isinstance(table, DoubleType):
            return True
    if isinstance(table, TimestampType) and isinstance(source, DateType):
        return True
    return isinstance(table, StringType) and not isinstance(source, ListType | StructType)


def field_ids(schema: Schema) -> str:
    """Return DuckDB's FIELD_IDS option for writing Parquet of this schema."""
    return "{" + ", ".join(_field_id(f.name, f.field_id, f.field_type) for f in schema.fields) + "}"


def _field_id(name: str, number: int, kind: IcebergType) -> str:
    label = "'" + name.replace("'", "''") + "'" if name != "element" else "element"
    if isinstance(kind, StructType):
        inner = ", ".join(_field_id(f.name, f.field_id, f.field_type) for f in kind.fields)
        return f"{label}: {{__duckdb_field_id: {number}, {inner}}}"
    if isinstance(kind, ListType):
        inner = _field_id("element", kind.element_id, kind.element_type)
        return f"{label}: {{__duckdb_field_id: {number}, {inner}}}"
    return f"{label}: {number}"


def select_list(
    schema: Schema,
    columns: tuple[Column, ...],
    *,
    nulled: Mapping[str, tuple[str, str]],
    extracted_at: str,
    sync_id: int,
    generation: int,
    changes: str | None = None,
) -> str:
    """Return the SELECT list that makes rows of the table from rows of a source's relation.

    `changes` is the SQL of `_airbyte_meta.changes`, where it does not follow from `nulled`.
    """
    given = {column.name.lower(): column for column in columns}
    nulled = {**nulled, **_inexact(schema, given)}
    changes = changes or noted_changes(nulled)
    own = {
        RAW_ID: _raw_id(),
        EXTRACTED_AT: f"TIMESTAMPTZ '{extracted_at}'",
        META: f"{{'sync_id': {sync_id}::BIGINT, 'changes': {changes}}}",
        GENERATION: f"{generation}::BIGINT",
    }
    parts = []
    for field in schema.fields:
        kind, column = duckdb_type(field.field_type), given.get(field.name.lower())
        if field.name in own:
            value = own[field.name]
        elif column is None:
            value = f"NULL::{kind}"
        else:
            value = f"CAST({quote(column.name)} AS {kind})"
            if column.name in nulled:
                value = f"CASE WHEN {nulled[column.name][0]} THEN NULL ELSE {value} END"
        parts.append(f"{value} AS {quote(field.name)}")
    return ", ".join(parts)


def _inexact(schema: Schema, given: Mapping[str, Column]) -> dict[str, tuple[str, str]]:
    """Return the tests for longs that a column of doubles would round."""
    found = {}
    for field in schema.fields:
        column = given.get(field.name.lower())
        if (
            column
            and isinstance(column.type, LongType)
            and isinstance(field.field_type, DoubleType)
        ):
            test = f"{quote(column.name)} NOT BETWEEN {-(2**53)} AND {2**53}"
            found[column.name] = (test, "DESTINATION_FIELD_SIZE_LIMITATION")
    return found


def noted_changes(nulled: Mapping[str, tuple[str, str]]) -> str:
    """Return the SQL of `_airbyte_meta.changes` for columns that are nulled where a test holds."""
    none = f"[]::{CHANGES_TYPE}"
    if not nulled:
        return none
    notes = ", ".join(
        f"CASE WHEN {test} THEN {{'field': {_text(name)}, 'change': 'NULLED',"
        f" 'reason': {_text(reason)}}} END"
        for name, (test, reason) in nulled.items()
    )
    any_test = " OR ".join(f"({test})" for test, _ in nulled.values())
    return (
        f"CASE WHEN {any_test} THEN list_filter([{notes}], lambda x: x IS NOT NULL) ELSE {none} END"
    )


def _raw_id() -> str:
    """SQL of a UUID (version 8) per row: random per write, then the row's number.

    Random ones throughout cannot be compressed and would make up most of a narrow table's size.
    """
    start = uuid.uuid4().hex
    prefix = f"{start[:8]}-{start[8:12]}-8{start[13:16]}-{start[16:20]}-"
    # Twelve decimal digits; padding and hexadecimal cost as much as the number itself.
    return f"concat('{prefix}', {10**11} + nextval('{ROW_NUMBERS}'))"


def number_rows(duck: duckdb.DuckDBPyConnection) -> None:
    """Make the sequence that rows are numbered with, visible to all cursors of `duck`."""
    duck.execute(f"CREATE SEQUENCE IF NOT EXISTS {ROW_NUMBERS}")


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
