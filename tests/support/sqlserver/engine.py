"""A database with change tracking, over DuckDB; a session runs a client's batches.

Facts, all from Microsoft's documentation:
- a transaction gets a version when it commits, and all rows it changed get that version ("Change
  tracking: how it works", "sys.dm_tran_commit_table"); the current version is that of the last
  committed transaction ("CHANGE_TRACKING_CURRENT_VERSION");
- a changed primary key is a delete and an insert ("CHANGETABLE", remarks);
- TRUNCATE TABLE is not tracked, and resets the table's tracking as if it had just been switched on
  ("CHANGETABLE", remarks; "CHANGE_TRACKING_MIN_VALID_VERSION");
- clean-up raises the minimum valid version (the same);
- a SNAPSHOT transaction sees what was committed before its first access; without
  ALLOW_SNAPSHOT_ISOLATION that fails with 3952 ("SET TRANSACTION ISOLATION LEVEL").

Not as in the real one: primary keys are not enforced, one transaction writes at a time, a
timestamp's seventh digit is lost, a batch is one statement.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import duckdb

from tests.support.sqlserver import catalog, ddl, translate
from tests.support.sqlserver.catalog import split_name
from tests.support.sqlserver.ddl import SqlError

_NAME = r"((?:\[(?:[^\]]|\]\])+\]|\w+)(?:\.(?:\[(?:[^\]]|\]\])+\]|\w+))?)"


@dataclass
class Result:
    """What a statement gives: rows, or how many it changed."""

    columns: list[tuple[str, str]] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    count: int | None = None
    long: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Table:
    id: int
    keys: tuple[str, ...]
    tracked: bool


class Database:
    """One database."""

    def __init__(self) -> None:
        self.duck = duckdb.connect()
        self.duck.execute("SET TimeZone = 'UTC'")
        self.duck.execute(catalog.SETUP)
        rows = [(name, *numbers[:2]) for name, numbers in catalog.NUMBERS.items()]
        self.duck.executemany("INSERT INTO sys.types VALUES (?, ?, ?)", rows)
        self.writing = threading.Lock()

    def session(self, login: str) -> Session:
        """Begin a session."""
        duck = self.duck.cursor()
        duck.execute("SET search_path = 'dbo'")
        duck.execute("SET VARIABLE login = $1", [login])
        return Session(self, duck)


class Session:
    """One client's."""

    def __init__(self, database: Database, duck: duckdb.DuckDBPyConnection) -> None:
        self._database, self._duck = database, duck
        self._open = self._snapshot = self._holds = False
        self._changes: list[tuple[int, str, tuple[Any, ...]]] = []

    def execute(self, sql: str) -> Result:
        """Run a batch. Raises SqlError."""
        sql = sql.strip().rstrip(";").strip()
        try:
            for pattern, run in _STATEMENTS:
                if match := re.match(pattern, sql, re.IGNORECASE | re.DOTALL):
                    return run(self, match) or Result()
            return self._query(sql)
        except duckdb.CatalogException as error:
            raise SqlError(208, f"Invalid object name: {error}") from error
        except duckdb.Error as error:
            raise SqlError(50000, str(error)) from error

    def close(self) -> None:
        """End the session: what is open is rolled back."""
        self.rollback()
        self._duck.close()

    # Transactions

    def begin(self) -> None:
        """Begin a transaction."""
        if not self._open:
            self._duck.execute("BEGIN TRANSACTION")
            self._open = True

    def commit(self) -> None:
        """Commit: this is where the transaction gets its version."""
        if self._changes:
            row = self._duck.execute(
                "UPDATE tracked.state SET version = version + 1 RETURNING version"
            ).fetchone()
            assert row is not None
            for number, operation, key in self._changes:
                marks = ", ".join("?" * len(key))
                self._duck.execute(
                    f"INSERT INTO tracked.\"{number}\" VALUES (?, nextval('tracked.numbers'), ?,"
                    f" {marks})",
                    [row[0], operation, *key],
                )
        self._end("COMMIT")

    def rollback(self) -> None:
        """Roll back."""
        self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        if self._open:
            self._duck.execute(how)
        self._open = False
        self._changes.clear()
        if self._holds:
            self._database.writing.release()
            self._holds = False

    def _write(self, work: Callable[[], Result | None]) -> Result | None:
        """Run what changes something: within the open transaction, or one of its own."""
        alone = not self._open
        if not self._holds:
            self._database.writing.acquire()
            self._holds = True
        self.begin()
        try:
            result = work()
        except Exception:
            if alone:
                self.rollback()
            raise
        if alone:
            self.commit()
        return result

    # Queries

    def _query(self, sql: str) -> Result:
        if self._snapshot and self._open:
            row = self._duck.execute(
                "SELECT snapshot_isolation_state FROM sys.databases"
            ).fetchone()
            if row != (1,):
                raise SqlError(
                    3952,
                    "Snapshot isolation transaction failed accessing database 'shop' because"
                    " snapshot isolation is not allowed in this database. Use ALTER DATABASE to"
                    " allow snapshot isolation.",
                )
        long = set(re.findall(r"AS n?var(?:char|binary)\(max\)\) AS \[([^\]]+)\]", sql))
        for full in re.findall(rf"\b(?:FROM|JOIN)\s+{_NAME}", sql, re.IGNORECASE):
            long |= set(self._maximal(full))
        sql = re.sub(rf"CHANGETABLE\(CHANGES {_NAME}, (-?\d+|NULL)\)", self._changetable, sql)
        cursor = self._duck.execute(translate.plain(sql))
        described = [(name, str(kind)) for name, kind, *_ in cursor.description or ()]
        return Result(described, cursor.fetchall(), long=frozenset(long))

    def _changetable(self, match: re.Match[str]) -> str:
        table = self._table(match.group(1))
        if not table.tracked:
            raise SqlError(
                22105, f"Change tracking is not enabled on table '{split_name(match.group(1))[1]}'."
            )
        return translate.changes(table.id, list(table.keys), match.group(2))

    def _maximal(self, full: str) -> list[str]:
        rows = self._duck.execute(
            "SELECT c.name FROM sys.columns c JOIN sys.objects o USING (object_id)"
            " WHERE o.name = ? AND c.max_length = -1",
            [split_name(full)[1]],
        ).fetchall()
        return [row[0] for row in rows]

    def _table(self, full: str) -> _Table:
        schema, name = split_name(full)
        row = self._duck.execute(
            "SELECT o.object_id, t.object_id IS NOT NULL FROM sys.objects o JOIN sys.schemas s"
            " USING (schema_id) LEFT JOIN sys.change_tracking_tables t USING (object_id)"
            " WHERE lower(s.name) = lower(?) AND lower(o.name) = lower(?)",
            [schema, name],
        ).fetchone()
        if row is None:
            raise SqlError(208, f"Invalid object name '{schema}.{name}'.")
        keys = self._duck.execute(
            "SELECT c.name FROM sys.index_columns k JOIN sys.columns c USING (object_id, column_id)"
            " WHERE k.object_id = ? ORDER BY k.key_ordinal",
            [row[0]],
        ).fetchall()
        return _Table(row[0], tuple(key[0] for key in keys), row[1])

    # Statements that change rows

    def _insert(self, match: re.Match[str]) -> Result | None:
        def work() -> Result:
            keys = self._changed(match.group(1), match.group())
            return self._note(match.group(1), [("I", key) for key in keys])

        return self._write(work)

    def _delete(self, match: re.Match[str]) -> Result | None:
        def work() -> Result:
            keys = self._changed(match.group(1), match.group())
            return self._note(match.group(1), [("D", key) for key in keys])

        return self._write(work)

    def _update(self, match: re.Match[str]) -> Result | None:
        full, changed, _, condition = match.groups()

        def work() -> Result:
            table = self._table(full)
            moved = any(
                re.search(rf"(?<![\w\]])\[?{re.escape(key)}\]?\s*=", changed, re.IGNORECASE)
                for key in table.keys
            )
            if not moved:
                keys = self._changed(full, match.group())
                return self._note(full, [("U", key) for key in keys])
            listing = ", ".join(f"[{key}]" for key in table.keys)
            before = self._duck.execute(
                translate.plain(f"SELECT {listing} FROM {full} WHERE {condition or '1 = 1'}")
            ).fetchall()
            after = self._changed(full, match.group())
            return self._note(
                full, [*(("D", key) for key in before), *(("I", key) for key in after)]
            )

        return self._write(work)

    def _changed(self, full: str, sql: str) -> list[tuple[Any, ...]]:
        keys = self._table(full).keys or ("1",)
        listing = ", ".join(f"[{key}]" if key != "1" else key for key in keys)
        return self._duck.execute(translate.plain(f"{sql} RETURNING {listing}")).fetchall()

    def _note(self, full: str, changes: list[tuple[str, tuple[Any, ...]]]) -> Result:
        table = self._table(full)
        more = sum({"I": 1, "D": -1}.get(operation, 0) for operation, _ in changes)
        self.run("UPDATE sys.partitions SET rows = rows + ? WHERE object_id = ?", [more, table.id])
        if table.tracked:
            self._changes += [(table.id, operation, key) for operation, key in changes]
        return Result(count=len(changes))

    # Statements that change tables: see `ddl`

    def run(self, sql: str, values: list[Any] | None = None) -> list[Any]:
        """Run DuckDB's SQL; for the statements in `ddl`."""
        return self._duck.execute(sql, values).fetchall()

    def table(self, full: str) -> tuple[int, tuple[str, ...]]:
        """Return a table's object_id and primary key; for the statements in `ddl`."""
        found = self._table(full)
        return found.id, found.keys

    def forget(self, number: int) -> None:
        """Forget uncommitted changes of a table; for the statements in `ddl`."""
        self._changes = [change for change in self._changes if change[0] != number]

    def _isolation(self, match: re.Match[str]) -> None:
        self._snapshot = match.group(1).upper() == "SNAPSHOT"

    def _schema_change(self, run: Callable[[Session, re.Match[str]], None], match: Any) -> Result:
        self._write(lambda: run(self, match))
        return Result()


def _ddl(run: Callable[[Session, re.Match[str]], None]) -> Callable[[Session, Any], Result]:
    return lambda session, match: session._schema_change(run, match)


# The first that fits runs; what fits none is a query.
_STATEMENTS: tuple[tuple[str, Callable[[Session, re.Match[str]], Result | None]], ...] = (
    (r"SET TRANSACTION ISOLATION LEVEL (SNAPSHOT|READ COMMITTED)$", Session._isolation),
    (r"SET \w+", lambda session, match: None),
    (r"BEGIN TRAN(SACTION)?$", lambda session, match: session.begin()),
    (r"COMMIT( TRAN(SACTION)?)?$", lambda session, match: session.commit()),
    (
        r"(IF @@TRANCOUNT > 0 )?ROLLBACK( TRAN(SACTION)?)?$",
        lambda session, match: session.rollback(),
    ),
    (rf"INSERT INTO {_NAME}.*$", Session._insert),
    (rf"UPDATE {_NAME} SET (.*?)( WHERE (.*))?$", Session._update),
    (rf"DELETE FROM {_NAME}.*$", Session._delete),
    *((pattern.replace("<name>", _NAME), _ddl(run)) for pattern, run in ddl.STATEMENTS),
)
