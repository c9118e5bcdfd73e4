"""The PostgreSQL source: check, discover, read; by a cursor, by xmin, or from the log (CDC)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from services.airbyte.cdk.catalog import ConfiguredStream, Stream
from services.airbyte.cdk.failures import config_error, of_destination
from services.airbyte.cdk.log import without_log_columns
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.postgres import connecting
from services.airbyte.sources.postgres.cdc import slot as slots
from services.airbyte.sources.postgres.cdc.config import CDC_NAMES, CdcConfig
from services.airbyte.sources.postgres.cdc.log import open_log
from services.airbyte.sources.postgres.cdc.publication import published_tables
from services.airbyte.sources.postgres.cdc.streams import cdc_stream
from services.airbyte.sources.postgres.reading import TableReader
from services.airbyte.sources.postgres.tables import SourceTable, find_tables

Json = dict[str, Any]

STANDARD, XMIN, CDC = "Standard", "Xmin", "CDC"


class PostgresSource:
    """Airbyte's source-postgres with its replication methods Standard, Xmin and CDC."""

    # One query: it is asked before each sync.
    quick_discovery = True

    def check(self, config: Json, env: Environment) -> None:
        """Connect, and find at least one readable table in the configured schemas."""
        cdc = CdcConfig.parse(config) if _method(config) == CDC else None
        with connecting.session(config) as db:
            if cdc is not None:
                slots.check_server(db, cdc)
                slots.find_slot(db, cdc)
            schemas = _schemas(config)
            found = {
                row["nspname"]
                for row in db.execute(
                    "SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", (schemas,)
                )
            }
            if missing := [name for name in schemas if name not in found]:
                raise config_error(
                    f"schema {', '.join(missing)} does not exist in database"
                    f" {config['database']!r} (names are case sensitive); set schemas"
                )

    def discover(self, config: Json, env: Environment) -> list[Stream]:
        """Return the tables and views that the user may read."""
        method = _method(config)
        with connecting.session(config) as db:
            tables = find_tables(db, _schemas(config))
            if method != CDC:
                return [_stream(table, method) for table in tables]
            published = published_tables(db, CdcConfig.parse(config))
            for unlike in filter(None, (table.unlike for table in published.values())):
                env.log(unlike)
            return [
                cdc_stream(table, published.get((table.schema, table.name))) for table in tables
            ]

    def reads_log(self, config: Json) -> bool:
        """Whether incremental streams are read from the log."""
        return _method(config) == CDC

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
        """Read a table in one snapshot of the source."""
        if _method(config) == CDC:
            stream = without_log_columns(stream, CDC_NAMES)
        elif _method(config) == XMIN:
            stream = dataclasses.replace(stream, cursor_field=None)
        schema = stream.namespace or _schemas(config)[0]
        with connecting.session(config) as db:
            tables = find_tables(db, [schema], stream.name)
        if not tables:
            raise config_error(
                f"stream {schema}.{stream.name} is not in the source (or user"
                f" {config['username']!r} may not read it); refresh the connection's schema"
            )
        with connecting.conninfo(config) as target:
            reader = TableReader(target, tables[0], stream, duck, env)
            try:
                yield reader.start(state)
            except duckdb.Error as error:
                if of_destination(error):
                    raise
                raise connecting.explain(error, config) from error
            finally:
                reader.close()


def build() -> PostgresSource:
    """Return the source."""
    return PostgresSource()


def _schemas(config: Json) -> list[str]:
    return list(config.get("schemas") or ["public"])


def _method(config: Json) -> str:
    method = (config.get("replication_method") or {"method": STANDARD}).get("method", STANDARD)
    if method not in (STANDARD, XMIN, CDC):
        raise config_error(f"replication_method {method} is not {STANDARD}, {XMIN} or {CDC}")
    return str(method)


def _stream(table: SourceTable, method: str) -> Stream:
    by_xmin = method == XMIN and table.has_xmin
    cursors = [column.name for column in table.columns if column.can_be_cursor]
    return Stream(
        name=table.name,
        namespace=table.schema,
        columns=tuple(column.column for column in table.columns),
        primary_key=table.primary_key,
        incremental=by_xmin if method == XMIN else bool(cursors),
        source_defined_cursor=by_xmin,
    )
