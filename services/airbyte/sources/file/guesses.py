"""Guessed types that would lose something, told from the values' own text.

DuckDB's sniffers take an integer of 20 digits for a double, a date that could be two days for one
of them, and a column without values for text. Files are read as they are instead.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from services.airbyte.cdk.columns import literal, quote

# How many rows are looked at before all are: most columns are settled by them.
_FIRST = 5000
_INTEGER = r"\s*[+-]?\d+\s*"
_ZONED = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)"


def everywhere(
    duck: duckdb.DuckDBPyConnection, source: str, tests: dict[str, str]
) -> frozenset[str]:
    """Return the columns whose test (SQL that is true, false or null) is false in no row."""
    for limit in (f" LIMIT {_FIRST}", ""):
        if not tests:
            break
        listing = ", ".join(f"coalesce(bool_and({test}), true)" for test in tests.values())
        found = duck.execute(f"SELECT {listing} FROM (SELECT * FROM {source}{limit})").fetchone()
        held = zip(tests.items(), found or (), strict=True)
        tests = {name: test for (name, test), holds in held if holds}
    return frozenset(tests)


def empty(duck: duckdb.DuckDBPyConnection, source: str, names: Iterable[str]) -> frozenset[str]:
    """Return the columns that have no value at all."""
    return everywhere(duck, source, {name: f"{quote(name)} IS NULL" for name in names})


def integers(duck: duckdb.DuckDBPyConnection, texts: str, names: Iterable[str]) -> dict[str, str]:
    """Return the types of the columns (guessed to be doubles) that hold integers only.

    `texts` is the relation with every column as the text that stands in the file.
    """
    tests = {name: f"regexp_full_match({quote(name)}, {literal(_INTEGER)})" for name in names}
    whole = everywhere(duck, texts, tests)
    fitting = {name: f"TRY_CAST({quote(name)} AS DECIMAL(38, 0)) IS NOT NULL" for name in whole}
    tests = {name: f"({quote(name)} IS NULL OR {test})" for name, test in fitting.items()}
    fit = everywhere(duck, texts, tests)
    return {name: "DECIMAL(38,0)" if name in fit else "VARCHAR" for name in whole}


def zoned(duck: duckdb.DuckDBPyConnection, texts: str, names: Iterable[str]) -> frozenset[str]:
    """Return the columns whose values are all moments with an offset or Z."""
    wanted = {
        name: f"regexp_full_match({quote(name)}, {literal(_ZONED)})"
        f" AND TRY_CAST({quote(name)} AS TIMESTAMPTZ) IS NOT NULL"
        for name in names
    }
    return everywhere(duck, texts, wanted)


def of_two_readings(template: str) -> str | None:
    """Return the format that has day and month the other way round; None where nobody uses it."""
    for day_first, month_first in (("%d/%m", "%m/%d"), ("%d-%m", "%m-%d")):
        if template.startswith(day_first):
            return template.replace(day_first, month_first)
        if template.startswith(month_first):
            return template.replace(month_first, day_first)
    return None


def dates(
    duck: duckdb.DuckDBPyConnection,
    texts: str,
    names: Iterable[str],
    template: str,
    day_first: bool | None,
) -> tuple[str, frozenset[str]]:
    """Return the format to read with, and the columns that it reads for sure.

    A column of which every value could be two dates stays text unless `day_first` says which.
    """
    names = list(names)
    other = of_two_readings(template)
    fit = everywhere(duck, texts, {name: _parses(name, template) for name in names})
    both = everywhere(duck, texts, {name: _parses(name, other) for name in fit}) if other else None
    if other is None or not both:
        return template, fit
    if day_first is None:
        return template, fit - both
    if template.startswith("%d") == day_first:
        return template, fit
    return other, everywhere(duck, texts, {name: _parses(name, other) for name in names})


def _parses(name: str, template: str) -> str:
    # A year is of four digits: strptime's %Y takes fewer and more.
    return (
        f"({quote(name)} IS NULL OR TRY_STRPTIME({quote(name)}, {literal(template)}) IS NOT NULL)"
    )
