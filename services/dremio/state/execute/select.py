"""SELECT."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.resolve import resolve
from services.dremio.sql.statements import Query
from services.dremio.state import types
from services.dremio.state.duckdb_errors import translate
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.execute.accelerated import run_again, run_resolved, schema_of
from services.dremio.state.execute.planned import Planned, kept
from services.dremio.state.execute.run import Result, Run
from services.dremio.state.reflections.plans import Versions, versions

# How far DuckDB's threads may be ahead of the one that hands the rows on: its own megabyte is
# less than a batch, and they would stand still while that is made and sent.
_BUFFER = "SET streaming_buffer_size = '8MB'"
_BATCH_BYTES = 4 * 2**20
_LEAST_ROWS, _MOST_ROWS = 8_192, 65_536


def select(run: Run, statement: Query) -> Result:
    """Run a query; its rows stream."""
    before = versions(run)
    return _select(run, before, resolve(statement.tree, run.session.context, run))


def plan(run: Run, statement: Query) -> tuple[pa.Schema, Planned | None]:
    """Return a query's schema without running it, and what running it may start from."""
    before = versions(run)
    resolved = resolve(statement.tree, run.session.context, run)
    sql = run.translate(resolved.copy())
    schema = run.shape(sql)
    return schema, kept(run, before, resolved, sql)


def select_planned(run: Run, planned: Planned) -> Result | None:
    """Run a query from its plan; None when it must be planned anew."""
    if not planned.holds(run):
        return None
    run.reads.update(dict.fromkeys(planned.reads))
    try:
        return _select(run, planned.versions, planned.resolved, planned.sql)
    except DremioError as error:
        if error.kind not in (ErrorKind.VALIDATION, ErrorKind.NOT_FOUND, ErrorKind.CONNECTION):
            raise
        run.reads.clear()  # a table that is gone, or other columns: say so as ever
        return None


def _select(run: Run, before: Versions, resolved: exp.Expression, sql: str = "") -> Result:
    cache = run.core.cache
    wanted = cache.wanted(run, resolved)
    if wanted is not None:
        found = cache.read(wanted)
        if found is not None:
            run.profile.planned()
            run.profile.cached = True
            return found
    run.profile.start(run.cursor)
    run.cursor.execute(_BUFFER)
    cursor = run_resolved(run, resolved, before, written=sql)
    schema = schema_of(cursor)
    batches = _batches(run, cursor, schema)
    # What a reflection answered is quick, and its rows may be of another moment.
    accelerated = run.acceleration is not None and run.acceleration.chosen
    if wanted is None or accelerated:
        return schema, batches
    return schema, cache.keep(run, wanted, schema, batches)


def select_again(run: Run) -> Result | None:
    """Run a query whose plan on reflections was kept; None when there is none."""
    found = run_again(run)
    return None if found is None else (found[1], _batches(run, *found))


def _batches(
    run: Run, cursor: duckdb.DuckDBPyConnection, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    try:
        for batch in cursor.to_arrow_reader(batch_rows(schema)):
            if run.cancelled.is_set():
                raise DremioError(ErrorKind.CANCELED, "Query was canceled")
            yield types.conform(batch, schema)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise translate(error) from error


def batch_rows(schema: pa.Schema) -> int:
    """Return how many rows make a batch of some megabytes: fewer where rows are wide."""
    width = sum(_width(field.type) for field in schema)
    return max(_LEAST_ROWS, min(_MOST_ROWS, _BATCH_BYTES // max(width, 1)))


def _width(kind: pa.DataType) -> int:
    """Return a value's bytes; a guess for what has no fixed size."""
    if pa.types.is_nested(kind):
        return 128
    try:
        return max(1, int(kind.bit_width) // 8)
    except ValueError:
        return 32
