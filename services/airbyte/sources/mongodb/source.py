"""The MongoDB source: check, discover, read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from services.airbyte.cdk.catalog import ConfiguredStream, Stream
from services.airbyte.cdk.columns import quote
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.log import without_log_columns
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.mongodb import collections
from services.airbyte.sources.mongodb.cdc.config import CDC_COLUMNS, CDC_NAMES, CURSOR
from services.airbyte.sources.mongodb.cdc.log import open_log
from services.airbyte.sources.mongodb.cdc.stream import try_stream
from services.airbyte.sources.mongodb.collections import DATA, ID
from services.airbyte.sources.mongodb.config import MongoConfig
from services.airbyte.sources.mongodb.connecting import connect, connect_raw, server_name
from services.airbyte.sources.mongodb.layout import layout_of
from services.airbyte.sources.mongodb.reading import ROWS, Walk, registered
from services.airbyte.sources.mongodb.types import OBJECT, TEXT, column

Json = dict[str, Any]


class MongoSource:
    """Airbyte's source-mongodb-v2: collections whole, or from change streams."""

    def check(self, config: Json, env: Environment) -> None:
        """Connect, and find out whether the databases and their changes can be read."""
        settings = MongoConfig.parse(config)
        with connect(settings) as client:
            server_name(client)
            empty = [name for name in settings.databases if not collections.names(client, name)]
            if len(empty) == len(settings.databases):
                raise config_error(
                    f"user {settings.username!r} sees no collection in {', '.join(empty)}: are"
                    " these the right databases? Grant the role `read` on them"
                )
            for name in empty:
                env.log(f"database {name} has no collection that the user may read")
        with connect_raw(settings) as raw:
            try_stream(raw, settings)

    def discover(self, config: Json, env: Environment) -> list[Stream]:
        """Return the collections that have documents."""
        settings = MongoConfig.parse(config)
        found: list[Stream] = []
        with connect(settings) as client:
            for database in settings.databases:
                for name in collections.names(client, database):
                    kinds = collections.fields(client, database, name, settings)
                    if kinds:
                        found.append(_stream(database, name, kinds, settings))
        return found

    def reads_log(self, config: Json) -> bool:
        """Whether incremental streams are read from the log: there is no other way."""
        return True

    open_log = staticmethod(open_log)

    @contextmanager
    def read(
        self,
        config: Json,
        stream: ConfiguredStream,
        state: Json | None,
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
    ) -> Iterator[Reading]:
        """Read a collection whole."""
        settings = MongoConfig.parse(config)
        own = without_log_columns(stream, CDC_NAMES)
        with connect(settings) as client:
            database = collections.database_of(own, settings)
            collections.check_there(client, database, own.name)
            offered = (
                {}
                if own.schema.get("properties")
                else collections.fields(client, database, own.name, settings)
            )
            layout = layout_of(own, offered, schema_enforced=settings.schema_enforced, say=env.log)
            layout.grows = False  # a table's columns are known before its rows
            count = client[database][own.name].estimated_document_count()
            walk = Walk(client, database, own.name, env.log)
            with registered(duck, iter(walk), layout):
                names = ", ".join(quote(one) for one in layout.schema.names)
                yield Reading(
                    columns=layout.columns,
                    relation=f"(SELECT {names} FROM {ROWS})",
                    state=lambda: None,
                    unique_key=own.primary_key == (ID,),
                    nulled=layout.nulled,
                    estimated_rows=count,
                )


def build() -> MongoSource:
    """Return the source."""
    return MongoSource()


def _stream(database: str, name: str, kinds: dict[str, str], settings: MongoConfig) -> Stream:
    if not settings.schema_enforced:
        kinds = {ID: kinds.get(ID, TEXT), DATA: OBJECT}
    return Stream(
        name=name,
        namespace=database,
        columns=(*(column(field, kind) for field, kind in kinds.items()), *CDC_COLUMNS),
        primary_key=(ID,),
        incremental=True,
        source_defined_cursor=True,
        default_cursor=(CURSOR,),
    )
