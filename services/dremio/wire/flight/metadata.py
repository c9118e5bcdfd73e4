"""GetCatalogs, GetDbSchemas, GetTables …: answered from INFORMATION_SCHEMA."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

from services.dremio.state.engine import Engine
from services.dremio.state.session import Session

CATALOG = "DREMIO"
_TEXT = pa.string()


def _schema(*fields: tuple[str, pa.DataType, bool]) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=nullable) for name, kind, nullable in fields])


CATALOGS = _schema(("catalog_name", _TEXT, False))
DB_SCHEMAS = _schema(("catalog_name", _TEXT, True), ("db_schema_name", _TEXT, False))
TABLES = _schema(
    ("catalog_name", _TEXT, True),
    ("db_schema_name", _TEXT, True),
    ("table_name", _TEXT, False),
    ("table_type", _TEXT, False),
)
TABLES_WITH_SCHEMA = TABLES.append(pa.field("table_schema", pa.binary(), nullable=False))
TABLE_TYPES = _schema(("table_type", _TEXT, False))
PRIMARY_KEYS = _schema(
    ("catalog_name", _TEXT, True),
    ("db_schema_name", _TEXT, True),
    ("table_name", _TEXT, False),
    ("column_name", _TEXT, False),
    ("key_name", _TEXT, True),
    ("key_sequence", pa.int32(), False),
)
FOREIGN_KEYS = _schema(
    ("pk_catalog_name", _TEXT, True),
    ("pk_db_schema_name", _TEXT, True),
    ("pk_table_name", _TEXT, False),
    ("pk_column_name", _TEXT, False),
    ("fk_catalog_name", _TEXT, True),
    ("fk_db_schema_name", _TEXT, True),
    ("fk_table_name", _TEXT, False),
    ("fk_column_name", _TEXT, False),
    ("key_sequence", pa.int32(), False),
    ("fk_key_name", _TEXT, True),
    ("pk_key_name", _TEXT, True),
    ("update_rule", pa.uint8(), False),
    ("delete_rule", pa.uint8(), False),
)

_ARROW = {
    "BOOLEAN": pa.bool_(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "CHARACTER VARYING": pa.string(),
    "BINARY VARYING": pa.binary(),
    "DATE": pa.date32(),
    "TIME": pa.time32("ms"),
    "TIMESTAMP": pa.timestamp("ms"),
}


def matches(pattern: str | None, value: str) -> bool:
    """Whether `value` fits LIKE's `pattern` (`%`, `_`, backslash escapes); None fits all."""
    if pattern is None:
        return True
    parts = re.findall(r"\\(.)|(%)|(_)|([^\\%_]+|\\)", pattern, re.DOTALL)
    regex = "".join(
        re.escape(escaped or plain) if escaped or plain else ".*" if many else "."
        for escaped, many, _, plain in parts
    )
    return re.fullmatch(regex, value, re.DOTALL | re.IGNORECASE) is not None


class Metadata:
    """Answers from one caller's view of the catalog."""

    def __init__(self, engine: Engine, session: Session) -> None:
        self._engine = engine
        self._session = session

    def catalogs(self) -> pa.Table:
        """There is one."""
        return pa.Table.from_pylist([{"catalog_name": CATALOG}], CATALOGS)

    def db_schemas(self, command: Any) -> pa.Table:
        """Return the schemas of the catalog that fit the pattern."""
        rows = self._rows('SELECT SCHEMA_NAME FROM INFORMATION_SCHEMA."SCHEMATA"')
        pattern = _given(command, "db_schema_filter_pattern")
        names = sorted({row["SCHEMA_NAME"] for row in rows})
        return pa.Table.from_pylist(
            [
                {"catalog_name": CATALOG, "db_schema_name": name}
                for name in names
                if _in_catalog(command) and matches(pattern, name)
            ],
            DB_SCHEMAS,
        )

    def tables(self, command: Any) -> pa.Table:
        """Return the tables that fit; with their columns when asked."""
        kinds = set(command.table_types)
        found = [
            row
            for row in self._rows(
                'SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM INFORMATION_SCHEMA."TABLES"'
            )
            if _in_catalog(command)
            and matches(_given(command, "db_schema_filter_pattern"), row["TABLE_SCHEMA"])
            and matches(_given(command, "table_name_filter_pattern"), row["TABLE_NAME"])
            and (not kinds or row["TABLE_TYPE"] in kinds)
        ]
        found.sort(key=lambda row: (row["TABLE_TYPE"], row["TABLE_SCHEMA"], row["TABLE_NAME"]))
        columns = self._columns() if command.include_schema and found else {}
        rows = []
        for row in found:
            entry = {
                "catalog_name": CATALOG,
                "db_schema_name": row["TABLE_SCHEMA"],
                "table_name": row["TABLE_NAME"],
                "table_type": row["TABLE_TYPE"],
            }
            if command.include_schema:
                fields = columns.get((row["TABLE_SCHEMA"], row["TABLE_NAME"]), [])
                entry["table_schema"] = pa.schema(fields).serialize().to_pybytes()
            rows.append(entry)
        return pa.Table.from_pylist(rows, TABLES_WITH_SCHEMA if command.include_schema else TABLES)

    def table_types(self) -> pa.Table:
        """Return Dremio's kinds of table."""
        kinds = ("TABLE", "SYSTEM_TABLE", "VIEW")
        return pa.Table.from_pylist([{"table_type": kind} for kind in kinds], TABLE_TYPES)

    def _columns(self) -> dict[tuple[str, str], list[pa.Field]]:
        fields: dict[tuple[str, str], list[pa.Field]] = {}
        for row in self._rows(
            "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE, NUMERIC_PRECISION, "
            'NUMERIC_SCALE FROM INFORMATION_SCHEMA."COLUMNS" '
            "ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION"
        ):
            kind = _ARROW.get(row["DATA_TYPE"], pa.string())
            if row["DATA_TYPE"] == "DECIMAL":
                kind = pa.decimal128(row["NUMERIC_PRECISION"] or 38, row["NUMERIC_SCALE"] or 0)
            key = (row["TABLE_SCHEMA"], row["TABLE_NAME"])
            fields.setdefault(key, []).append(pa.field(row["COLUMN_NAME"], kind))
        return fields

    def _rows(self, sql: str) -> list[dict[str, Any]]:
        execution = self._engine.execute(self._session, sql, query_type="METADATA_REFRESH")
        rows: list[dict[str, Any]] = execution.table().to_pylist()
        return rows


def _given(command: Any, name: str) -> str | None:
    """Return an optional field's value; JDBC sends empty strings for "any"."""
    return (getattr(command, name) or None) if command.HasField(name) else None


def _in_catalog(command: Any) -> bool:
    return not command.HasField("catalog") or command.catalog in ("", CATALOG)
