"""SELECT and EXPLAIN."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from services.dremio.sql.statements import Explain, Query
from services.dremio.state import types
from services.dremio.state.duckdb_errors import translate
from services.dremio.state.errors import unsupported
from services.dremio.state.execute.accelerated import run_accelerated, told
from services.dremio.state.execute.run import BATCH_ROWS, Result, Run, rows

EXPLAIN_SCHEMA = pa.schema([("text", pa.string()), ("json", pa.string())])


def select(run: Run, statement: Query) -> Result:
    """Run a query; its rows stream."""
    cursor = run_accelerated(run, statement.tree)
    schema = pa.schema(
        [(column[0], types.from_duckdb(column[1])) for column in cursor.description or []]
    )
    return schema, _batches(cursor, schema)


def explain(run: Run, statement: Explain) -> Result:
    """Return the plan of a query, as text and as JSON."""
    if not isinstance(statement.inner, Query):
        raise unsupported("EXPLAIN PLAN FOR takes a query here")
    tree = statement.inner.tree
    shown = run_accelerated(run, tree.copy(), prefix="EXPLAIN ").fetchall()
    text = "\n".join(row[1] for row in shown) + told(run)
    shown = run_accelerated(run, tree, prefix="EXPLAIN (FORMAT json) ").fetchall()
    as_json = "\n".join(row[1] for row in shown)
    return rows(EXPLAIN_SCHEMA, [{"text": text, "json": as_json}])


def _batches(cursor: duckdb.DuckDBPyConnection, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    try:
        for batch in cursor.to_arrow_reader(BATCH_ROWS):
            yield types.conform(batch, schema)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise translate(error) from error
