"""The SQL Server source: check, discover, read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from services.airbyte.cdk.catalog import ConfiguredStream, Stream
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.log import without_log_columns
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.sqlserver import connecting
from services.airbyte.sources.sqlserver.failures import explain
from services.airbyte.sources.sqlserver.reading import TableReader
from services.airbyte.sources.sqlserver.snapshots import allowed, begin, end
from services.airbyte.sources.sqlserver.tables import SourceTable, find_tables
from services.airbyte.sources.sqlserver.tracking import server as servers
from services.airbyte.sources.sqlserver.tracking.config import CDC_COLUMNS, CDC_NAMES, CURSOR
from services.airbyte.sources.sqlserver.tracking.log import open_log

Json = dict[str, Any]

STANDARD, CDC = "STANDARD", "CDC"


class SqlServerSource:
    """Airbyte's source-mssql, by a cursor (STANDARD) or through change tracking (CDC)."""

    # Two queries: it is asked before each sync.
    quick_discovery = True

    def check(self, config: Json, env: Environment) -> None:
        """Connect, and find out whether the database can be read."""
        cdc = _method(config) == CDC
        with connecting.session(config) as db:
            tables = _tables(db, config)
            if not tables:
                where = ", ".join(connecting.schemas(config)) or "any schema"
                raise config_error(
                    f"user {config.get('username')!r} sees no table in {where} of database"
                    f" {config['database']!r}: is it the right one, and are schemas? Else"
                    " ALTER ROLE db_datareader ADD MEMBER the user"
                )
            if cdc:
                servers.check_database(db, config)
                servers.check_tables(db, tables, config)

    def discover(self, config: Json, env: Environment) -> list[Stream]:
        """Return the tables and views that the user may read."""
        described = _cdc_stream if _method(config) == CDC else _stream
        with connecting.session(config) as db:
            return [described(table) for table in _tables(db, config)]

    def reads_log(self, config: Json) -> bool:
        """Whether incremental streams are read through change tracking."""
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
        method = config.get("replication_method") or {}
        with connecting.session(config) as db:
            tables = find_tables(
                db, [stream.namespace] if stream.namespace else [], stream.name,
                permitted=_permitted(config),
            )  # fmt: skip
            if not tables:
                raise config_error(
                    f"stream {stream.name} is not in schema {stream.namespace!r} of database"
                    f" {config['database']!r} (or the user may not read it); refresh the"
                    " connection's schema"
                )
            reader = TableReader(
                db, tables[0], stream, duck, env,
                without_today=bool(method.get("exclude_todays_data")),
            )  # fmt: skip
            snapshot = allowed(db)
            if snapshot:
                begin(db)
            try:
                yield reader.start(state)
            except duckdb.Error as error:
                # The rows' own failure reaches us as a text of DuckDB's.
                if reader.error is None:
                    raise
                raise explain(reader.error, config) from error
            finally:
                reader.close()
                if snapshot:
                    end(db)


def build() -> SqlServerSource:
    """Return the source."""
    return SqlServerSource()


def _permitted(config: Json) -> bool:
    return bool(config.get("check_privileges", True))


def _tables(db: connecting.Session, config: Json) -> list[SourceTable]:
    return find_tables(db, connecting.schemas(config), permitted=_permitted(config))


def _method(config: Json) -> str:
    method = (config.get("replication_method") or {}).get("method", STANDARD)
    if method not in (STANDARD, CDC):
        raise config_error(f"replication_method {method} is not {STANDARD} or {CDC}")
    return str(method)


def _cdc_stream(table: SourceTable) -> Stream:
    columns = tuple(column.column for column in table.columns)
    if not table.primary_key:  # changes are tracked by primary key
        return Stream(table.name, columns, table.schema)
    return Stream(
        name=table.name,
        namespace=table.schema,
        columns=(*columns, *CDC_COLUMNS),
        primary_key=table.primary_key,
        incremental=True,
        source_defined_cursor=True,
        default_cursor=(CURSOR,),
    )


def _stream(table: SourceTable) -> Stream:
    return Stream(
        name=table.name,
        namespace=table.schema,
        columns=tuple(column.column for column in table.columns),
        primary_key=table.primary_key,
        incremental=any(column.mapping.cursor for column in table.columns),
    )
