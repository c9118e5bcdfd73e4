"""How a file of each format is read into a table's columns, as DuckDB's SQL.

Columns go by name, in any case: those that the file has and the table lacks are left out, those
that the table has and the file lacks are NULL. A CSV file without header goes by position.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from services.dremio.sql.functions.formats import strptime_format
from services.dremio.state import types
from services.dremio.state.copy.location import File
from services.dremio.state.database import literal, quoted
from services.dremio.state.errors import validation
from services.dremio.state.execute.run import Run

Options = dict[str, str | list[str]]


@dataclass(frozen=True)
class Reading:
    """`sql` gives the table's columns; rejected CSV records go to `rejects` where it is set."""

    sql: str
    columns: tuple[str, ...]


def reading(
    run: Run, kind: str, file: File, schema: pa.Schema, options: Options, rejects: str | None
) -> Reading:
    """Return how to read a file. Raises DremioError when no column of it is the table's."""
    address = address_of(file)
    make = {"csv": _csv, "json": _json, "parquet": _parquet}[kind]
    return make(run, address, schema, options, rejects)


def address_of(file: File) -> str:
    """Return a file's address as a literal; what is in a name is no pattern."""
    return literal(re.sub(r"([*?\[])", r"[\1]", file.address))


def _csv(
    run: Run, address: str, schema: pa.Schema, options: Options, rejects: str | None
) -> Reading:
    header = flag(options, "EXTRACT_HEADER", True)
    first = first_line(run, address, options) if header else list(schema.names)
    fields = {field.name.lower(): field for field in schema}
    taken, listed, found = set(), [], []
    for at, name in enumerate(first):
        field = fields.get(name.strip().lower())
        if field is None or field.name in taken:
            listed.append((f"$unused {at}", "VARCHAR"))
            continue
        taken.add(field.name)
        listed.append((field.name, types.to_duckdb(field.type)))
        found.append(field)
    _check_some(found)
    parameters = [*csv_parameters(options, listed), *_formats(options)]
    if rejects is not None:
        parameters += [
            "store_rejects=true",
            f"rejects_table={literal(rejects)}",
            f"rejects_scan={literal(rejects + '_scan')}",
        ]
    trim = flag(options, "TRIM_SPACE", False)
    outputs = ", ".join(
        f"trim({quoted(f.name)}) AS {quoted(f.name)}"
        if trim and pa.types.is_string(f.type)
        else quoted(f.name)
        for f in found
    )
    sql = f"SELECT {outputs} FROM read_csv({address}, {', '.join(parameters)})"  # noqa: S608
    return Reading(sql, tuple(f.name for f in found))


def _json(
    run: Run, address: str, schema: pa.Schema, options: Options, rejects: str | None
) -> Reading:
    seen = run.execute(
        f"SELECT DISTINCT unnest(json_keys(json)) FROM read_json_objects({address}, format='auto')"  # noqa: S608
    ).fetchall()
    fields = {field.name.lower(): field for field in schema}
    pairs = [(name, fields[name.lower()]) for (name,) in seen if name.lower() in fields]
    _check_some([field for _, field in pairs])
    columns = ", ".join(
        f"{literal(name)}: {literal(types.to_duckdb(field.type))}" for name, field in pairs
    )
    parameters = [f"columns={{{columns}}}", "format='auto'", *_formats(options)]
    nulls = [str(text) for text in options.get("NULL_IF", [])]
    if flag(options, "EMPTY_AS_NULL", True):
        nulls.append("")
    outputs = []
    for name, field in pairs:
        value = quoted(name)
        if pa.types.is_string(field.type):
            if flag(options, "TRIM_SPACE", False):
                value = f"trim({value})"
            for text in nulls:
                value = f"nullif({value}, {literal(text)})"
        outputs.append(f"{value} AS {quoted(field.name)}")
    sql = f"SELECT {', '.join(outputs)} FROM read_json({address}, {', '.join(parameters)})"  # noqa: S608
    return Reading(sql, tuple(field.name for _, field in pairs))


