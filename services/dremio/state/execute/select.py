"""SELECT."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from services.dremio.sql.statements import Query
from services.dremio.state import types
from services.dremio.state.duckdb_errors import translate
from services.dremio.state.execute.accelerated import run_accelerated, run_again, schema_of
from services.dremio.state.execute.run import BATCH_ROWS, Result, Run


def select(run: Run, statement: Query) -> Result:
    """Run a query; its rows stream."""
    cursor = run_accelerated(run, statement.tree)
    schema = schema_of(cursor)
    return schema, _batches(cursor, schema)


def select_again(run: Run) -> Result | None:
    """Run a query whose plan on reflections was kept; None when there is none."""
    found = run_again(run)
    return None if found is None else (found[1], _batches(*found))


def _batches(cursor: duckdb.DuckDBPyConnection, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    try:
        for batch in cursor.to_arrow_reader(BATCH_ROWS):
            yield types.conform(batch, schema)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise translate(error) from error
