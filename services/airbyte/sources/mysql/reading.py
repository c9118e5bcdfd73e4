"""Reading one table: what to select, and the state after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pymysql

from services.airbyte import engine
from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.choosing import choose
from services.airbyte.cdk.columns import literal, quote
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.mysql import cursor as cursors
from services.airbyte.sources.mysql.connecting import Session, Target, query
from services.airbyte.sources.mysql.cursor import Position, Window
from services.airbyte.sources.mysql.tables import (
    SourceColumn,
    SourceTable,
    believed_size,
    identifier,
)

Json = dict[str, Any]

_SOURCE, _SECRET = "lakelet_source", "lakelet_source_secret"
_WINDOW = "lakelet_window"
_BAD, _HASH = "__lakelet_bad_", "__lakelet_hash"

# The scanner's own: the server's limits hold, and results are streamed.
_SETTINGS = (
    "SET mysql_session_time_zone = '+00:00'",
    "SET mysql_sql_buffer_result = false",
    "SET mysql_query_timeout_enabled = false",
)


class TableReader:
    """Reads one table through DuckDB's scanner, with the server's prepared statements.

    Each statement reads a snapshot of its own. A full refresh is one statement; an incremental
    read takes the window first and what lies below it second, so that a row which changes in
    between is read in both versions or next time, never lost.
    """

    def __init__(
        self,
        server: Target,
        db: Session,
        table: SourceTable,
        stream: ConfiguredStream,
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
    ) -> None:
        self._db, self._table, self._stream = db, table, stream
        self._duck, self._env = duck, env
        self._relation_name = f"{identifier(table.database)}.{identifier(table.name)}"
        self._columns = choose(table.columns, stream, env)
        self._state: Json | None = None
        engine.load(duck, "mysql_scanner")
        for setting in _SETTINGS:
            duck.execute(setting)
        duck.execute(server.duckdb_secret(_SECRET))
        duck.execute(f"ATTACH '' AS {_SOURCE} (TYPE mysql, READ_ONLY, SECRET {_SECRET})")

    def close(self) -> None:
        """Leave the source."""
        for statement in (
            f"DROP TABLE IF EXISTS {_WINDOW}",
            f"DETACH {_SOURCE}",
            f"DROP SECRET IF EXISTS {_SECRET}",
        ):
            try:
                self._duck.execute(statement)
            except duckdb.Error:  # the connection broke: there is nothing to end
                self._env.log(f"{statement} was not possible any more")

    def start(self, state: Json | None) -> Reading:
        """Say what to read; for an incremental read also where it ends."""
        if self._stream.incremental:
            relation = self._incremental(state)
        else:
            relation = f"(SELECT {arriving(self._columns)} FROM {self._scan('TRUE')})"
        rows, size = believed_size(self._db, self._table) if state is None else (None, None)
        return Reading(
            columns=tuple(c.column for c in self._columns),
            relation=relation,
            state=lambda: self._state,
            unique_key=bool(self._table.primary_key)
            and set(self._stream.primary_key) == set(self._table.primary_key)
            and not self._stream.incremental,
            nulled=nulled(self._columns),
            estimated_rows=rows,
            estimated_bytes=size,
        )

    def _scan(self, condition: str, extra: str = "") -> str:
        """The rows of the server that `condition` (its SQL) holds for."""
        sql = (
            f"SELECT {selecting(self._columns)}{extra} FROM {self._relation_name} WHERE {condition}"
        )
        return f"mysql_query('{_SOURCE}', {literal(sql)})"

    def _incremental(self, state: Json | None) -> str:
        """Note where this sync will end, and return what it reads."""
        field = self._stream.cursor_field or ""
        cursor = next((c for c in self._table.columns if c.name == field), None)
        if cursor is None or not cursor.can_be_cursor:
            kind = cursor.type_name if cursor else None
            raise config_error(
                f"stream {self._stream.name!r}: column {field!r} ({kind}) cannot be a cursor;"
                " choose one whose values grow, such as an updated_at"
            )
        name, quoted = identifier(field), cursor.mapping.quoted
        position = Position.from_state(state, field)
        if state and position is None:
            self._env.log(
                f"{self._stream.name}: the cursor field has changed, reading from the start"
            )
        position = self._with_airbytes_rule(position, name, quoted)
        top, low = self._end(cursor)
        window = self._take_window(position, cursor, top, low) if low is not None else None
        count = 0
        if top is not None and window is None:
            self._env.log(
                f"{self._stream.name}: too many rows share the cursor's last value to tell them"
                " apart; rows may come twice, choose a finer cursor"
            )
            count = self._count(name, top, quoted)
        self._state = cursors.to_state(
            self._stream.name,
            self._stream.namespace,
            field,
            top if top is not None else (position.cursor if position else None),
            count,
            window,
        )
        below = cursors.unseen_below(position, name, low, quoted)
        if top is not None:
            below += f" AND ({name} <= {cursors.literal(top, quoted)} OR {name} IS NULL)"
        if position is not None and position.window is not None:
            below += f" AND NOT {self._seen(position, name, quoted)}"
        rest = f"SELECT {arriving(self._columns)} FROM {self._scan(below)}"
        if window is None:
            return f"({rest})"
        columns = f"SELECT * EXCLUDE ({_HASH}, {_HASH}_new) FROM {_WINDOW} WHERE {_HASH}_new"
        return f"({columns} UNION ALL {rest})"

    def _end(self, cursor: SourceColumn) -> tuple[str | None, str | None]:
        """Return the highest value of the cursor and where the window below it begins."""
        name, relation = identifier(cursor.name), self._relation_name
        text = f"CAST({name} AS CHAR)"
        found = query(self._db, f"SELECT CAST(MAX({name}) AS CHAR) AS top FROM {relation}")
        top = _text(found[0]["top"])
        if top is None:
            return None, None
        margin = cursors.MARGINS.get(cursor.type_name)
        condition = f"{name} <= {cursors.literal(top, cursor.mapping.quoted)}"
        if margin is not None:
            kind = "DATETIME(6)" if cursor.mapping.quoted else "SIGNED"
            above = f"CAST({cursors.literal(top, cursor.mapping.quoted)} AS {kind}) {margin}"
            condition += f" AND {name} >= {above}"
        size = cursors.WINDOW_WHEN_LATE if self._open_transactions() else cursors.WINDOW
        rows = query(
            self._db,
            f"SELECT {text} AS value FROM {relation} WHERE {condition}"
            f" ORDER BY {name} DESC LIMIT {size + 1}",
        )
        return top, cursors.lowest([_text(row["value"]) or "" for row in rows], size)

    def _open_transactions(self) -> bool:
        """Whether a transaction that has changed something is open, as far as one may know."""
        try:
            found = query(
                self._db,
                "SELECT EXISTS (SELECT 1 FROM information_schema.INNODB_TRX"
                " WHERE trx_rows_modified > 0) AS late",
            )
        except pymysql.Error:  # it takes the privilege PROCESS, which a source's user may lack
            return False
        return bool(found[0]["late"])

    def _take_window(
        self, position: Position | None, cursor: SourceColumn, top: str | None, low: str
    ) -> Window:
        """Read the window into DuckDB, with a hash of each row, and mark what is new in it."""
        name, quoted = identifier(cursor.name), cursor.mapping.quoted
        highest = cursors.literal(top or "", quoted)
        new = cursors.new_in_window(position, name, quoted)
        if position is not None and position.window is not None:
            new += f" AND NOT {self._seen(position, name, quoted)}"
        chosen = self._columns
        extra = f", {self._hash([c.name for c in chosen])} AS {_HASH}, ({new}) AS {_HASH}_new"
        scan = self._scan(
            f"{name} >= {cursors.literal(low, quoted)} AND {name} <= {highest}", extra
        )
        self._duck.execute(
            f"CREATE OR REPLACE TEMP TABLE {_WINDOW} AS"
            f" SELECT {arriving(self._columns)}, {_HASH}, {_HASH}_new <> 0 AS {_HASH}_new"
            f" FROM {scan}"
        )
        seen = self._duck.execute(f"SELECT DISTINCT {_HASH} FROM {_WINDOW}").fetchall()
        return Window(low, tuple(c.name for c in chosen), tuple(sorted(row[0] for row in seen)))

    def _seen(self, position: Position, name: str, quoted: bool) -> str:
        """SQL (the server's): whether the previous sync has read the row as it is."""
        window = position.window
        if window is None or not window.seen:
            return "FALSE"
        hashes = ", ".join(f"'{value}'" for value in window.seen)
        last = cursors.literal(position.cursor or "", quoted)
        return f"({name} <= {last} AND {self._hash(list(window.columns))} IN ({hashes}))"

    def _hash(self, names: list[str]) -> str:
        """SQL (the server's) of a hash over columns; a column that is gone counts as null."""
        there = {column.name: column for column in self._table.columns}
        parts = []
        for name in names:
            column = there.get(name)
            value = identifier(name) if column else "NULL"
            if column and column.type_name == "float":
                value = f"({value} + 0e0)"  # its text is rounded
            parts.append(f"COALESCE(MD5({value}), '-')")
        return f"CONVERT(LEFT(MD5(CONCAT_WS(',', {', '.join(parts)})), 16) USING utf8mb4)"

    def _count(self, name: str, value: str, quoted: bool) -> int:
        found = query(
            self._db,
            f"SELECT COUNT(*) AS n FROM {self._relation_name}"
            f" WHERE {name} = {cursors.literal(value, quoted)}",
        )
        return int(found[0]["n"])

    def _with_airbytes_rule(
        self, position: Position | None, name: str, quoted: bool
    ) -> Position | None:
        """Without a window: note whether rows came to the last value."""
        if position is None or position.window is not None or position.cursor is None:
            return position
        if position.count and self._count(name, position.cursor, quoted) != position.count:
            return Position(position.cursor, position.count, None, again=True)
        return position


def selecting(columns: Sequence[SourceColumn]) -> str:
    """Return the server's select list."""
    return ", ".join(
        f"{c.mapping.select.format(identifier(c.name))} AS {identifier(c.name)}" for c in columns
    )


def arriving(columns: Sequence[SourceColumn]) -> str:
    """Return DuckDB's select list over what `selecting` gave."""
    parts = []
    for column in columns:
        name = quote(column.name)
        value = column.mapping.arrive.replace("{}", name)
        parts.append(f"{value} AS {name}")
        if column.mapping.fallible:
            bad = quote(_BAD + column.name)
            parts.append(f"({name} IS NOT NULL AND ({value}) IS NULL) AS {bad}")
    return ", ".join(parts)


def nulled(columns: Sequence[SourceColumn]) -> dict[str, tuple[str, str]]:
    """Return how to know the values that `arriving` made null."""
    return {
        c.name: (quote(_BAD + c.name), "SOURCE_SERIALIZATION_ERROR")
        for c in columns
        if c.mapping.fallible
    }


def _text(value: Any) -> str | None:
    return value.decode() if isinstance(value, bytes) else value
