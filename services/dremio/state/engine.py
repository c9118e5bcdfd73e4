"""The query engine's front: every protocol runs statements through `Engine`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot.errors import SqlglotError

from services.dremio.state.errors import DremioError, ErrorKind, validation
from services.dremio.state.execution import Execution
from services.dremio.state.session import Session


class Engine:
    """Runs Dremio's SQL. One per process; safe to use from many threads."""

    def __init__(self) -> None:
        self._database = duckdb.connect(":memory:")

    def execute(self, session: Session, sql: str, *, job_id: str | None = None) -> Execution:
        """Run one statement and hand back its running result.

        Returns as soon as the schema is known; rows come as `Execution.batches` is read. DDL
        and DML are done when this returns. Raises DremioError.
        """
        cursor = self._database.cursor()
        try:
            reader = cursor.execute(_translate(sql)).to_arrow_reader(10_000)
        except duckdb.Error as error:
            cursor.close()
            raise validation(str(error)) from error

        def batches() -> Iterator[pa.RecordBatch]:
            yield from reader

        return Execution(
            job_id=job_id or str(uuid.uuid4()),
            schema=reader.schema,
            batches=batches(),
            _on_close=lambda error: cursor.close(),
            _on_cancel=cursor.interrupt,
        )

    def describe(self, session: Session, sql: str) -> pa.Schema:
        """Return the schema the statement's result would have; nothing is run.

        DDL answers Dremio's `ok BOOLEAN, summary VARCHAR`. Raises DremioError.
        """
        cursor = self._database.cursor()
        try:
            return cursor.sql(_translate(sql)).limit(0).to_arrow_table().schema
        except duckdb.Error as error:
            raise validation(str(error)) from error
        finally:
            cursor.close()


def _translate(sql: str) -> str:
    try:
        return sqlglot.transpile(sql, read="dremio", write="duckdb")[0]
    except SqlglotError as error:
        raise DremioError(ErrorKind.PARSE, f"Failure parsing the query. {error}") from error
