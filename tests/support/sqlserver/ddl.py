"""Statements that change tables, and switch tracking on and off."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any, Protocol

from tests.support.sqlserver import catalog, translate
from tests.support.sqlserver.catalog import Column, split_name, unquoted


class SqlError(Exception):
    """An error with the server's number."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


class Session(Protocol):
    """What a statement works with."""

    def run(self, sql: str, values: list[Any] | None = None) -> list[Any]: ...

    def table(self, full: str) -> tuple[int, tuple[str, ...]]: ...

    def forget(self, number: int) -> None: ...


Match = re.Match[str]


def _quoted(full: str) -> str:
    return ".".join(f'"{part}"' for part in split_name(full))


def _create(session: Session, match: Match) -> None:
    columns, key = catalog.columns(match.group(2))
    schema, name = split_name(match.group(1))
    listing = ", ".join(f'"{c.name}" {c.stored}' for c in columns)
    session.run(f"CREATE TABLE {_quoted(match.group(1))} ({listing})")
    ((number,),) = session.run("SELECT nextval('tracked.ids')")
    session.run(
        "INSERT INTO sys.objects SELECT ?, schema_id, ?, 'U', 0 FROM sys.schemas WHERE name = ?",
        [number, name, schema],
    )
    for column in columns:
        _declare(session, number, column)
    session.run("INSERT INTO sys.partitions VALUES (?, ?, 0)", [number, 1 if key else 0])
    if key:
        session.run("INSERT INTO sys.indexes VALUES (?, 1, true)", [number])
    for position, part in enumerate(key, 1):
        session.run(
            "INSERT INTO sys.index_columns SELECT object_id, 1, column_id, ? FROM sys.columns"
            " WHERE object_id = ? AND name = ?",
            [position, number, part],
        )


def _declare(session: Session, number: int, column: Column) -> None:
    system, user, _ = catalog.NUMBERS[column.type]
    session.run(
        "INSERT INTO sys.columns SELECT ?, coalesce(max(column_id), 0) + 1, ?, ?, ?, ?, ?, ?"
        " FROM sys.columns WHERE object_id = ?",
        [number, column.name, system, user, column.length, column.precision, column.scale, number],
    )


def _view(session: Session, match: Match) -> None:
    schema, name = split_name(match.group(1))
    session.run(f"CREATE VIEW {_quoted(match.group(1))} AS {translate.plain(match.group(2))}")
    ((number,),) = session.run("SELECT nextval('tracked.ids')")
    session.run(
        "INSERT INTO sys.objects SELECT ?, schema_id, ?, 'V', 0 FROM sys.schemas WHERE name = ?",
        [number, name, schema],
    )
    for name, kind, *_ in session.run(f"DESCRIBE {_quoted(match.group(1))}"):
        found = next(t for t, stored in translate.TYPES.items() if stored == kind)
        size = "(4000)" if found in ("nvarchar", "binary") else ""
        _declare(session, number, catalog.column(f"[{name}] {found}{size}"))


def _schema(session: Session, match: Match) -> None:
    name = unquoted(match.group(1))
    session.run(f'CREATE SCHEMA "{name}"')
    session.run("INSERT INTO sys.schemas SELECT max(schema_id) + 1, ? FROM sys.schemas", [name])


def _drop(session: Session, match: Match) -> None:
    number, _ = session.table(match.group(1))
    session.run(f"DROP TABLE {_quoted(match.group(1))}")
    _untrack(session, number)
    for view in ("objects", "columns", "indexes", "index_columns", "partitions"):
        session.run(f"DELETE FROM sys.{view} WHERE object_id = ?", [number])


def _add(session: Session, match: Match) -> None:
    column = catalog.column(match.group(2))
    session.run(f'ALTER TABLE {_quoted(match.group(1))} ADD COLUMN "{column.name}" {column.stored}')
    _declare(session, session.table(match.group(1))[0], column)


def _alter(session: Session, match: Match) -> None:
    column = catalog.column(match.group(2))
    number, _ = session.table(match.group(1))
    place = _quoted(match.group(1))
    session.run(f'ALTER TABLE {place} ALTER COLUMN "{column.name}" TYPE {column.stored}')
    system, user, _ = catalog.NUMBERS[column.type]
    session.run(
        "UPDATE sys.columns SET system_type_id = ?, user_type_id = ?, max_length = ?,"
        " precision = ?, scale = ? WHERE object_id = ? AND name = ?",
        [system, user, column.length, column.precision, column.scale, number, column.name],
    )


def _remove(session: Session, match: Match) -> None:
    name = unquoted(match.group(2))
    session.run(f'ALTER TABLE {_quoted(match.group(1))} DROP COLUMN "{name}"')
    number, _ = session.table(match.group(1))
    session.run("DELETE FROM sys.columns WHERE object_id = ? AND name = ?", [number, name])


