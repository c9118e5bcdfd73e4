"""The MySQL source: check, discover, read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pymysql

from services.airbyte.cdk.catalog import ConfiguredStream, Stream
from services.airbyte.cdk.failures import config_error, of_destination
from services.airbyte.cdk.log import without_log_columns
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.mysql import connecting
from services.airbyte.sources.mysql.cdc import server as servers
from services.airbyte.sources.mysql.cdc.config import CDC_COLUMNS, CDC_NAMES, CURSOR, Place
from services.airbyte.sources.mysql.cdc.log import open_log
from services.airbyte.sources.mysql.cdc.stream import BinlogStream
from services.airbyte.sources.mysql.failures import explain
from services.airbyte.sources.mysql.reading import TableReader
from services.airbyte.sources.mysql.tables import SourceTable, find_tables

Json = dict[str, Any]

STANDARD, CDC = "STANDARD", "CDC"


class MySqlSource:
    """Airbyte's source-mysql, for MySQL and MariaDB, by a cursor (STANDARD) or the log (CDC)."""

    # One query: it is asked before each sync.
    quick_discovery = True

    def check(self, config: Json, env: Environment) -> None:
        """Connect, and find out whether the database can be read."""
        cdc = _method(config) == CDC
        with connecting.session(config) as db:
            tables = _tables(db, config)
            if cdc:
                servers.check_server(servers.variables(db))
                _try_log(config, servers.end_of_log(db))
            if not tables:
                raise config_error(
                    f"user {config['username']!r} sees no table in database"
                    f" {config['database']!r}: is it the right one? GRANT SELECT ON"
                    f" `{config['database']}`.* to the user"
                )

    def discover(self, config: Json, env: Environment) -> list[Stream]:
        """Return the tables and views that the user may read."""
        with connecting.session(config) as db:
            tables = _tables(db, config)
        if _method(config) != CDC:
            return [_stream(table) for table in tables]
        for unlike in filter(None, (table.unlike for table in tables)):
            env.log(unlike)
        return [_cdc_stream(table) for table in tables]

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
        """Read a table."""
        if _method(config) == CDC:
            stream = without_log_columns(stream, CDC_NAMES)
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
                if of_destination(error):
                    raise
                raise explain(error, config) from error
            finally:
                reader.close()


def build() -> MySqlSource:
    """Return the source."""
    return MySqlSource()


def _try_log(config: Json, end: Place) -> None:
    """Ask for the log, as reading does: the user needs a privilege of its own for that."""
    with connecting.target(config) as server:
        try:
            stream = BinlogStream(server, end)
            try:
                next(stream.events(5.0), None)
            finally:
                stream.close()
        except (pymysql.Error, OSError) as error:
            raise explain(error, config) from error


def _tables(db: connecting.Session, config: Json, table: str | None = None) -> list[SourceTable]:
    as_bit = connecting.tinyint1_is_bit(config)
    return find_tables(db, config["database"], table, tinyint1_is_bit=as_bit)


def _method(config: Json) -> str:
    method = (config.get("replication_method") or {}).get("method", STANDARD)
    if method not in (STANDARD, CDC):
        raise config_error(f"replication_method {method} is not {STANDARD} or {CDC}")
    return str(method)


def _cdc_stream(table: SourceTable) -> Stream:
    columns = tuple(column.column for column in table.columns)
    if table.is_view:  # the log knows tables only
        return Stream(table.name, columns, table.database)
    if table.unlike:
        return Stream(table.name, columns, table.database, table.primary_key)
    return Stream(
        name=table.name,
        namespace=table.database,
        columns=(*columns, *CDC_COLUMNS),
        primary_key=table.primary_key,
        incremental=True,
        source_defined_cursor=True,
        default_cursor=(CURSOR,),
    )


def _stream(table: SourceTable) -> Stream:
    return Stream(
        name=table.name,
        namespace=table.database,
        columns=tuple(column.column for column in table.columns),
        primary_key=table.primary_key,
        incremental=any(column.can_be_cursor for column in table.columns),
    )
