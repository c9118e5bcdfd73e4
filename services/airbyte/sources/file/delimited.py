"""CSV as DuckDB reads it, with the lines it refuses."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from services.airbyte.cdk.columns import literal, quote
from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.file import guesses
from services.airbyte.sources.file.encoding import UTF_8
from services.airbyte.sources.file.endings import evened, line_numbers
from services.airbyte.sources.file.opened import Json, Opened, described, options, skips

# What pandas, and with it Airbyte's source, takes for a missing value.
_MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
_OPTIONS = frozenset(
    {
        *("sep", "delimiter", "quotechar", "escapechar", "header", "names", "encoding"),
        *("skiprows", "on_bad_lines", "keep_default_na", "na_values", "dtype"),
        *("decimal", "thousands", "comment", "usecols", "dayfirst"),
        *("compression", "low_memory"),  # without influence here
    }
)
# pandas' options → DuckDB's.
_MARKS = {"decimal": "decimal_separator", "thousands": "thousands", "comment": "comment"}
# pandas' types → DuckDB's.
_TEXT = ("str", "string", "object", "category")
_KINDS = {
    **dict.fromkeys(_TEXT, "VARCHAR"),
    **dict.fromkeys(("int", "int64", "Int64", "int32", "Int32"), "BIGINT"),
    **dict.fromkeys(("float", "float64", "Float64", "float32"), "DOUBLE"),
    **dict.fromkeys(("bool", "boolean"), "BOOLEAN"),
    **dict.fromkeys(("datetime64[ns]", "datetime64"), "TIMESTAMP"),
}
# What DuckDB's own casts read; a format would refuse what they take besides.
_ISO = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")
# The longest line, in bytes (two of DuckDB's buffers; a longer one is refused).
_LONGEST = 32 << 20
# DuckDB's own bound.
_USUAL = 2_000_000


def read(duck: duckdb.DuckDBPyConnection, path: Path, config: Json, scratch: Path) -> Opened:
    """Find out the columns. `scratch` is a folder for a copy. Raises ConnectorError."""
    wanted = options(config)
    if unknown := set(wanted) - _OPTIONS:
        raise config_error(
            f"reader_options {', '.join(sorted(unknown))} are not known for csv; known are"
            f" {', '.join(sorted(_OPTIONS))}"
        )
    return _read(duck, path, config, scratch, _settings(wanted))


def _read(
    duck: duckdb.DuckDBPyConnection,
    path: Path,
    config: Json,
    scratch: Path,
    settings: dict[str, str],
) -> Opened:
    wanted, url = options(config), str(config["url"])
    try:
        return _chosen(_typed(duck, path, settings, wanted), wanted.get("usecols"), url)
    except duckdb.InvalidInputException:
        even = scratch / f"even-{path.name}"
        if "new_line" not in settings and _evened(path, even, wanted):
            return _read(duck, even, config, scratch, {**settings, "new_line": r"'\n'"})
        # The sniffer gives up without a line number: read it as text to find the line.
        refused = _refused(duck, path, settings, wanted)
        if not refused:
            raise
    if not skips(config):
        first = refused[0]
        raise config_error(
            f"{url}, line {first['line']}: {first['reason']}: {first['text'][:200]!r}; correct the"
            ' file, or set {"on_bad_lines": "skip"} in reader_options to put such lines aside'
        ) from None
    copy = scratch / f"without-{path.name}"
    _without(path, refused, copy, url)
    rest = _chosen(_typed(duck, copy, settings, wanted), wanted.get("usecols"), url)
    return replace(rest, refused=lambda: [*refused, *_in_place(rest.refused(), refused)])


def _settings(wanted: Json) -> dict[str, str]:
    """Return read_csv's parameters, as SQL."""
    header = wanted.get("header", 0 if "names" not in wanted else None)
    missing = [*(_MISSING if wanted.get("keep_default_na", True) else ("",))]
    extra = wanted.get("na_values") or []
    missing += [extra] if isinstance(extra, str) else [str(value) for value in extra]
    settings = {
        "delim": literal(_separator(wanted)),
        "quote": literal(wanted.get("quotechar") or '"'),
        "escape": literal(wanted.get("escapechar") or wanted.get("quotechar") or '"'),
        "header": "false" if header is None else "true",
        "skip": str(int(wanted.get("skiprows") or 0)),
        "nullstr": "[" + ", ".join(map(literal, missing)) + "]",
        "encoding": literal(UTF_8),
        "strict_mode": "true",
    }
    for option, theirs in _MARKS.items():
        if wanted.get(option):
            settings[theirs] = literal(str(wanted[option]))
    return settings


