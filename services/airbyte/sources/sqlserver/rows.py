"""A query's rows as Arrow batches, bounded by bytes: made by the driver, without Python objects.

Facts (mssql-python's documentation, "Use mssql-python with Apache Arrow"; ODBC): the driver keeps
room for a whole batch of a column's declared width; columns without one, (max), it reads value by
value, without room kept for them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from services.airbyte.sources.sqlserver.connecting import Session
from services.airbyte.sources.sqlserver.tables import SourceColumn
from services.common.mssql import client

BATCH_BYTES = 8 << 20
_MOST, _FIRST_LARGE = 65_536, 256


class Rows:
    """The rows of one query. `error` is what ended them early: DuckDB has only a text of it."""

    def __init__(self, db: Session, sql: str, columns: Sequence[SourceColumn]) -> None:
        self.error: BaseException | None = None
        self._cursor = db.cursor()
        self._cursor.execute(sql, use_prepare=False)
        self._large = any(column.mapping.large for column in columns)
        kept = sum(column.width for column in columns if not column.mapping.large)
        self._most = max(1, min(_MOST, BATCH_BYTES // max(kept, 1)))
        self.schema = _schema(self._cursor.arrow_batch(0).schema)

    def reader(self) -> pa.RecordBatchReader:
        """Return the rows for who reads Arrow streams."""
        return pa.RecordBatchReader.from_batches(self.schema, self.batches())

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches; as many rows each as make BATCH_BYTES, going by those before."""
        count = min(self._most, _FIRST_LARGE) if self._large else self._most
        try:
            while True:
                batch = self._cursor.arrow_batch(count)
                if batch.num_rows == 0:
                    return
                yield _fitting(batch, self.schema)
                if self._large:
                    each = max(1, batch.nbytes // batch.num_rows)
                    # Never more than twice as many: the next rows may be larger.
                    count = max(1, min(self._most, 2 * count, BATCH_BYTES // each))
        except client().Error as error:
            self.error = error
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Give the rest up."""
        with contextlib.suppress(Exception):
            self._cursor.close()


def _schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(field.name, _kind(field.type)) for field in schema])


def _kind(kind: pa.DataType) -> Any:
    return pa.time64("us") if pa.types.is_time64(kind) else kind


def _fitting(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A time's seventh digit goes, as it does of timestamps: rounded up it could be 24:00."""
    arrays = []
    for array, field in zip(batch.columns, schema, strict=True):
        if array.type == pa.time64("ns"):
            whole = pc.divide(array.cast(pa.int64()), 1000)
            arrays.append(whole.cast(pa.time64("us")))
        else:
            arrays.append(array.cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
