"""From pgoutput's text to the columns' types: what DuckDB is told, per column."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pyiceberg.types import (
    BinaryType,
    DateType,
    DecimalType,
    IcebergType,
    ListType,
    TimestampType,
    TimestamptzType,
    TimeType,
)

from services.airbyte.cdk.columns import duckdb_type, in_calendar, quote
from services.airbyte.sources.postgres.tables import SourceColumn

_TOO_LARGE = "SOURCE_FIELD_SIZE_LIMITATION"


# Stands for an array of several dimensions; PostgreSQL's texts have no such character.
_SEVERAL = "\0"


def expression(column: SourceColumn) -> str | None:
    """Return the SQL of the value; None where a cast will do."""
    name, kind = quote(column.name), column.mapping.type
    if isinstance(kind, ListType):
        element = _value("x", column.type_name.removeprefix("_"), kind.element_type)
        element = element or f"TRY_CAST(x AS {duckdb_type(kind.element_type)})"
        return f"list_transform({name}, lambda x: {element})"
    return _value(name, column.type_name, kind)


def _value(text: str, type_name: str, kind: IcebergType) -> str | None:
    """Return the SQL that makes a value of PostgreSQL's text; None where a cast will do."""
    if type_name == "bpchar":
        return f"rtrim({text}, ' ')"  # as the scanner of the snapshot has it
    if type_name == "inet":  # `::text`, which the snapshot has, always tells the mask
        mask = f"CASE WHEN contains({text}, ':') THEN '/128' ELSE '/32' END"
        return f"{text} || CASE WHEN contains({text}, '/') THEN '' ELSE {mask} END"
    if isinstance(kind, BinaryType):
        return f"unhex(substr({text}, 3))"
    if isinstance(kind, DateType):
        return f"TRY_CAST(replace({text}, ' BC', ' (BC)') AS DATE)"
    if isinstance(kind, TimestampType | TimestamptzType):
        # PostgreSQL: 0044-03-15 12:00:00 BC; DuckDB: 0044-03-15 (BC) 12:00:00
        moment = f"regexp_replace({text}, '^(\\S+)( .*)? BC$', '\\1 (BC)\\2')"
        return f"TRY_CAST({moment} AS {duckdb_type(kind)})"
    if isinstance(kind, DecimalType | TimeType):
        return f"TRY_CAST({text} AS {duckdb_type(kind)})"
    return None


def without_place(column: SourceColumn) -> tuple[str, str] | None:
    """Return (condition, reason) for values that have no place in the column's type."""
    name, kind = quote(column.name), column.mapping.type
    value = expression(column)
    if isinstance(kind, ListType):
        several = f"list_contains({name}, chr(0))"
        lost = f"len(list_filter({value}, lambda y: y IS NULL))"
        nulls = f"len(list_filter({name}, lambda y: y IS NULL))"
        tests = [several, f"{lost} > {nulls}"]
        if column.mapping.infinite:
            tests.append(f"NOT {in_calendar(str(value), kind)}")
        return f"({name} IS NOT NULL AND ({' OR '.join(tests)}))", _TOO_LARGE
    if column.mapping.infinite:
        fits = in_calendar(str(value), kind)
        return f"({name} IS NOT NULL AND NOT coalesce({fits}, false))", _TOO_LARGE
    if isinstance(kind, DecimalType) and value is not None:
        return f"({name} IS NOT NULL AND ({value}) IS NULL)", _TOO_LARGE
    return None


def arrays(texts: pa.Array) -> pa.Array:
    """Return arrays' text (`{1,NULL,"a b"}`) as lists of text."""
    return pa.array([parse_array(text) for text in texts.to_pylist()], pa.list_(pa.string()))


def parse_array(text: str | None) -> list[str | None] | None:
    """Read a one-dimensional array; one of several dimensions is told by a mark."""
    if text is None:
        return None
    if text.startswith("["):  # [2:3]={7,8}: bounds other than from 1
        text = text.partition("=")[2]
    inner = text[1:-1]
    if not inner:
        return []
    if '"' not in inner and "\\" not in inner and "{" not in inner:
        return [None if item == "NULL" else item for item in inner.split(",")]
    if inner.startswith("{"):
        return [_SEVERAL]
    return _parse_quoted(inner)


def _parse_quoted(inner: str) -> list[str | None]:
    items: list[str | None] = []
    current: list[str] = []
    quoted = inside = False
    characters: Any = iter(inner)
    for character in characters:
        if character == "\\":
            current.append(next(characters))
        elif character == '"':
            inside, quoted = not inside, True
        elif character == "," and not inside:
            items.append(_item(current, quoted=quoted))
            current, quoted = [], False
        else:
            current.append(character)
    items.append(_item(current, quoted=quoted))
    return items


def _item(characters: list[str], *, quoted: bool) -> str | None:
    text = "".join(characters)
    return None if text == "NULL" and not quoted else text