def _track(session: Session, match: Match) -> None:
    number, keys = session.table(match.group(1))
    if not keys:
        raise SqlError(
            4997,
            f"Cannot enable change tracking on table '{split_name(match.group(1))[1]}'. Change"
            " tracking requires a primary key on the table. Create a primary key on the table"
            " before enabling change tracking.",
        )
    kinds = {row[0]: row[1] for row in session.run(f"DESCRIBE {_quoted(match.group(1))}")}
    listing = ", ".join(f'"{key}" {kinds[key]}' for key in keys)
    session.run(
        f'CREATE TABLE tracked."{number}" (version BIGINT, n BIGINT, op VARCHAR, {listing})'
    )
    session.run(
        "INSERT INTO sys.change_tracking_tables SELECT ?, version, version, version"
        " FROM tracked.state",
        [number],
    )
    session.run(
        "INSERT INTO sys.internal_tables VALUES (nextval('tracked.ids'), ?, 209, ?)",
        [number, datetime.datetime.now(datetime.UTC).replace(tzinfo=None)],
    )


def _untrack(session: Session, number: int) -> None:
    session.run(f'DROP TABLE IF EXISTS tracked."{number}"')
    session.run("DELETE FROM sys.change_tracking_tables WHERE object_id = ?", [number])
    session.run("DELETE FROM sys.internal_tables WHERE parent_id = ?", [number])
    session.forget(number)


def _truncate(session: Session, match: Match) -> None:
    number, _ = session.table(match.group(1))
    session.run(f"DELETE FROM {_quoted(match.group(1))}")
    session.run("UPDATE sys.partitions SET rows = 0 WHERE object_id = ?", [number])
    tracked = session.run("SELECT 1 FROM sys.change_tracking_tables WHERE object_id = ?", [number])
    if tracked:
        session.run("UPDATE tracked.state SET version = version + 1")
        session.run(f'DELETE FROM tracked."{number}"')
        session.run(
            "UPDATE sys.change_tracking_tables SET begin_version = s.version,"
            " min_valid_version = s.version FROM tracked.state AS s WHERE object_id = ?",
            [number],
        )
    session.forget(number)


def _database(session: Session, match: Match) -> None:
    what, state = match.group(1).upper(), match.group(2).upper()
    if what == "CHANGE_TRACKING":
        if state == "OFF" and session.run("SELECT 1 FROM sys.change_tracking_tables"):
            raise SqlError(
                22115,
                "Change tracking is enabled for one or more tables in the database. Disable change"
                " tracking on each table before disabling it for the database.",
            )
        version = "coalesce(version, 0)" if state == "ON" else "NULL"
        session.run(f"UPDATE tracked.state SET version = {version}")
    else:
        session.run(
            "UPDATE sys.databases SET snapshot_isolation_state = ?", [1 if state == "ON" else 0]
        )


def _deny(session: Session, match: Match) -> None:
    what = "select" if match.group(1).upper() == "SELECT" else "changes"
    number, _ = session.table(match.group(2))
    session.run("INSERT INTO sys.denied VALUES (?, ?, ?)", [match.group(3), number, what])


# `<name>` stands for a table's name. The first that fits runs.
STATEMENTS: tuple[tuple[str, Callable[[Any, Match], None]], ...] = (
    (r"CREATE TABLE <name>\s*\((.*)\)$", _create),
    (r"CREATE VIEW <name> AS (.*)$", _view),
    (r"CREATE SCHEMA (\S+)$", _schema),
    (r"DROP TABLE <name>$", _drop),
    (r"TRUNCATE TABLE <name>$", _truncate),
    (
        r"ALTER TABLE <name> ENABLE CHANGE_TRACKING.*$",
        _track,
    ),
    (
        r"ALTER TABLE <name> DISABLE CHANGE_TRACKING$",
        lambda session, match: _untrack(session, session.table(match.group(1))[0]),
    ),
    (r"ALTER TABLE <name> ALTER COLUMN (.*)$", _alter),
    (r"ALTER TABLE <name> DROP COLUMN (\S+)$", _remove),
    (r"ALTER TABLE <name> ADD (.*)$", _add),
    (
        r"ALTER DATABASE \S+ SET (CHANGE_TRACKING) = (ON|OFF).*$",
        _database,
    ),
    (
        r"ALTER DATABASE \S+ SET (ALLOW_SNAPSHOT_ISOLATION) (ON|OFF)$",
        _database,
    ),
    (r"DENY (SELECT|VIEW CHANGE TRACKING) ON <name> TO (\S+)$", _deny),
)
