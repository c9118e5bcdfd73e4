"""JSON schema of a stream → columns, and the SQL that makes typed values of JSON ones.

Types as Airbyte's Iceberg destination has them: integer is long, number double, objects, arrays
and unions are JSON text. A value that does not fit becomes null and is noted in
`_airbyte_meta.changes`.
"""

from __future__ import annotations

from typing import Any

from pyiceberg.types import (
    BooleanType,
    DateType,
    DoubleType,
    IcebergType,
    LongType,
    StringType,
    TimestampType,
    TimestamptzType,
    TimeType,
)

from services.airbyte.cdk.columns import Column, duckdb_type, in_calendar, literal, quote

Json = dict[str, Any]

UNFIT, TOO_LARGE = "DESTINATION_SERIALIZATION_ERROR", "DESTINATION_FIELD_SIZE_LIMITATION"
# The name under which a batch keeps what was changed in a row.
CHANGES = "_lakelet_changes"
# … and the row's place among all rows that the connector sent.
ROW = "_lakelet_row"
CHANGES_TYPE = "STRUCT(field VARCHAR, change VARCHAR, reason VARCHAR)[]"

# How many bytes a line may have around its row.
_AROUND = 100

_FORMATS: dict[str, IcebergType] = {
    "date": DateType(),
    "date-time": TimestamptzType(),
    "time": TimeType(),
}
_AIRBYTE: dict[str, IcebergType] = {
    "integer": LongType(),
    "big_integer": StringType(),
    "big_number": StringType(),
    "timestamp_with_timezone": TimestamptzType(),
    "timestamp_without_timezone": TimestampType(),
    "time_without_timezone": TimeType(),
    "time_with_timezone": StringType(),
}
_PLAIN: dict[str, IcebergType] = {
    "boolean": BooleanType(),
    "integer": LongType(),
    "number": DoubleType(),
    "string": StringType(),
}
# ISO 8601 allows what DuckDB does not read: no seconds before a zone, small letters.
_SPELLED_OUT = (
    "regexp_replace(regexp_replace(upper({t}), ' ([+-][0-9][0-9]:?[0-9][0-9])$', '\\1'),"
    " '([T ][0-9][0-9]:[0-9][0-9])(Z|[+-][0-9][0-9]:?[0-9]*)$', '\\1:00\\2')"
)
# SQL of the value, {t} is its text (of a string without the quotes); null when it does not fit.
_CASTS: dict[type[IcebergType], str] = {
    StringType: "{t}",
    BooleanType: "CASE lower({t}) WHEN 'true' THEN true WHEN 'false' THEN false END",
    LongType: (
        "CASE WHEN TRY_CAST({t} AS DOUBLE) = round(TRY_CAST({t} AS DOUBLE))"
        " THEN TRY_CAST({t} AS BIGINT) END"
    ),
    DoubleType: "CASE WHEN isfinite(TRY_CAST({t} AS DOUBLE)) THEN TRY_CAST({t} AS DOUBLE) END",
    **{
        type(kind): f"CASE WHEN {in_calendar(value, kind)} THEN {value} END"
        for kind in (TimeType(), TimestampType(), TimestamptzType())
        for cast in [f"TRY_CAST({{t}} AS {duckdb_type(kind)})"]
        for value in [f"coalesce({cast}, {cast.format(t=_SPELLED_OUT)})"]
    },
    # Of a date's text the cast reads the beginning only: of "0044-03-15 BC", too.
    DateType: (
        "CASE WHEN (regexp_full_match({t}, '\\s*[0-9]+[-/][0-9]+[-/][0-9]+\\s*')"
        " OR TRY_CAST({t} AS TIMESTAMP) IS NOT NULL)"
        f" AND {in_calendar('TRY_CAST({t} AS DATE)', DateType())} THEN TRY_CAST({{t}} AS DATE) END"
    ),
}


def iceberg_type(schema: Any) -> IcebergType:
    """Return the column type of a property."""
    if not isinstance(schema, dict):
        return StringType()
    for keyword in ("oneOf", "anyOf"):
        told = schema.get(keyword)
        branches = [b for b in told if not _is_null(b)] if isinstance(told, list) else []
        if branches:
            kinds = {type(kind): kind for kind in map(iceberg_type, branches)}
            return _one(kinds)
    named = schema.get("type")
    types = [t for t in (named if isinstance(named, list) else [named]) if t not in (None, "null")]
    if not all(isinstance(one, str) for one in types):
        return StringType()
    kinds = {type(kind): kind for kind in (_simple(one, schema) for one in types)}
    return _one(kinds)


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") in ("null", ["null"])


