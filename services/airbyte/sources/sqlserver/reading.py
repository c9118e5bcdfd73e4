"""Reading one table: what to select, and the state after it."""

from __future__ import annotations

import contextlib
from typing import Any

import duckdb

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.choosing import choose
from services.airbyte.cdk.columns import quote
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.mysql import cursor as windows
from services.airbyte.sources.mysql.cursor import Position, Window
from services.airbyte.sources.sqlserver import cursor as cursors
from services.airbyte.sources.sqlserver.connecting import Session, query
from services.airbyte.sources.sqlserver.names import identifier
from services.airbyte.sources.sqlserver.rows import Rows
from services.airbyte.sources.sqlserver.tables import SourceColumn, SourceTable, believed_rows

Json = dict[str, Any]

_ROWS, _WINDOW, _NEW = "lakelet_sqlserver_rows", "lakelet_sqlserver_window", "__lakelet_new"


class TableReader:
    """Reads one table; where the database allows snapshots, all statements see one moment."""

    def __init__(
        self,
        db: Session,
        table: SourceTable,
        stream: ConfiguredStream,
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
        *,
        without_today: bool = False,
    ) -> None:
        self._db, self._table, self._stream = db, table, stream
        self._duck, self._env, self._without_today = duck, env, without_today
        self._columns = choose(table.columns, stream, env)
        self._state: Json | None = None
        self._rows: Rows | None = None

    @property
    def error(self) -> BaseException | None:
        """What the driver said when rows ended early."""
        return self._rows.error if self._rows else None

    def close(self) -> None:
        """Leave nothing behind in DuckDB."""
        if self._rows is not None:
            self._rows.close()
        with contextlib.suppress(duckdb.Error):  # the connection broke: there is nothing to end
            self._duck.unregister(_ROWS)
            self._duck.execute(f"DROP TABLE IF EXISTS {_WINDOW}")

    def start(self, state: Json | None) -> Reading:
        """Say what to read; for an incremental read also where it ends."""
        believed = believed_rows(self._db, self._table)
        if self._stream.incremental:
            relation = self._incremental(state)
        else:
            relation = f"(SELECT {self._listing()} FROM {self._scan('1 = 1')})"
        return Reading(
            columns=tuple(c.column for c in self._columns),
            relation=relation,
            state=lambda: self._state,
            unique_key=bool(self._table.primary_key)
            and set(self._stream.primary_key) == set(self._table.primary_key)
            and not self._stream.incremental,
            estimated_rows=None if state else believed,
        )

    def _listing(self) -> str:
        return ", ".join(quote(c.name) for c in self._columns)

    def _scan(self, condition: str, *more: str) -> str:
        """Ask for the rows that `condition` holds for; return the name DuckDB knows them by."""
        listing = ", ".join([*(column.select() for column in self._columns), *more])
        sql = f"SELECT {listing} FROM {self._table.full_name} WHERE {condition}"
        self._rows = Rows(self._db, sql, self._columns)
        self._duck.register(_ROWS, self._rows.reader())
        return _ROWS

    def _incremental(self, state: Json | None) -> str:
        """Note where this sync will end, and return what it reads."""
        field = self._stream.cursor_field or ""
        cursor = next((c for c in self._table.columns if c.name == field), None)
        if cursor is None or cursor.mapping.cursor is None:
            kind = cursor.type_name if cursor else None
            raise config_error(
                f"stream {self._stream.name!r}: column {field!r} ({kind}) cannot be a cursor;"
                " choose one whose values grow, such as an updated_at or a rowversion"
            )
        name = identifier(field)
        position = Position.from_state(state, field)
        if state and position is None:
            self._env.log(
                f"{self._stream.name}: the cursor field has changed, reading from the start"
            )
        position = self._with_airbytes_rule(position, cursor)
        top, low = self._end(cursor)
        window = self._take_window(position, cursor, top, low) if top and low else None
        count = 0
        if top is not None and window is None:
            self._env.log(
                f"{self._stream.name}: too many rows share the cursor's last value to tell them"
                " apart; rows may come twice, choose a finer cursor"
            )
            count = self._count(cursor, top)
        self._state = windows.to_state(
            self._stream.name,
            self._stream.namespace,
            field,
            top if top is not None else (position.cursor if position else None),
            count,
            window,
        )
        below = cursors.below_window(position, name, low, cursor.mapping)
        if top is not None:
            highest = cursors.literal(top, cursor.mapping)
            below += f" AND ({name} <= {highest} OR {name} IS NULL)"
        unseen = self._unseen(position)
        rest = f"SELECT {self._listing()} FROM {self._scan(below)} WHERE {unseen}"
        if window is None:
            return f"({rest})"
        new = f"SELECT {self._listing()} FROM {_WINDOW} WHERE {quote(_NEW)} = 1 AND {unseen}"
        return f"({new} UNION ALL {rest})"

    def _end(self, cursor: SourceColumn) -> tuple[str | None, str | None]:
        """Return the highest value of the cursor and where the window below it begins."""
        name = identifier(cursor.name)
        text = (cursor.mapping.cursor or "{}").replace("{}", name)
        wanted = f"{name} IS NOT NULL"
        if self._without_today:
            wanted += f" AND {cursors.before_today(cursor.type_name, name)}"
        highest = self._values(f"TOP (1) {text}", wanted, name)
        if not highest:
            return None, None
        top = cursors.literal(highest[0], cursor.mapping)
        wanted += f" AND {name} <= {top}"
        margin = cursors.margin(cursor.type_name, top)
        if margin is not None:
            wanted += f" AND {name} >= {margin}"
        size = windows.WINDOW
        found = self._values(f"TOP ({size + 1}) {text}", wanted, name)
        return highest[0], windows.lowest(found, size)

    def _values(self, what: str, condition: str, name: str) -> list[str]:
        sql = f"SELECT {what} AS value FROM {self._table.full_name} WHERE {condition}"
        return [str(row["value"]) for row in query(self._db, f"{sql} ORDER BY {name} DESC")]

    def _take_window(
        self, position: Position | None, cursor: SourceColumn, top: str, low: str
    ) -> Window:
        """Read the window into DuckDB, and mark what may be new in it."""
        name, mapping = identifier(cursor.name), cursor.mapping
        lowest, highest = cursors.literal(low, mapping), cursors.literal(top, mapping)
        condition = f"{name} >= {lowest} AND {name} <= {highest}"
        new = cursors.since(position, name, mapping)
        rows = self._scan(condition, f"CASE WHEN {new} THEN 1 ELSE 0 END AS {identifier(_NEW)}")
        self._duck.execute(f"CREATE OR REPLACE TEMP TABLE {_WINDOW} AS SELECT * FROM {rows}")
        self._duck.unregister(_ROWS)
        names = [c.name for c in self._columns]
        seen = self._duck.execute(
            f"SELECT DISTINCT {cursors.row_hash(names, names)} FROM {_WINDOW}"
        ).fetchall()
        return Window(low, tuple(names), tuple(sorted(row[0] for row in seen)))

    def _unseen(self, position: Position | None) -> str:
        """DuckDB's condition: the previous sync has not read the row as it is."""
        window = position.window if position else None
        if window is None or not window.seen:
            return "TRUE"
        there = [c.name for c in self._columns]
        hashes = ", ".join(f"'{value}'" for value in window.seen)
        return f"{cursors.row_hash(window.columns, there)} NOT IN ({hashes})"

    def _count(self, cursor: SourceColumn, value: str) -> int:
        found = query(
            self._db,
            f"SELECT COUNT_BIG(*) AS n FROM {self._table.full_name} WHERE"
            f" {identifier(cursor.name)} = {cursors.literal(value, cursor.mapping)}",
        )
        return int(found[0]["n"])

    def _with_airbytes_rule(
        self, position: Position | None, cursor: SourceColumn
    ) -> Position | None:
        """Without a window: note whether rows came to the last value."""
        if position is None or position.window is not None or position.cursor is None:
            return position
        if position.count and self._count(cursor, position.cursor) != position.count:
            return Position(position.cursor, position.count, None, again=True)
        return position
