"""COPY INTO … FROM (SELECT …): a file's rows through a query, before they go into the table.

Facts ("Transforming Data on Load" of Dremio's documentation): CSV and Parquet; the columns of a
CSV file go by the names of its header, without one by `$1`, `$2` …, and are all text.
"""

from __future__ import annotations

from services.dremio.sql.statements import COPIED, CopyInto
from services.dremio.state.copy.location import File
from services.dremio.state.copy.readers import address_of, csv_parameters, first_line, flag
from services.dremio.state.database import quoted
from services.dremio.state.errors import unsupported
from services.dremio.state.execute.run import Run

_FORMATS = ("DATE_FORMAT", "TIME_FORMAT", "TIMESTAMP_FORMAT")


def check(statement: CopyInto, kind: str, action: str) -> None:
    """Refuse what does not go with a query. Raises DremioError (UNSUPPORTED_OPERATION)."""
    if kind == "json":
        raise unsupported("COPY INTO with a query does not support JSON files")
    if action == "continue":
        raise unsupported("COPY INTO with a query knows ON_ERROR 'abort' and 'skip_file'")
    given = [name for name in _FORMATS if name in statement.options]
    if given:
        raise unsupported(f"{given[0]} with a query: write TO_DATE, TO_TIME or TO_TIMESTAMP in it")


def transformed(run: Run, kind: str, file: File, statement: CopyInto) -> str:
    """Return DuckDB's SQL for what the statement's query makes of a file. Raises DremioError."""
    assert statement.query is not None  # noqa: S101 - only asked where there is one
    rows = {"csv": _csv, "parquet": _parquet}[kind](run, address_of(file), statement)
    sql = run.translate(statement.query.copy())
    return f"WITH {quoted(COPIED)} AS ({rows}) {sql}"


def _csv(run: Run, address: str, statement: CopyInto) -> str:
    options = statement.options
    names = first_line(run, address, options)
    if not flag(options, "EXTRACT_HEADER", True):
        names = [f"${number}" for number in range(1, len(names) + 1)]
    taken: set[str] = set()
    columns = []
    for number, name in enumerate(name.strip() for name in names):
        known = not name or name.lower() in taken
        taken.add(name.lower())
        columns.append(f"$unnamed {number}" if known else name)
    parameters = csv_parameters(options, [(name, "VARCHAR") for name in columns])
    trim = "trim({0}) AS {0}" if flag(options, "TRIM_SPACE", False) else "{0}"
    outputs = ", ".join(trim.format(quoted(name)) for name in columns)
    return f"SELECT {outputs} FROM read_csv({address}, {', '.join(parameters)})"  # noqa: S608


def _parquet(run: Run, address: str, statement: CopyInto) -> str:
    return f"SELECT * FROM read_parquet({address}, hive_partitioning=false)"  # noqa: S608
