"""CSV, JSON lines, Parquet and Excel as DuckDB reads them, with the lines it refuses."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import orjson

from services.airbyte.cdk.columns import Column, literal, quote
from services.airbyte.cdk.failures import config_error
from services.airbyte.engine import load
from services.airbyte.sources.file.encoding import read_as
from services.airbyte.sources.file.types import expression, iceberg_type

Json = dict[str, Any]

# What pandas, and with it Airbyte's source, takes for a missing value.
_MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
_CSV_OPTIONS = frozenset(
    {
        *("sep", "delimiter", "quotechar", "escapechar", "header", "names", "encoding"),
        *("skiprows", "on_bad_lines", "keep_default_na", "na_values", "dtype"),
        *("decimal", "thousands", "comment", "usecols"),
        *("compression", "low_memory"),  # without influence here
    }
)


# pandas' options → DuckDB's.
_MARKS = {"decimal": "decimal_separator", "thousands": "thousands", "comment": "comment"}


@dataclass(frozen=True)
class Opened:
    """A file: its columns (none: it is empty), what to select from, and the refused lines (after
    reading)."""

    columns: tuple[Column, ...]
    relation: str
    refused: Callable[[], list[Json]]


def options(config: Json) -> Json:
    """Return `reader_options` as an object. Raises ConnectorError when it is not JSON."""
    text = config.get("reader_options") or "{}"
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise config_error(f"reader_options is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise config_error("reader_options is not a JSON object")
    return found


def open_file(duck: duckdb.DuckDBPyConnection, path: Path, config: Json) -> Opened:
    """Find out the columns of the file. Raises ConnectorError or duckdb.Error."""
    kind = config.get("format", "csv")
    text = kind in ("csv", "json", "jsonl")
    if text and path.stat().st_size == 0 and not options(config).get("names"):
        return Opened((), "(SELECT 1 WHERE false)", list)
    if kind == "csv":
        return _csv(duck, path, config)
    if kind in ("json", "jsonl"):
        return _json(duck, path, config)
    if kind == "parquet":
        source = f"read_parquet({literal(str(path))}, hive_partitioning = false)"
        return described(duck, source, list)
    if kind == "excel":
        return _excel(duck, path, config)
    raise config_error(
        f"format {kind} is not supported yet; use csv, json, jsonl, parquet or excel"
    )


def _excel(duck: duckdb.DuckDBPyConnection, path: Path, config: Json) -> Opened:
    """Read a sheet of an .xlsx file; reader_options as pandas' read_excel has them."""
    wanted = options(config)
    if unknown := set(wanted) - {"sheet_name", "header", "dtype"}:
        raise config_error(
            f"reader_options {', '.join(sorted(unknown))} are not known for excel; known are"
            " dtype, header, sheet_name"
        )
    load(duck, "excel")
    given = [literal(str(path)), "empty_as_varchar = true"]
    given.append(f"header = {'false' if wanted.get('header', 0) is None else 'true'}")
    if isinstance(wanted.get("sheet_name"), str):
        given.append(f"sheet = {literal(wanted['sheet_name'])}")
    if wanted.get("dtype") in ("str", "string", "object"):
        given.append("all_varchar = true")
    return described(duck, f"read_xlsx({', '.join(given)})", list)


def described(
    duck: duckdb.DuckDBPyConnection, source: str, refused: Callable[[], list[Json]]
) -> Opened:
    """Return what a relation's columns are, in the table's types."""
    rows = duck.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    columns = tuple(Column(row[0], iceberg_type(row[1])) for row in rows)
    chosen = ", ".join(f"{expression(row[0], row[1])} AS {quote(row[0])}" for row in rows)
    return Opened(columns, f"(SELECT {chosen} FROM {source})", refused)


def _csv(duck: duckdb.DuckDBPyConnection, path: Path, config: Json) -> Opened:
    wanted = options(config)
    if unknown := set(wanted) - _CSV_OPTIONS:
        raise config_error(
            f"reader_options {', '.join(sorted(unknown))} are not known for csv; known are"
            f" {', '.join(sorted(_CSV_OPTIONS))}"
        )
    separator = wanted.get("sep") or wanted.get("delimiter") or ","
    header = wanted.get("header", 0 if "names" not in wanted else None)
    missing = [*(_MISSING if wanted.get("keep_default_na", True) else ("",))]
    extra = wanted.get("na_values") or []
    missing += [extra] if isinstance(extra, str) else [str(value) for value in extra]
    skip = int(wanted.get("skiprows") or 0)
    settings = {
        "delim": literal(separator),
        "quote": literal(wanted.get("quotechar") or '"'),
        "escape": literal(wanted.get("escapechar") or wanted.get("quotechar") or '"'),
        "header": "false" if header is None else "true",
        "skip": str(skip),
        "nullstr": "[" + ", ".join(map(literal, missing)) + "]",
        "encoding": literal(read_as(wanted)),
        "store_rejects": "true",
        "strict_mode": "true",
    }
    for option, theirs in _MARKS.items():
        if wanted.get(option):
            settings[theirs] = literal(str(wanted[option]))
    if wanted.get("names"):
        settings["names"] = "[" + ", ".join(literal(str(n)) for n in wanted["names"]) + "]"
    if wanted.get("dtype") in ("str", "string", "object"):
        settings["all_varchar"] = "true"
    given = ", ".join(f"{name} = {value}" for name, value in settings.items())
    target = literal(str(path))

    def refused() -> list[Json]:
        names = [column.name for column in opened.columns]
        return [{**one, "columns": names} for one in _rejects(duck, path)]

    try:
        opened = described(duck, _sniffed(duck, target, given, settings), refused)
        return _chosen(opened, wanted.get("usecols"), str(config["url"]))
    except duckdb.InvalidInputException:
        # The sniffer gives up without a line number: read it as text to find the line.
        settings.pop("names", None)
        columns = _header(path, settings, wanted, separator, skip)
        listing = "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns) + "}"
        given = ", ".join(f"{k} = {v}" for k, v in settings.items() if k != "all_varchar")
        source = f"read_csv({target}, {given}, auto_detect = false, columns = {listing})"
        duck.execute(f"SELECT count(*) FROM {source}").fetchall()
        problems = _rejects(duck, path)
        if not problems:
            raise
        first = problems[0]
        raise config_error(
            f"{config['url']}, line {first['line']}: {first['reason']}: {first['text'][:200]!r};"
            " correct the file"
        ) from None


