"""SELECT."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from services.dremio.sql.resolve import resolve
from services.dremio.sql.statements import Query
from services.dremio.state import types
from services.dremio.state.duckdb_errors import translate
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.execute.accelerated import run_again, run_resolved, schema_of
from services.dremio.state.execute.run import BATCH_ROWS, Result, Run
from services.dremio.state.reflections.plans import versions


def select(run: Run, statement: Query) -> Result:
    """Run a query; its rows stream."""
    before = versions(run)
    resolved = resolve(statement.tree, run.session.context, run)
    cache = run.core.cache
    wanted = cache.wanted(run, resolved)
    if wanted is not None:
        kept = cache.read(wanted)
        if kept is not None:
            run.profile.planned()
            run.profile.cached = True
            return kept
    run.profile.start(run.cursor)
    cursor = run_resolved(run, resolved, before)
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
        for batch in cursor.to_arrow_reader(BATCH_ROWS):
            if run.cancelled.is_set():
                raise DremioError(ErrorKind.CANCELED, "Query was canceled")
            yield types.conform(batch, schema)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise translate(error) from error
