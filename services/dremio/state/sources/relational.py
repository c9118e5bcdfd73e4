"""PostgreSQL and MySQL as sources: DuckDB's scanners, in an instance of their own.

The engine's own DuckDB may not open connections (its settings are locked), so a second one,
which never sees a user's SQL, attaches the databases read-only. It gets generated SELECTs:
columns and conditions on one table, which its scanners hand on to the database.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from services.dremio.sql.resolve import Physical
from services.dremio.state import types
from services.dremio.state.database import literal, quoted
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.sources.conditions import Comparison, Condition, Group, Null, OneOf
from services.dremio.state.sources.model import Child, Path, Scanned
from services.dremio.state.sources.scan import PushedDown

_LISTING_SECONDS = 30.0
_BATCH_ROWS = 16_384


@dataclass(frozen=True)
class Kind:
    """How one kind of database is attached and listed."""

    extension: str
    listing: str
    clear: str


POSTGRES = Kind(
    "postgres",
    "SELECT table_schema, table_name FROM information_schema.tables "
    "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')",
    "CALL pg_clear_cache()",
)
MYSQL = Kind(
    "mysql",
    "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema NOT IN "
    "('mysql', 'information_schema', 'performance_schema', 'sys')",
    "CALL mysql_clear_cache()",
)


class Relational:
    """One database server's tables, as `schema.table`."""

    def __init__(
        self,
        name: str,
        kind: Kind,
        gateway: duckdb.DuckDBPyConnection,
        secret: dict[str, str],
        options: str = "",
    ) -> None:
        self._name = name
        self._kind = kind
        self._gateway = gateway
        self._secret = secret
        self._options = options
        self._database = ""
        self._lock = threading.Lock()
        self._listed: tuple[float, list[tuple[str, str]]] = (0.0, [])
        self._columns: dict[tuple[str, str], tuple[float, pa.Schema, pa.Schema]] = {}

    def check(self) -> None:
        """Connect, or raise why that fails."""
        self._tables(fresh=True)

    def folders(self) -> list[Path]:
        """Return the schemas (MySQL: databases)."""
        return [(schema,) for schema in sorted({schema for schema, _ in self._tables()})]

    def tables(self, folder: Path) -> list[str]:
        """Return the tables of a schema."""
        if len(folder) != 1:
            return []
        wanted = folder[0].lower()
        return sorted(table for schema, table in self._tables() if schema.lower() == wanted)

    def children(self, folder: Path) -> list[Child] | None:
        """Return the schemas, or the tables of one."""
        if not folder:
            return [Child(path[0], "FOLDER") for path in self.folders()]
        tables = self.tables(folder)
        return [Child(name, "TABLE") for name in tables] if tables else None

    def kind(self, path: Path) -> str | None:
        """Return what lies at a path."""
        if self.schema(path) is not None:
            return "TABLE"
        return "FOLDER" if self.children(path) is not None else None

    def relation(self, path: Path, rows: int | None) -> Physical | Scanned | None:
        """Return the table at `schema.table`."""
        place = self._place(path)
        if place is None:
            return None
        raw = self._described(place)[0]
        return Scanned(path, PushedDown(raw, lambda names, when: self._fetch(place, names, when)))

    def schema(self, path: Path) -> pa.Schema | None:
        """Return a table's columns."""
        place = self._place(path)
        return None if place is None else self._described(place)[1]

    def refresh(self, path: Path) -> None:
        """Look at the database's tables and columns anew."""
        self._listed = (0.0, [])
        self._columns.clear()
        if self._database:
            self._run(self._kind.clear)

    def close(self) -> None:
        """Detach the database."""
        with self._lock:
            if self._database:
                cursor = self._gateway.cursor()
                cursor.execute(f"DETACH DATABASE IF EXISTS {quoted(self._database)}")
                cursor.execute(f"DROP SECRET IF EXISTS {quoted(self._database)}")
                self._database = ""

    def external_query(self, sql: str) -> pa.Table:
        """Return the rows of a query in the database's own SQL. Raises DremioError."""
        function = f"{self._kind.extension}_query"
        return self._run(
            f"SELECT * FROM {function}({literal(self._attached())}, {literal(sql)})"  # noqa: S608
        ).to_arrow_table()

    def _place(self, path: Path) -> tuple[str, str] | None:
        if len(path) != 2:
            return None
        wanted = tuple(part.lower() for part in path)
        for fresh in (False, True):
            for schema, table in self._tables(fresh=fresh):
                if (schema, table) == path or (schema.lower(), table.lower()) == wanted:
                    return schema, table
        return None

    def _tables(self, *, fresh: bool = False) -> list[tuple[str, str]]:
        until, known = self._listed
        if not fresh and until > time.monotonic():
            return known
        function = f"{self._kind.extension}_query"
        sql = (
            f"SELECT * FROM {function}({literal(self._attached())}, "  # noqa: S608 - literals
            f"{literal(self._kind.listing)})"
        )
        found = [(str(schema), str(table)) for schema, table in self._run(sql).fetchall()]
        if set(found) != set(known):
            self._run(self._kind.clear)  # what the scanner remembers is as old
        self._listed = (time.monotonic() + _LISTING_SECONDS, found)
        return found

    def _described(self, place: tuple[str, str]) -> tuple[pa.Schema, pa.Schema]:
        """Return the columns as they are fetched, and as Dremio types them."""
        known = self._columns.get(place)
        if known and known[0] > time.monotonic():
            return known[1], known[2]
        self._run(self._kind.clear)
        cursor = self._run(f"SELECT * FROM {self._table(place)} LIMIT 0")  # noqa: S608 - quoted
        shown = pa.schema([(c[0], types.from_duckdb(c[1])) for c in cursor.description or []])
        # Microseconds, as DuckDB compares them; what is answered is cut to Dremio's milliseconds.
        raw = pa.schema([(f.name, _fetched(f.type)) for f in shown])
        self._columns[place] = (time.monotonic() + _LISTING_SECONDS, raw, shown)
        return raw, shown

    def _fetch(
        self, place: tuple[str, str], names: list[str], when: Condition | None
    ) -> Iterator[pa.RecordBatch]:
        raw, shown = self._described(place)
        outputs = ", ".join(
            f"CAST({quoted(n)} AS {types.to_duckdb(shown.field(n).type)}) AS {quoted(n)}"
            for n in names
        )
        where = _where(when, shown) if when is not None else None
        sql = f"SELECT {outputs} FROM {self._table(place)}"  # noqa: S608 - quoted
        cursor = self._run(f"{sql} WHERE {where}" if where else sql)
        schema = pa.schema([raw.field(name) for name in names])
        for batch in cursor.to_arrow_reader(_BATCH_ROWS):
            yield batch.cast(schema) if batch.schema != schema else batch

    def _table(self, place: tuple[str, str]) -> str:
        return ".".join(quoted(part) for part in (self._attached(), *place))

    def _attached(self) -> str:
        with self._lock:
            if self._database:
                return self._database
            name = f"source_{self._name}_{id(self)}"
            options = ", ".join(f"{key} {literal(value)}" for key, value in self._secret.items())
            cursor = self._gateway.cursor()
            try:
                cursor.execute(
                    f"CREATE OR REPLACE SECRET {quoted(name)} "
                    f"(TYPE {self._kind.extension}, {options})"
                )
                cursor.execute(
                    f"ATTACH {literal(self._options)} AS {quoted(name)} "
                    f"(TYPE {self._kind.extension}, READ_ONLY, SECRET {quoted(name)})"
                )
            except duckdb.Error as error:
                raise self._failed(error) from error
            finally:
                cursor.close()
            self._database = name
            return name

    def _run(self, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._gateway.cursor().execute(sql)
        except duckdb.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: Any) -> DremioError:
        password = self._secret.get("PASSWORD") or "\x00"
        text = str(error).split("\n\nLINE")[0].replace(password, "***")
        return DremioError(ErrorKind.CONNECTION, f"Source '{self._name}' failed: {text}")


def _fetched(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us")
    return pa.time64("us") if pa.types.is_time(kind) else kind


def _where(when: Condition, schema: pa.Schema) -> str | None:
    """Return a condition in DuckDB's SQL that lets every fitting row through; None: all rows."""
    if isinstance(when, Group):
        parts = [_where(part, schema) for part in when.parts]
        known = [part for part in parts if part]
        if not known or (when.word == "or" and len(known) < len(parts)):
            return None
        return "(" + f" {when.word.upper()} ".join(known) + ")"
    name, kind = quoted(when.column), schema.field(when.column).type
    if isinstance(when, Null):
        return f"{name} IS {'' if when.null else 'NOT '}NULL"
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_floating(kind):
        return None
    typed = types.to_duckdb(kind)
    if isinstance(when, OneOf):
        values = ", ".join(_constant(value, typed) for value in when.values)
        return f"{name} IN ({values})"
    if isinstance(when, Comparison) and pa.types.is_string(kind) and when.op != "=":
        return None  # the database may order and tell apart texts otherwise than DuckDB
    return f"{name} {when.op} {_constant(when.value, typed)}"


def _constant(value: str, kind: str) -> str:
    return literal(value) if kind == "VARCHAR" else f"CAST({literal(value)} AS {kind})"
