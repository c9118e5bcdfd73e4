"""JSON and JSON lines as DuckDB reads them; what is nested arrives as JSON text."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import orjson

from services.airbyte.cdk.columns import literal, quote
from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.file import guesses
from services.airbyte.sources.file.opened import NOTHING, Json, Opened, described

# The longest object, in bytes: each thread has buffers of twice that, so most files are read with
# small ones.
_USUAL, _LONGEST = 4 << 20, 64 << 20
# Names that DuckDB may have made up: of keys that differ in case only, and of the empty key.
_MADE_UP = re.compile(r".+_\d+|C\d+")


def read(duck: duckdb.DuckDBPyConnection, path: Path, config: Json, scratch: Path) -> Opened:
    """Find out the columns. `scratch` is a folder for a copy. Raises ConnectorError."""
    by_line, url = config.get("format") == "jsonl", str(config["url"])
    layout = "newline_delimited" if by_line else "auto"
    bad: list[Json] = []
    how, kinds = _sized(duck, path, layout)
    if kinds is None and by_line:
        bad = _bad_lines(path)
        path = _without(path, bad, scratch)
        how, kinds = _sized(duck, path, layout) if path.stat().st_size else (how, {})
    if kinds is None:
        raise config_error(
            f"{url} is no list of JSON objects; correct the file, or set format to what it is"
        )
    if not kinds:
        return Opened((), NOTHING.relation, lambda: bad)
    return _typed(duck, path, how, kinds, lambda: bad)


def _sized(
    duck: duckdb.DuckDBPyConnection, path: Path, layout: str
) -> tuple[str, dict[str, str] | None]:
    """Return how to read the file, and the keys' types (None: see `_kinds`)."""
    for size in (_USUAL, _LONGEST):
        how = f"format = '{layout}', maximum_object_size = {size}"
        kinds = _kinds(duck, path, how)
        if kinds is not None:
            break
    return how, kinds


def _kinds(duck: duckdb.DuckDBPyConnection, path: Path, how: str) -> dict[str, str] | None:
    """Return the keys' types; None where not all is JSON and an object."""
    looked = f"{literal(str(path))}, {how}, sample_size = -1, map_inference_threshold = -1"
    describe = f"DESCRIBE SELECT * FROM read_json({looked}, records = true"
    try:
        rows = duck.execute(f"{describe})").fetchall()
    except (duckdb.InvalidInputException, duckdb.BinderException):
        return None
    except duckdb.NotImplementedException:
        # All is JSON, and keys within an object differ in case only: it will be JSON's text.
        rows = duck.execute(f"{describe}, ignore_errors = true)").fetchall()
    return {r[0]: "JSON" if "(" in r[1] or r[1].endswith("]") else r[1] for r in rows}


def _typed(
    duck: duckdb.DuckDBPyConnection,
    path: Path,
    how: str,
    kinds: dict[str, str],
    refused: Callable[[], list[Json]],
) -> Opened:
    relation = _relation(duck, path, how, list(kinds))
    texts = relation(dict.fromkeys(kinds, "VARCHAR"))

    def of(*wanted: str) -> list[str]:
        return [name for name, kind in kinds.items() if kind in wanted]

    empty = guesses.empty(duck, texts, of("JSON"))
    kinds |= guesses.integers(duck, texts, of("DOUBLE"))
    zoned = guesses.zoned(duck, texts, of("TIMESTAMP", "VARCHAR"))
    kinds |= dict.fromkeys(zoned, "TIMESTAMP WITH TIME ZONE")
    return described(duck, relation(kinds), refused, empty)


def _relation(
    duck: duckdb.DuckDBPyConnection, path: Path, how: str, names: list[str]
) -> Callable[[dict[str, str]], str]:
    """Return what makes the SQL that reads the file with these types."""
    target = literal(str(path))
    keys = names
    if any(_MADE_UP.fullmatch(name) for name in names):
        keys = _keys(duck, f"read_json_objects({target}, {how})")

    def plain(kinds: dict[str, str]) -> str:
        listing = "{" + ", ".join(f"{literal(n)}: {literal(k)}" for n, k in kinds.items()) + "}"
        return f"read_json({target}, {how}, columns = {listing})"

    def by_key(kinds: dict[str, str]) -> str:
        # Columns cannot be called as these keys are: each is taken out of the object by its own.
        parts = []
        for key, name in zip(keys, names, strict=True):
            pointer = literal("/" + key.replace("~", "~0").replace("/", "~1"))
            value = f"CAST(json->>{pointer} AS {kinds[name]})"
            if kinds[name] == "JSON":
                value = f"CASE WHEN json_type(json, {pointer}) <> 'NULL' THEN json->{pointer} END"
            parts.append(f"{value} AS {quote(name)}")
        return f"(SELECT {', '.join(parts)} FROM read_json_objects({target}, {how}))"

    return plain if keys == names else by_key


def _keys(duck: duckdb.DuckDBPyConnection, source: str) -> list[str]:
    """Return the objects' keys as they are written, in the order in which they first come.

    The columns are named in this order too. DuckDB's own summary of the keys is not: it joins
    what its threads found as they end.
    """
    found = duck.execute(
        "SELECT key FROM (SELECT record, unnest(keys) AS key,"
        " generate_subscripts(keys, 1) AS place FROM (SELECT row_number() OVER () AS record,"
        f" json_keys(json) AS keys FROM {source})) GROUP BY key ORDER BY min((record, place))"
    )
    return [key for (key,) in found.fetchall()]


def _without(path: Path, bad: list[Json], scratch: Path) -> Path:
    """Copy the file without these lines."""
    copy, left_out = scratch / f"without-{path.name}", {line["line"] for line in bad}
    with path.open("rb") as lines, copy.open("wb") as kept:
        for number, line in enumerate(lines, start=1):
            if number not in left_out and line.strip():
                kept.write(line)
    return copy


def _bad_lines(path: Path) -> list[Json]:
    bad = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip() and (reason := _wrong(line)):
                text = line.decode(errors="replace").rstrip("\n")
                bad.append({"line": number, "byte": None, "reason": reason, "text": text})
    return bad


def _wrong(line: bytes) -> str | None:
    try:
        found: Any = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return str(error)
    return None if isinstance(found, dict) else "not an object"
