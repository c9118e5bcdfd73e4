"""Excel and OpenDocument: a sheet's rows, typed by all the values of each column."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    WorksheetNotFound,
)

from services.airbyte.cdk.columns import literal
from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.file.opened import NOTHING, Json, Opened, described, options

_OPTIONS = frozenset({"sheet_name", "header", "dtype", "skiprows", "names"})
_BATCH = 10_000
# What a column's values are in Python → the table's type; other mixtures are text. Numbers are
# doubles, as they are in Excel: a column of whole ones may hold others in the next file.
_TYPES: dict[frozenset[type], pa.DataType] = {
    frozenset({bool}): pa.bool_(),
    frozenset({int}): pa.float64(),
    frozenset({float}): pa.float64(),
    frozenset({int, float}): pa.float64(),
    frozenset({datetime.date}): pa.date32(),
    frozenset({datetime.datetime}): pa.timestamp("us"),
    frozenset({datetime.date, datetime.datetime}): pa.timestamp("us"),
    frozenset({datetime.time}): pa.time64("us"),
}


def read(duck: duckdb.DuckDBPyConnection, path: Path, config: Json, scratch: Path) -> Opened:
    """Copy the sheet into `scratch` as Parquet. Raises ConnectorError. Options as pandas' have."""
    wanted, url = options(config), str(config["url"])
    if unknown := set(wanted) - _OPTIONS:
        raise config_error(
            f"reader_options {', '.join(sorted(unknown))} are not known for excel; known are"
            f" {', '.join(sorted(_OPTIONS))}"
        )
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            sheet = _sheet(book, wanted.get("sheet_name", 0), url)
            return _copied(duck, sheet, wanted, scratch)
    except PasswordError as error:
        raise config_error(f"{url} is protected by a password; save it without one") from error
    except CalamineError as error:
        raise config_error(
            f"{url} is no Excel or OpenDocument file: {error}; set format", str(error)
        ) from error


def _sheet(book: CalamineWorkbook, wanted: Any, url: str) -> CalamineSheet:
    try:
        if isinstance(wanted, str):
            return book.get_sheet_by_name(wanted)
        if isinstance(wanted, int):
            return book.get_sheet_by_index(wanted)
    except (WorksheetNotFound, IndexError):
        pass
    raise config_error(
        f"{url} has no sheet {wanted!r}: sheet_name in reader_options is one of"
        f" {', '.join(book.sheet_names)}, or its number from 0"
    )


def _copied(
    duck: duckdb.DuckDBPyConnection, sheet: CalamineSheet, wanted: Json, scratch: Path
) -> Opened:
    """Write the rows to Parquet, twice through the sheet: for the types and for the values."""
    width = sheet.width
    if not width:
        return NOTHING
    names, kinds = _names(sheet, wanted), [set[type]() for _ in range(width)]
    for row in _rows(sheet, wanted):
        for kind, value in zip(kinds, row, strict=True):
            if value is not None:
                kind.add(type(value))
    as_text = wanted.get("dtype") in ("str", "string", "object")
    types = [pa.string() if as_text else _TYPES.get(frozenset(kind), pa.string()) for kind in kinds]
    schema = pa.schema(list(zip(names, types, strict=True)))
    copy = scratch / "sheet.parquet"
    with pq.ParquetWriter(copy, schema) as writer:
        rows = _rows(sheet, wanted)
        while batch := list(itertools.islice(rows, _BATCH)):
            columns = [
                pa.array([_value(v, kind) for v in column], kind)
                for column, kind in zip(zip(*batch, strict=True), types, strict=True)
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))
    empty = [name for name, kind in zip(names, kinds, strict=True) if not kind]
    return described(duck, f"read_parquet({literal(str(copy))})", empty=empty)


def _value(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_string(kind):
        return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)
    if pa.types.is_floating(kind):
        return float(value)
    if pa.types.is_timestamp(kind) and not isinstance(value, datetime.datetime):
        return datetime.datetime.combine(value, datetime.time())
    return value


def _rows(sheet: CalamineSheet, wanted: Json) -> Iterator[list[Any]]:
    """Yield the rows below the header that are not empty; an empty cell is None."""
    first = int(wanted.get("skiprows") or 0) + (wanted.get("header", 0) is not None)
    for row in itertools.islice(_cells(sheet), first, None):
        if any(value is not None for value in row):
            yield row


def _cells(sheet: CalamineSheet) -> Iterator[list[Any]]:
    """Yield all rows from the first that has a value, as wide as the sheet."""
    width, started = sheet.width, False
    for cells in sheet.iter_rows():
        row = [_cell(value) for value in cells]
        row += [None] * (width - len(row))
        started = started or any(value is not None for value in row)
        if started:
            yield row


def _cell(value: Any) -> Any:
    if value == "":
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return int(value)
    if isinstance(value, datetime.timedelta):
        return str(value)
    return value


def _names(sheet: CalamineSheet, wanted: Json) -> list[str]:
    """Return the columns' names; one that has none, or another's, gets its number."""
    if wanted.get("names"):
        given = [str(name) for name in wanted["names"]]
    elif wanted.get("header", 0) is None:
        given = []
    else:
        skipped = int(wanted.get("skiprows") or 0)
        head = next(itertools.islice(_cells(sheet), skipped, None), [])
        given = ["" if value is None else str(value).strip() for value in head]
    names: dict[str, str] = {}
    for number in range(sheet.width):
        name = given[number] if number < len(given) and given[number] else f"column{number}"
        if name.lower() in names:
            name = f"{name}_{number}"
        names[name.lower()] = name
    return list(names.values())
