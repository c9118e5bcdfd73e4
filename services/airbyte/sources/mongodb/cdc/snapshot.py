"""The initial snapshot of a collection, with the columns that changes have."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.columns import literal, quote
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.mongodb.cdc.config import (
    CDC_COLUMNS,
    CURSOR,
    DELETED_AT,
    UPDATED_AT,
    Position,
)
from services.airbyte.sources.mongodb.collections import ID
from services.airbyte.sources.mongodb.connecting import Client
from services.airbyte.sources.mongodb.layout import Layout
from services.airbyte.sources.mongodb.reading import ROWS, Walk, registered

Json = dict[str, Any]


@contextmanager
def read_snapshot(
    client: Client,
    name: tuple[str, str],
    layout: Layout,
    stream: ConfiguredStream,
    position: Position,
    state: Json,
    duck: duckdb.DuckDBPyConnection,
    env: Environment,
) -> Iterator[Reading]:
    """Read a collection as of `position`, which the change stream goes on from."""
    database, collection = name
    count = client[database][collection].estimated_document_count()
    walk = Walk(client, database, collection, env.log, at=position.time)
    taken = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    grows, layout.grows = layout.grows, False  # columns are known before the rows
    names = ", ".join(quote(one) for one in layout.schema.names)
    try:
        with registered(duck, iter(walk), layout):
            yield Reading(
                columns=(*layout.columns, *CDC_COLUMNS),
                relation=f"(SELECT {names}, {literal(taken)} AS {UPDATED_AT},"
                f" NULL::VARCHAR AS {DELETED_AT}, {position.cursor}::BIGINT AS {CURSOR}"
                f" FROM {ROWS})",
                state=lambda: state,
                unique_key=stream.primary_key == (ID,),
                nulled=layout.nulled,
                estimated_rows=count,
            )
    finally:
        layout.grows = grows
