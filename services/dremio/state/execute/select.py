"""SELECT."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from services.dremio.sql.statements import Query
from services.dremio.state import types
from services.dremio.state.duckdb_errors import translate
from services.dremio.state.execute.accelerated import run_accelerated
from services.dremio.state.execute.run import BATCH_ROWS, Result, Run


def select(run: Run, statement: Query) -> Result:
    """Run a query; its rows stream."""
    cursor = run_accelerated(run, statement.tree)
    schema = pa.schema(
        [(column[0], types.from_duckdb(column[1])) for column in cursor.description or []]
    )
    return schema, _batches(cursor, schema)


def _batches(cursor: duckdb.DuckDBPyConnection, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    try:
        for batch in cursor.to_arrow_reader(BATCH_ROWS):
            yield types.conform(batch, schema)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise translate(error) from error
