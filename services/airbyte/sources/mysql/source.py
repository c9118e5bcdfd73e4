"""The MySQL source: check, discover, read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pymysql

from services.airbyte.cdk.catalog import ConfiguredStream, Stream
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.mysql import connecting
from services.airbyte.sources.mysql.failures import explain
from services.airbyte.sources.mysql.reading import TableReader
from services.airbyte.sources.mysql.tables import SourceTable, find_tables

Json = dict[str, Any]


class MySqlSource:
    """Airbyte's source-mysql, for MySQL and MariaDB, with replication method STANDARD."""

    def check(self, config: Json, env: Environment) -> None:
        """Connect, and find out whether the database can be read."""
        _method(config)
        with connecting.session(config) as db:
            tables = _tables(db, config)
            if not tables:
                raise config_error(
                    f"user {config['username']!r} sees no table in database"
                    f" {config['database']!r}: is it the right one? GRANT SELECT ON"
                    f" `{config['database']}`.* to the user"
                )

    def discover(self, config: Json, env: Environment) -> list[Stream]:
        """Return the tables and views that the user may read."""
        _method(config)
        with connecting.session(config) as db:
            return [_stream(table) for table in _tables(db, config)]

    @contextmanager
    def read(
        self,
        config: Json,
        stream: ConfiguredStream,
        state: Json | None,
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
    ) -> Iterator[Reading]:
        """Read a table."""
        _method(config)
        with connecting.target(config) as server, connecting.session(config) as db:
            tables = _tables(db, config, stream.name)
            if not tables:
                raise config_error(
                    f"stream {stream.name} is not in database {config['database']!r} (or user"
                    f" {config['username']!r} may not read it); refresh the connection's schema"
                )
            try:
                reader = TableReader(server, db, tables[0], stream, duck, env)
            except duckdb.Error as error:
                raise explain(error, config) from error
            try:
                yield reader.start(state)
            except pymysql.Error as error:
                raise explain(error, config) from error
            except duckdb.Error as error:
                # The destination's own errors come through here too: they name S3.
                if "s3://" in str(error) or isinstance(error, duckdb.HTTPException):
                    raise
                raise explain(error, config) from error
            finally:
                reader.close()


def build() -> MySqlSource:
    """Return the source."""
    return MySqlSource()


def _tables(db: connecting.Session, config: Json, table: str | None = None) -> list[SourceTable]:
    as_bit = connecting.parameters(config).get("tinyint1isbit", "true").lower() != "false"
    return find_tables(db, config["database"], table, tinyint1_is_bit=as_bit)


def _method(config: Json) -> None:
    method = (config.get("replication_method") or {}).get("method", "STANDARD")
    if method != "STANDARD":
        raise config_error(
            f"replication_method {method} is not supported yet; set replication_method to"
            ' {"method": "STANDARD"} and choose a cursor column'
        )


def _stream(table: SourceTable) -> Stream:
    return Stream(
        name=table.name,
        namespace=table.database,
        columns=tuple(column.column for column in table.columns),
        primary_key=table.primary_key,
        incremental=any(column.can_be_cursor for column in table.columns),
    )