def _parquet(
    run: Run, address: str, schema: pa.Schema, options: Options, rejects: str | None
) -> Reading:
    names = run.execute(f"SELECT * FROM read_parquet({address}) LIMIT 0").description or []  # noqa: S608
    fields = {field.name.lower(): field for field in schema}
    pairs = [(str(d[0]), fields[str(d[0]).lower()]) for d in names if str(d[0]).lower() in fields]
    _check_some([field for _, field in pairs])
    outputs = ", ".join(
        f"CAST({quoted(name)} AS {types.to_duckdb(field.type)}) AS {quoted(field.name)}"
        for name, field in pairs
    )
    sql = f"SELECT {outputs} FROM read_parquet({address}, hive_partitioning=false)"  # noqa: S608
    return Reading(sql, tuple(field.name for _, field in pairs))


def csv_parameters(options: Options, columns: list[tuple[str, str]]) -> list[str]:
    """Return how `read_csv` reads records of these columns (name, DuckDB's type)."""
    listed = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns)
    nulls = [str(text) for text in options.get("NULL_IF", [])]
    if flag(options, "EMPTY_AS_NULL", True):
        nulls.append("")
    return [
        *_layout(options),
        f"header={str(flag(options, 'EXTRACT_HEADER', True)).lower()}",
        f"columns={{{listed}}}",
        "null_padding=true",
        "parallel=false",
        f"nullstr=[{', '.join(literal(text) for text in nulls)}]" if nulls else "nullstr=[chr(1)]",
    ]


def _layout(options: Options) -> list[str]:
    layout = [
        "auto_detect=false",
        f"delim={literal(_character(options, 'FIELD_DELIMITER', ','))}",
        f"quote={literal(_character(options, 'QUOTE_CHAR', chr(34)))}",
        f"escape={literal(_character(options, 'ESCAPE_CHAR', chr(34)))}",
        f"skip={int(str(options.get('SKIP_LINES', '0')))}",
    ]
    record = options.get("RECORD_DELIMITER")
    if record is not None:
        layout.append(f"new_line={literal(_unescaped(str(record)))}")
    return layout


def first_line(run: Run, address: str, options: Options) -> list[str]:
    """Return the fields of a CSV file's first line alone, read as text: the header's names."""
    for width in (64, 1024, 16384):
        columns = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(width))
        parameters = ", ".join(
            [*_layout(options), "header=false", "null_padding=true", "ignore_errors=true"]
        )
        sql = f"SELECT * FROM read_csv({address}, columns={{{columns}}}, {parameters}) LIMIT 1"  # noqa: S608
        row = run.execute(sql).fetchone()
        if row is not None and (row[-1] is None):
            names = list(row)
            while names and names[-1] is None:
                names.pop()
            return [str(name or "") for name in names]
    raise validation(f"{address} has no header line")


def _formats(options: Options) -> list[str]:
    found = []
    for option, parameter in (
        ("DATE_FORMAT", "dateformat"),
        ("TIMESTAMP_FORMAT", "timestampformat"),
    ):
        if option in options:
            found.append(f"{parameter}={literal(strptime_format(str(options[option])))}")
    return found


def _check_some(found: list[pa.Field]) -> None:
    if not found:
        raise validation("No column name matches target schema")


def flag(options: Options, name: str, default: bool) -> bool:
    """Return an option that is true or false. Raises DremioError (VALIDATION)."""
    text = str(options.get(name, default)).lower()
    if text not in ("true", "false"):
        raise validation(f"{name}: expected 'true' or 'false', got '{text}'")
    return text == "true"


def _character(options: Options, name: str, default: str) -> str:
    text = _unescaped(str(options.get(name, default)))
    if len(text) != 1:
        raise validation(f"{name}: expected one character, got '{text}'")
    return text


def _unescaped(text: str) -> str:
    return text.replace("\\t", "\t").replace("\\n", "\n").replace("\\r", "\r")