def _separator(wanted: Json) -> str:
    return str(wanted.get("sep") or wanted.get("delimiter") or ",")


def _evened(path: Path, copy: Path, wanted: Json) -> bool:
    quotes = wanted.get("quotechar") or '"'
    return evened(
        path,
        copy,
        separator=_separator(wanted).encode(),
        quote=quotes.encode(),
        escape=(wanted.get("escapechar") or quotes).encode(),
    )


def _read_csv(path: Path, settings: dict[str, str]) -> str:
    given = ", ".join(f"{name} = {value}" for name, value in settings.items())
    return f"read_csv({literal(str(path))}, {given})"


def _listing(kinds: dict[str, str]) -> str:
    return "{" + ", ".join(f"{literal(n)}: {literal(k)}" for n, k in kinds.items()) + "}"


def _typed(
    duck: duckdb.DuckDBPyConnection, path: Path, settings: dict[str, str], wanted: Json
) -> Opened:
    """Return the file with the types that all of its rows fit.

    The whole file is looked at (a guess from its beginning would round a 1.5 further down), but
    once: `read_csv` left to itself would do so for every statement that names it.
    """
    asked = _asked(wanted)
    how = dict(settings)
    if wanted.get("names"):
        how["names"] = "[" + ", ".join(literal(str(n)) for n in wanted["names"]) + "]"
    if asked == "VARCHAR":
        how["all_varchar"] = "true"
    longest = _longest(path, settings)
    sniff = _read_csv(path, {**how, **longest, "store_rejects": "true", "sample_size": "-1"})
    found = duck.execute(
        "SELECT Columns, DateFormat, TimestampFormat FROM"
        f" {sniff.replace('read_csv', 'sniff_csv', 1)}"
    ).fetchone()
    columns, date, timestamp = found or ((), None, None)
    kinds: dict[str, str] = {column["name"]: column["type"] for column in columns}
    plain = {**settings, **longest, "auto_detect": "false"}
    texts = _read_csv(
        path,
        {**plain, "columns": _listing(dict.fromkeys(kinds, "VARCHAR")), "ignore_errors": "true"},
    )
    empty = guesses.empty(duck, texts, [n for n, kind in kinds.items() if kind == "VARCHAR"])
    if not any(option in wanted for option in _MARKS):
        doubles = [name for name, kind in kinds.items() if kind == "DOUBLE"]
        kinds |= guesses.integers(duck, texts, doubles)
    formats = {}
    for kind, option, template in (
        ("DATE", "dateformat", date),
        ("TIMESTAMP", "timestampformat", timestamp),
    ):
        if template and template not in _ISO:
            names = [name for name, found in kinds.items() if found == kind]
            day_first = wanted.get("dayfirst")
            template, sure = guesses.dates(duck, texts, names, template, day_first)
            kinds |= dict.fromkeys(set(names) - sure, "VARCHAR")
            formats[option] = literal(template)
    if isinstance(asked, dict):
        kinds |= {name: kind for name, kind in asked.items() if name in kinds}
        _check_whole(
            duck, texts, [n for n, k in asked.items() if k == "BIGINT" and n in kinds], wanted
        )
        empty -= set(asked)
    reading = {**plain, **formats, "columns": _listing(kinds), "store_rejects": "true"}

    def refused() -> list[Json]:
        return [{**one, "columns": list(kinds)} for one in _rejects(duck, path)]

    return described(duck, _read_csv(path, reading), refused, empty)


def _check_whole(
    duck: duckdb.DuckDBPyConnection, texts: str, names: list[str], wanted: Json
) -> None:
    """Raise ConnectorError where a column that is to be whole is not: DuckDB would round it."""
    tests = {}
    for name in names:
        text = f"replace({quote(name)}, {literal(str(wanted.get('thousands') or ''))}, '')"
        tests[name] = f"TRY_CAST({text} AS DOUBLE) = floor(TRY_CAST({text} AS DOUBLE))"
    if broken := sorted(set(names) - guesses.everywhere(duck, texts, tests)):
        raise config_error(
            f"column {', '.join(broken)} has fractions, and dtype in reader_options says int: make"
            " it float there, or correct the file"
        )


