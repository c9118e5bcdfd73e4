"""Names for the columns of the log's rows."""

from __future__ import annotations

from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.mysql.cdc import layout as kinds
from services.airbyte.sources.mysql.cdc.layout import TableMap
from services.airbyte.sources.mysql.tables import SourceTable

_NUMBERS = {
    "tinyint": kinds.TINY,
    "smallint": kinds.SHORT,
    "mediumint": kinds.INT24,
    "int": kinds.LONG,
    "bigint": kinds.LONGLONG,
    "float": kinds.FLOAT,
    "double": kinds.DOUBLE,
    "decimal": kinds.NEWDECIMAL,
    "date": kinds.DATE,
    "datetime": kinds.DATETIME2,
    "timestamp": kinds.TIMESTAMP2,
    "time": kinds.TIME2,
    "year": kinds.YEAR,
    "bit": kinds.BIT,
    "enum": kinds.ENUM,
    "set": kinds.SET,
    "varchar": kinds.VARCHAR,
    "varbinary": kinds.VARCHAR,
}


def column_names(described: TableMap, table: SourceTable) -> tuple[str, ...]:
    """Return the names: the log's, or the table's present ones where the log has none.

    Raises ConnectorError when the present columns cannot be those of the log.
    """
    if described.names is not None:
        return described.names
    expected = [_NUMBERS.get(column.type_name) for column in table.columns]
    fits = len(expected) == len(described.cells) and all(
        kind is None or kind == cell.type
        for kind, cell in zip(expected, described.cells, strict=False)
    )
    if not fits:
        raise config_error(
            f"table {table.name} was altered after changes that are still to be read, and the log"
            " does not name columns: SET GLOBAL binlog_row_metadata = FULL, then reset the"
            " connection"
        )
    return tuple(column.name for column in table.columns)
