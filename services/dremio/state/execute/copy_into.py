"""COPY INTO: files are read aside, then loaded in one commit; what was refused is kept."""

from __future__ import annotations

import re

import pyarrow as pa

from services.dremio.sql.statements import CopyInto
from services.dremio.state import types
from services.dremio.state.catalog.catalog import Table
from services.dremio.state.copy import transform
from services.dremio.state.copy.location import File, find_files, secret_name
from services.dremio.state.copy.readers import reading
from services.dremio.state.copy.refused import Outcome, Refusal, keep
from services.dremio.state.database import quoted
from services.dremio.state.errors import DremioError, ErrorKind, validation
from services.dremio.state.execute.modify import name_of, sort_columns, writable
from services.dremio.state.execute.run import Result, Run, rows
from services.dremio.state.execute.transaction import retried, transaction

# DmlUtils of Dremio's source.
COPY_SCHEMA = pa.schema([("Rows Inserted", pa.int64()), ("Rows Rejected", pa.int64())])
_ASIDE = "copy_aside"
_REJECTS = "copy_rejects"
_LINE = re.compile(r"\bline:? (\d+)", re.IGNORECASE)
_ACTIONS = ("abort", "continue", "skip_file")
_EXCERPT = re.compile(r"\n.*", re.DOTALL)


def copy_into(run: Run, statement: CopyInto) -> Result:
    """Load files into a table. Raises DremioError."""
    table = writable(run, statement.path)
    action = str(statement.options.get("ON_ERROR", "abort")).lower()
    if action not in _ACTIONS:
        raise validation(f"ON_ERROR: expected {', '.join(_ACTIONS)}, got '{action}'")
    try:
        files, kind = find_files(run, statement)
        return _copied(run, statement, table, files, kind, action)
    finally:
        run.cursor.execute(f"DROP SECRET IF EXISTS {quoted(secret_name(run))}")


def _copied(
    run: Run, statement: CopyInto, table: Table, files: list[File], kind: str, action: str
) -> Result:
    if statement.query is not None:
        transform.check(statement, kind, action)
    if kind == "parquet" and action == "continue":
        raise validation("ON_ERROR 'continue' option is not supported for parquet file format")
    metadata = table.metadata() or {}
    schema = types.iceberg_schema(metadata)
    known = {name.lower() for name in schema.names}
    for name in statement.columns:
        if name.lower() not in known:
            raise validation(f"Column '{name}' not found in table [{'.'.join(table.path)}]")
    columns = ", ".join(f"{quoted(f.name)} {types.to_duckdb(f.type)}" for f in schema)
    run.execute(f"CREATE OR REPLACE TEMP TABLE {_ASIDE} ({columns})")
    try:
        outcomes = [_load(run, kind, file, schema, statement, action) for file in files]
        loaded = sum(outcome.loaded for outcome in outcomes)
        order = ", ".join(quoted(name) for name in sort_columns(metadata))
        if loaded:
            sql = f"INSERT INTO {name_of(run, table)} FROM {_ASIDE}"
            if order:
                sql += f" ORDER BY {order}"
            with run.core.writing(table.path):
                retried(run, lambda: _insert(run, sql))
    finally:
        run.cursor.execute(f"DROP TABLE IF EXISTS {_ASIDE}")
    keep(
        run.core,
        run.job_id,
        run.session.user.name,
        table.path,
        statement.location,
        metadata.get("current-snapshot-id"),
        outcomes,
    )
    rejected = sum(len(outcome.refusals) for outcome in outcomes)
    return rows(COPY_SCHEMA, [{"Rows Inserted": loaded, "Rows Rejected": rejected}])


def _insert(run: Run, sql: str) -> None:
    with transaction(run):
        run.execute(sql)


def _load(
    run: Run, kind: str, file: File, schema: pa.Schema, statement: CopyInto, action: str
) -> Outcome:
    """Read one file aside, whole or what is good of it. Raises DremioError with 'abort'."""
    by_record = kind == "csv" and action != "abort" and statement.query is None
    try:
        before, next_row = _held(run)
        if statement.query is not None:
            columns = statement.columns or tuple(schema.names)
            sql = transform.transformed(run, kind, file, statement)
        else:
            rejects = _REJECTS if by_record else None
            how = reading(run, kind, file, schema, statement.options, rejects)
            columns, sql = how.columns, how.sql
        names = ", ".join(quoted(name) for name in columns)
        run.execute(f"INSERT INTO {_ASIDE} ({names}) {sql}")
    except DremioError as error:
        if action == "abort" or error.kind is ErrorKind.CANCELED:
            if error.kind is ErrorKind.FUNCTION:
                raise DremioError(ErrorKind.DATA_READ, f"{file.name}: {_first(error)}") from error
            raise
        return Outcome(file.name, "SKIPPED", 0, [_refusal(error)])
    refusals = _rejected(run) if by_record else []
    if refusals and action == "skip_file":
        run.execute(f"DELETE FROM {_ASIDE} WHERE rowid >= {next_row}")  # noqa: S608 - a number
        return Outcome(file.name, "SKIPPED", 0, refusals)
    state = "PARTIALLY_LOADED" if refusals else "FULLY_LOADED"
    return Outcome(file.name, state, _held(run)[0] - before, refusals)


def _rejected(run: Run) -> list[Refusal]:
    """Return the records that DuckDB put aside, and forget them there."""
    found = run.execute(
        f"SELECT line, column_name, error_message, csv_line FROM {_REJECTS} "  # noqa: S608
        "QUALIFY row_number() OVER (PARTITION BY line ORDER BY column_idx) = 1 ORDER BY line"
    ).fetchall()
    run.execute(f"DROP TABLE IF EXISTS {_REJECTS}; DROP TABLE IF EXISTS {_REJECTS}_scan")
    return [
        Refusal(line, None, column, _EXCERPT.sub("", message), text)
        for line, column, message, text in found
    ]


def _refusal(error: DremioError) -> Refusal:
    line = _LINE.search(error.message)
    return Refusal(int(line[1]) if line else None, None, None, _first(error))


def _first(error: DremioError) -> str:
    return _EXCERPT.sub("", error.message)


def _held(run: Run) -> tuple[int, int]:
    """Return how many rows are aside, and the number that the next one gets at least."""
    sql = f"SELECT count(*), coalesce(max(rowid) + 1, 0) FROM {_ASIDE}"  # noqa: S608
    found = run.execute(sql).fetchone()
    assert found is not None  # noqa: S101 - an aggregate has one row
    return int(found[0]), int(found[1])
