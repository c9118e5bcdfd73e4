"""Streams as CDC offers them: with the columns that changes carry."""

from __future__ import annotations

from services.airbyte.cdk.catalog import Stream
from services.airbyte.sources.postgres.cdc.config import CDC_COLUMNS, LSN
from services.airbyte.sources.postgres.cdc.publication import Published
from services.airbyte.sources.postgres.tables import SourceTable


def cdc_stream(table: SourceTable, published: Published | None) -> Stream:
    """Return a table as a stream; what the log cannot be followed for is read whole only."""
    if published is None or published.unlike:
        columns = tuple(column.column for column in table.columns)
        return Stream(table.name, columns, table.schema, table.primary_key)
    return Stream(
        name=table.name,
        namespace=table.schema,
        columns=(*(column.column for column in published.of(table).columns), *CDC_COLUMNS),
        primary_key=table.primary_key,
        incremental=True,
        source_defined_cursor=True,
        default_cursor=(LSN,),
    )
