"""All files that a glob means, as one relation: each row says which file it is from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import duckdb
from pyiceberg.types import (
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    TimestampType,
    TimestamptzType,
)

from services.airbyte.cdk.columns import literal, quote
from services.airbyte.sources.file.matching import FILE_MODIFIED, FILE_URL, Found
from services.airbyte.sources.file.opened import Opened, described

# Where a row stands among all rows: the file's number, then the row's in it (up to 2^40).
PLACE, _PLACES = "_lakelet_place", 2**40
# Types that together make one of them: numbers, and days with moments.
_ALIKE = (
    IntegerType | LongType | DecimalType | FloatType | DoubleType,
    DateType | TimestampType | TimestamptzType,
)


def together(
    duck: duckdb.DuckDBPyConnection,
    files: Sequence[Found],
    opened: Sequence[Opened],
    *,
    with_places: bool,
) -> Opened:
    """Return the rows of all files, by the columns' names."""
    mixed = _mixed(opened)
    if with_places:
        opened = [placed(one, number) for number, one in enumerate(opened)]
    every = " UNION ALL BY NAME ".join(
        _of(file, one, mixed, [PLACE] if with_places else [])
        for file, one in zip(files, opened, strict=True)
    )
    there = {c.name.lower() for one in opened for c in one.columns if not c.untyped}
    untyped = dict.fromkeys(c.name for one in opened for c in one.columns if c.untyped)
    nowhere = [name for name in untyped if name.lower() not in there]
    nulls = "".join(f", NULL::VARCHAR AS {quote(name)}" for name in nowhere)
    whole = described(duck, f"(SELECT *{nulls} FROM ({every}))", empty=nowhere)
    return replace(whole, columns=tuple(c for c in whole.columns if c.name != PLACE))


def placed(opened: Opened, number: int = 0) -> Opened:
    """Give each row of the `number`th file its place."""
    place = f"{number * _PLACES} + row_number() OVER () AS {PLACE}"
    return replace(opened, relation=f"(SELECT *, {place} FROM {opened.relation})")


def _of(file: Found, opened: Opened, mixed: set[str], more: list[str]) -> str:
    """Return a file's rows. Columns without values are left out: other files know their type."""
    listing = [
        f"{quote(c.name)}::VARCHAR AS {quote(c.name)}" if c.name.lower() in mixed else quote(c.name)
        for c in opened.columns
        if not c.untyped
    ]
    marks = [f"{literal(file.url)} AS {FILE_URL}", f"{literal(file.modified)} AS {FILE_MODIFIED}"]
    return f"SELECT {', '.join([*listing, *marks, *more])} FROM {opened.relation}"


def _mixed(opened: Sequence[Opened]) -> set[str]:
    """Return the columns that are of unlike kinds in the files: they are text, true is no 1."""
    kinds: dict[str, set[object]] = {}
    for one in opened:
        for column in one.columns:
            if not column.untyped:
                kind = next((k for k in _ALIKE if isinstance(column.type, k)), type(column.type))
                kinds.setdefault(column.name.lower(), set()).add(kind)
    return {name for name, found in kinds.items() if len(found) > 1}