def _chosen(opened: Opened, wanted: list[str | int] | None, url: str) -> Opened:
    """Leave the columns that `usecols` names, by name or by place."""
    if wanted is None:
        return opened
    names = [column.name for column in opened.columns]
    places = {name: name for name in names} | dict(enumerate(names))
    if unknown := [str(one) for one in wanted if one not in places]:
        raise config_error(
            f"usecols in reader_options: {url} has no column {', '.join(unknown)}; it has:"
            f" {', '.join(names)}"
        )
    kept = {places[one] for one in wanted}
    columns = tuple(column for column in opened.columns if column.name in kept)
    listing = ", ".join(quote(column.name) for column in columns)
    return replace(opened, columns=columns, relation=f"(SELECT {listing} FROM {opened.relation})")


def _sniffed(
    duck: duckdb.DuckDBPyConnection, target: str, given: str, settings: dict[str, str]
) -> str:
    """Return the SQL that reads the file with the types that all of its rows fit.

    The whole file is looked at (a guess from its beginning would round a 1.5 further down), but
    once: `read_csv` left to itself would do so for every statement that names it.
    """
    try:
        found = duck.execute(
            "SELECT Columns, DateFormat, TimestampFormat"
            f" FROM sniff_csv({target}, {given}, sample_size = -1)"
        ).fetchone()
    except duckdb.InvalidInputException:  # an empty file, or one that read_csv will refuse as well
        found = None
    if found is None:
        return f"read_csv({target}, {given}, sample_size = -1)"
    columns, date, timestamp = found
    listing = ", ".join(f"{literal(c['name'])}: {literal(c['type'])}" for c in columns)
    chosen = {k: v for k, v in settings.items() if k not in ("names", "all_varchar")}
    chosen |= {"auto_detect": "false", "columns": f"{{{listing}}}"}
    if date:
        chosen["dateformat"] = literal(date)
    if timestamp:
        chosen["timestampformat"] = literal(timestamp)
    return f"read_csv({target}, {', '.join(f'{name} = {value}' for name, value in chosen.items())})"


def _header(
    path: Path, settings: dict[str, str], wanted: Json, separator: str, skip: int
) -> list[str]:
    with path.open(encoding=read_as(wanted), errors="replace", newline="") as f:
        for _ in range(skip):
            f.readline()
        first = next(csv.reader(f, delimiter=separator), [])
    if wanted.get("names"):
        return [str(name) for name in wanted["names"]]
    if settings["header"] == "true":
        return first
    return [f"column{number}" for number in range(len(first))]


def _rejects(duck: duckdb.DuckDBPyConnection, path: Path) -> list[Json]:
    try:
        rows = duck.execute(
            "SELECT line, max(byte_position), min(error_message), min(csv_line)"
            " FROM reject_errors JOIN reject_scans USING (scan_id, file_id) WHERE file_path = ?"
            " GROUP BY line ORDER BY line",
            [str(path)],
        ).fetchall()
    except duckdb.CatalogException:
        return []
    return [
        {"line": line, "byte": byte, "reason": reason.splitlines()[0], "text": text or ""}
        for line, byte, reason, text in rows
    ]


def _json(duck: duckdb.DuckDBPyConnection, path: Path, config: Json) -> Opened:
    target = literal(str(path))
    layout = "newline_delimited" if config.get("format") == "jsonl" else "auto"
    bad: list[Json] = []
    base = f"format = '{layout}', maximum_object_size = 67108864"
    try:
        rows = duck.execute(
            f"DESCRIBE SELECT * FROM read_json({target}, {base}, sample_size = -1)"
        ).fetchall()
    except duckdb.InvalidInputException:
        bad = _bad_json_lines(path)
        if not bad:
            raise
        base += ", ignore_errors = true"
        rows = duck.execute(
            f"DESCRIBE SELECT * FROM read_json({target}, {base}, sample_size = -1)"
        ).fetchall()
    kinds = [(r[0], "JSON" if "(" in r[1] or r[1].endswith("]") else r[1]) for r in rows]
    listing = "{" + ", ".join(f"{literal(n)}: {literal(k)}" for n, k in kinds) + "}"
    source = f"read_json({target}, {base}, columns = {listing})"
    if bad:
        whole = " AND ".join(f"{quote(name)} IS NULL" for name, _ in kinds)
        source = f"(SELECT * FROM {source} WHERE NOT ({whole}))"  # a refused line reads as nulls
    return described(duck, source, lambda: bad)


def _bad_json_lines(path: Path) -> list[Json]:
    bad = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                if line.strip():
                    orjson.loads(line)
            except orjson.JSONDecodeError as error:
                text = line.decode(errors="replace").rstrip("\n")
                bad.append({"line": number, "byte": None, "reason": str(error), "text": text})
    return bad