def _one(kinds: dict[type[IcebergType], IcebergType]) -> IcebergType:
    if set(kinds) == {LongType, DoubleType}:
        return DoubleType()
    return next(iter(kinds.values())) if len(kinds) == 1 else StringType()


def _simple(name: str, schema: Json) -> IcebergType:
    marked = str(schema.get("airbyte_type"))
    if name in ("string", "number", "integer") and marked in _AIRBYTE:
        return _AIRBYTE[marked]
    if name == "string":
        return _FORMATS.get(str(schema.get("format")), StringType())
    return _PLAIN.get(name, StringType())


def columns(schema: Any) -> tuple[Column, ...]:
    """Return the columns of a stream's JSON schema, in its order."""
    found = schema.get("properties") if isinstance(schema, dict) else None
    properties = found if isinstance(found, dict) else {}
    # No table has a column without a name, and no SQL one with a zero byte in it.
    return tuple(
        Column(name, iceberg_type(value))
        for name, value in properties.items()
        if name and "\0" not in name
    )


def typed(
    lines: str,
    longest: int,
    chosen: tuple[Column, ...],
    before: int = 0,
    *,
    with_earlier: bool = True,
) -> str:
    """Return the SQL that reads records (file `lines`, each line `{"data": …}`, with or without
    `"meta": …`) as `chosen`.

    `longest` is the longest row's length in bytes (DuckDB sets aside twice that); `before` is
    the number that row numbers count on from; `with_earlier`: what the connector itself has noted
    as changed is told, too.
    """
    fields = ", ".join(f"{quote(c.name)} {'JSON' if _stays(c) else 'VARCHAR'}" for c in chosen)
    row, meta = literal(f"STRUCT({fields or '_ JSON'})"), literal(f"STRUCT(changes {CHANGES_TYPE})")
    source = (
        # All is said, so that DuckDB does not look through the lines first.
        f"read_json({literal(lines)}, format = 'newline_delimited', auto_detect = false,"
        f" records = true, maximum_object_size = {max(longest + _AROUND, 1 << 20)},"
        f" columns = {{'data': {row}, 'meta': {meta}}})"
    )
    picked = "".join(f"{_text(c)} AS t{i}, " for i, c in enumerate(chosen))
    earlier = "meta.changes" if with_earlier else "NULL"
    source = f"(SELECT {picked}{earlier} AS earlier FROM {source})"
    casts = "".join(f"t{i}, {_cast(c, i)} AS c{i}, " for i, c in enumerate(chosen))
    source = f"(SELECT {casts}earlier FROM {source})"
    values = "".join(f"c{i} AS {quote(c.name)}, " for i, c in enumerate(chosen))
    number = f"{before} + row_number() OVER () AS {ROW}"
    return f"SELECT {values}{_changes(chosen)} AS {CHANGES}, {number} FROM {source}"


def _stays(column: Column) -> bool:
    """Whether the table holds the value's text: read as VARCHAR, a number's is not as in JSON."""
    return isinstance(column.type, StringType)


def _text(column: Column) -> str:
    value = f"data.{quote(column.name)}"
    return f"{value} ->> '$'" if _stays(column) else value


def _cast(column: Column, number: int) -> str:
    return _CASTS[type(column.type)].format(t=f"t{number}")


def _changes(chosen: tuple[Column, ...]) -> str:
    """SQL of the list of changes: the source's own, then one for each value that did not fit."""
    earlier = f"coalesce(earlier, []::{CHANGES_TYPE})"
    tests, notes = [], []
    for number, column in enumerate(chosen):
        if _stays(column):
            continue
        text = f"t{number}"
        test = f"(c{number} IS NULL AND {text} IS NOT NULL)"
        reason = literal(UNFIT)
        if isinstance(column.type, LongType):
            whole = f"regexp_full_match({text}, '-?[0-9]+')"
            reason = f"CASE WHEN {whole} THEN {literal(TOO_LARGE)} ELSE {reason} END"
        tests.append(test)
        notes.append(
            f"CASE WHEN {test} THEN {{'field': {literal(column.name)}, 'change': 'NULLED',"
            f" 'reason': {reason}}} END"
        )
    if not tests:
        return earlier
    return (
        f"CASE WHEN {' OR '.join(tests)} THEN list_concat({earlier},"
        f" list_filter([{', '.join(notes)}], lambda x: x IS NOT NULL)) ELSE {earlier} END"
    )
