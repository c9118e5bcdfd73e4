"""A format and files → DuckDB's SQL that reads them with Dremio's columns."""

from __future__ import annotations

import re
from collections.abc import Callable

import duckdb

from services.dremio.state.database import literal, quoted
from services.dremio.state.errors import validation
from services.dremio.state.files.formats import Format
from services.dremio.state.files.tree import File

# DuckDB passes over files by conditions on their names under this name of the column alone.
_FILE = "filename"
_OTHER = "$file"
# Dremio reads what JSON writes as text as text.
_WRITTEN_AS_TEXT = re.compile(r"\b(TIMESTAMP WITH TIME ZONE|TIMESTAMP(_\w+)?|DATE|TIME|UUID)\b")
_NO_NULL = "\x01\x02"  # an empty field is an empty text, not NULL
_LARGEST_DOCUMENT = 128 * 1024 * 1024


def select(
    cursor: duckdb.DuckDBPyConnection, how: Format, files: list[File], base: str, *, keys: bool
) -> str:
    """Return a SELECT over the files. Raises duckdb.Error when they cannot be read.

    `base`: the folder's address; folders between it and a file become columns dir0, dir1 …, or,
    with `keys`, those of the form key=value columns called `key`.
    """
    directories = _directories(files, base, _FILE, keys=keys)
    urls = "[" + ", ".join(literal(file.url) for file in files) + "]"
    make = _READERS[how["type"]]
    reader = make(cursor, how, urls, literal(files[0].url), "")
    if not directories:
        return reader
    own = {name.lower() for name in cursor.sql(reader).columns}
    file = _OTHER if _FILE in own else _FILE
    directories = _directories(files, base, file, keys=keys)
    reader = make(cursor, how, urls, literal(files[0].url), file)
    columns = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in directories)
    return (
        f"SELECT * EXCLUDE ({quoted(file)}), {columns} "  # noqa: S608 - quoted
        f"FROM ({reader}) AS files"
    )


def _parquet(
    cursor: duckdb.DuckDBPyConnection, how: Format, urls: str, first: str, file: str
) -> str:
    return (
        f"SELECT * FROM read_parquet({urls}, union_by_name=true, "  # noqa: S608 - literals
        f"hive_partitioning=false{_named(file)})"
    )


def _json(cursor: duckdb.DuckDBPyConnection, how: Format, urls: str, first: str, file: str) -> str:
    options = f"maximum_object_size={_LARGEST_DOCUMENT}, hive_partitioning=false"
    found = cursor.sql(
        f"SELECT * FROM read_json({urls}, union_by_name=true, sample_size=-1, {options})"  # noqa: S608
    )
    columns = ", ".join(
        f"{literal(name)}: {literal(_WRITTEN_AS_TEXT.sub('VARCHAR', str(kind)))}"
        for name, kind in zip(found.columns, found.types, strict=True)
    )
    return f"SELECT * FROM read_json({urls}, columns={{{columns}}}, {options}{_named(file)})"  # noqa: S608


def _text(cursor: duckdb.DuckDBPyConnection, how: Format, urls: str, first: str, file: str) -> str:
    header = bool(how["extractHeader"])
    skip = int(how.get("skipLines") or 0) + (1 if how["skipFirstLine"] else 0)
    options: dict[str, str] = {
        "all_varchar": "true",
        "header": str(header).lower(),
        "delim": literal(how["fieldDelimiter"]),
        "quote": literal(how["quote"][:1]),
        "escape": literal(how["escape"][:1]),
        "comment": literal(how["comment"][:1]),
        "skip": str(skip),
        "nullstr": literal(_NO_NULL),
        "null_padding": "true",
        "strict_mode": "false",
        "hive_partitioning": "false",
    }
    given = ", ".join(f"{name}={value}" for name, value in options.items())
    read = f"read_csv({urls}, {given}"
    found = cursor.sql(f"SELECT * FROM read_csv({first}, {given})").columns  # noqa: S608
    if header:
        names = [n.strip() if how["trimHeader"] else n for n in found]
        if len({n.lower() for n in names}) < len(names):
            raise validation("The header names a column twice")
    else:
        names = [_letters(position) for position in range(len(found))]
    listed = ", ".join(literal(name) for name in names)
    rows = f"SELECT * FROM {read}, names=[{listed}]{_named(file)})"  # noqa: S608 - literals
    if header or how["autoGenerateColumnNames"]:
        return rows
    parts = ", ".join(quoted(name) for name in names)
    also = f", {quoted(file)}" if file else ""
    return f"SELECT [{parts}] AS columns{also} FROM ({rows}) AS t"  # noqa: S608 - quoted


def _named(file: str) -> str:
    return f", filename={literal(file)}" if file else ""


def _letters(position: int) -> str:
    """Return A … Z, AA, AB … as Dremio names columns that have no header."""
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _directories(files: list[File], base: str, file: str, *, keys: bool) -> list[tuple[str, str]]:
    depth = max(len(file.path) for file in files) - 1
    start = len(base.rstrip("/")) + 2  # substr counts from 1
    parts = f"string_split(substr({quoted(file)}, {start}), '/')"
    found: list[tuple[str, str]] = []
    for level in range(depth):
        value = f"CASE WHEN len({parts}) > {level + 1} THEN {parts}[{level + 1}] END"
        key = _key(files, level) if keys else None
        if key is None:
            found.append((f"dir{level}", value))
        else:
            found.append((key, f"substr({value}, {len(key) + 2})"))
    return found


def _key(files: list[File], level: int) -> str | None:
    """Return the key when every folder of a level is `key=value` with the same key."""
    names = {file.path[level].partition("=")[::2] for file in files if len(file.path) > level + 1}
    found = {key for key, value in names if value}
    return found.pop() if len(found) == 1 and all(value for _, value in names) else None


_Reader = Callable[[duckdb.DuckDBPyConnection, Format, str, str, str], str]
_READERS: dict[str, _Reader] = {"Parquet": _parquet, "JSON": _json, "Text": _text}