def _asked(wanted: Json) -> str | dict[str, str] | None:
    """Return the type of all columns, or of some by name, that `dtype` asks for."""
    given = wanted.get("dtype")
    each = given if isinstance(given, dict) else {"": given} if given else {}
    if unknown := [str(kind) for kind in each.values() if kind not in _KINDS]:
        raise config_error(
            f"dtype {', '.join(unknown)} in reader_options is not known; known are"
            f" {', '.join(sorted(_KINDS))}, for all columns (str only) or by name"
        )
    kinds = {str(name): _KINDS[kind] for name, kind in each.items()}
    if isinstance(given, dict) or not kinds:
        return kinds or None
    if kinds[""] != "VARCHAR":
        raise config_error(
            f'dtype {given} in reader_options is for columns by name: {{"price": "{given}"}}'
        )
    return kinds[""]


def _longest(path: Path, settings: dict[str, str]) -> dict[str, str]:
    """Let lines be longer than DuckDB's 2 MB where one is: its buffers grow by that many times."""
    if path.stat().st_size <= _USUAL:
        return {}
    mark = settings["quote"][1:2].encode()
    longest, held, quoted = 0, 0, False
    with path.open("rb") as file:
        for line in file:
            held += len(line)
            quoted ^= bool(line.count(mark) & 1)
            if not quoted:
                longest, held = max(longest, held), 0
    longest = max(longest, held)
    return {"max_line_size": str(min(_LONGEST, 2 * longest))} if longest > _USUAL // 2 else {}


def _refused(
    duck: duckdb.DuckDBPyConnection, path: Path, settings: dict[str, str], wanted: Json
) -> list[Json]:
    """Return the lines that cannot be told into fields."""
    names = _header(path, settings, wanted)
    kinds = dict.fromkeys(names, "VARCHAR")
    reading = {
        **settings,
        **_longest(path, settings),
        "auto_detect": "false",
        "store_rejects": "true",
    }
    source = _read_csv(path, {**reading, "columns": _listing(kinds)})
    duck.execute(f"SELECT count(*) FROM {source}").fetchall()
    return [{**one, "columns": names} for one in _rejects(duck, path)]


def _without(path: Path, refused: list[Json], copy: Path, url: str) -> None:
    """Copy the file without these lines. Raises ConnectorError where they are not found in it."""
    whole, kept, position = path.read_bytes(), [], 0
    for line in refused:
        within, text = line["byte"] or 0, str(line["text"]).encode()
        start = whole.rfind(text, 0, within + len(text))
        if not text or not start <= within < start + len(text):
            raise config_error(
                f"{url}, line {line['line']}: {line['reason']}: {line['text'][:200]!r}; correct the"
                " file"
            )
        kept.append(whole[position:start])
        position = start + len(text)
        if whole[position : position + 1] == b"\r":
            position += 1
        if whole[position : position + 1] == b"\n":
            position += 1
    copy.write_bytes(b"".join([*kept, whole[position:]]))


def _in_place(lines: list[Json], gone: list[Json]) -> list[Json]:
    """Return lines of a file from which `gone` were taken out, with their numbers in the whole."""
    found = []
    for line in lines:
        number = line["line"]
        for one in gone:
            if one["line"] <= number:
                number += len(one["text"].rstrip("\r\n").splitlines())
        found.append({**line, "line": number})
    return found


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


def _header(path: Path, settings: dict[str, str], wanted: Json) -> list[str]:
    """Return the columns' names (made up ones where the header has none or one twice)."""
    with path.open(encoding=UTF_8, errors="replace", newline="") as f:
        for _ in range(int(settings["skip"])):
            f.readline()
        first = next(csv.reader(f, delimiter=_separator(wanted)), [])
    if wanted.get("names"):
        return [str(name) for name in wanted["names"]]
    names: dict[str, str] = {}
    for number, given in enumerate(first):
        name = given if settings["header"] == "true" and given else f"column{number}"
        if name.lower() in names:
            name = f"{name}_{number}"
        names[name.lower()] = name
    return list(names.values())


def _rejects(duck: duckdb.DuckDBPyConnection, path: Path) -> list[Json]:
    try:
        rows: list[Any] = duck.execute(
            "SELECT line, min(line_byte_position), max(byte_position), min(error_message),"
            " min(csv_line) FROM reject_errors JOIN reject_scans USING (scan_id, file_id)"
            " WHERE file_path = ? GROUP BY line ORDER BY line",
            [str(path)],
        ).fetchall()
    except duckdb.CatalogException:
        return []
    # DuckDB counts rows, editors count the line ends within quotes too.
    lines = line_numbers(path, [start for _, start, *_ in rows])
    return [
        {
            "line": line or row,
            "byte": byte,
            "reason": reason.splitlines()[0],
            "text": (text or "").lstrip("\r\n"),  # the end of the line before
        }
        for line, (row, _, byte, reason, text) in zip(lines, rows, strict=True)
    ]
