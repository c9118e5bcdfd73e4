"""The PostgreSQL source: check, discover, read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from services.airbyte.cdk.catalog import ConfiguredStream, Stream
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.postgres import connecting
from services.airbyte.sources.postgres.reading import TableReader
from services.airbyte.sources.postgres.tables import SourceTable, find_tables

Json = dict[str, Any]


class PostgresSource:
    """Airbyte's source-postgres with replication method Standard."""

    def check(self, config: Json, env: Environment) -> None:
        """Connect, and find at least one readable table in the configured schemas."""
        _method(config)
        with connecting.session(config) as db:
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
        _method(config)
        with connecting.session(config) as db:
            return [_stream(table) for table in find_tables(db, _schemas(config))]

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
        _method(config)
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
                # The destination's own errors come through here too: they name S3.
                if "s3://" in str(error) or isinstance(error, duckdb.HTTPException):
                    raise
                raise connecting.explain(error, config) from error
            finally:
                reader.close()


def build() -> PostgresSource:
    """Return the source."""
    return PostgresSource()


def _schemas(config: Json) -> list[str]:
    return list(config.get("schemas") or ["public"])


def _method(config: Json) -> None:
    method = (config.get("replication_method") or {"method": "Standard"}).get("method", "Standard")
    if method != "Standard":
        raise config_error(
            f"replication_method {method} is not supported yet; set replication_method to"
            ' {"method": "Standard"} and choose a cursor column'
        )


def _stream(table: SourceTable) -> Stream:
    cursors = [column.name for column in table.columns if column.can_be_cursor]
    return Stream(
        name=table.name,
        namespace=table.schema,
        columns=tuple(column.column for column in table.columns),
        primary_key=table.primary_key,
        incremental=bool(cursors),
    )
