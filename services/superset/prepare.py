"""Brings Superset's database to this version: migrations, roles, the administrator.

Done inside the serving process and recorded in the database (`lakelet.prepared`), so that a
start that finds it done costs one query. Safe to kill at any point: the record is written
last; each migration, the roles and the user are each one transaction; a second process waits
on an advisory lock that PostgreSQL frees when its holder's connection ends.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import event
from sqlalchemy.engine import Engine

log = logging.getLogger("lakelet.superset")

_LOCK = 0x1A4E1E7  # any number, the same in every process that prepares
_HERE = Path(__file__).parent

_TABLE = """
CREATE SCHEMA IF NOT EXISTS lakelet;
CREATE TABLE IF NOT EXISTS lakelet.prepared (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version text NOT NULL,
    administrator text NOT NULL
);
"""


def wanted_version() -> str:
    """Return what a prepared database is stamped with: the packages and our own two files."""
    own = hashlib.sha256()
    for name in ("prepare.py", "superset_config.py"):
        own.update((_HERE / name).read_bytes())
    packages = " ".join(f"{p}={version(p)}" for p in ("apache-superset", "flask-appbuilder"))
    return f"{packages} lakelet={own.hexdigest()[:16]}"


def administrator_mark(key: str, user: str, password: str) -> str:
    """Return a keyed digest that changes with the user's name or password and tells neither.

    The key (Superset's SECRET_KEY) is not in the database, so a dump gives nothing to try
    passwords against.
    """
    message = f"{user}\0{password}".encode()
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


def prepare(app: Any) -> None:
    """Do what `app`'s database still lacks, and record it.

    Raises what the migration or the database raises; nothing is recorded then.
    """
    user = os.environ["LAKELET_ADMIN_USER"]
    password = os.environ["LAKELET_ADMIN_PASSWORD"]
    wanted = (wanted_version(), administrator_mark(app.config["SECRET_KEY"], user, password))
    dsn = os.environ["LAKELET_DATABASE_URI"]
    if _recorded(dsn) == wanted:
        return
    with _locked(dsn) as connection:
        found = _recorded(dsn)
        if found == wanted:
            return
        started = time.monotonic()
        with app.app_context(), _lazy_commits():
            if found is None or found[0] != wanted[0]:
                _migrate(app)
            _administrator(user, password)
        _record(connection, wanted)
        log.info("database prepared", extra={"seconds": round(time.monotonic() - started, 2)})


def _recorded(dsn: str) -> tuple[str, str] | None:
    connection = psycopg2.connect(dsn)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('lakelet.prepared')")
            if cursor.fetchone() == (None,):
                return None
            cursor.execute("SELECT version, administrator FROM lakelet.prepared")
            row: tuple[str, str] | None = cursor.fetchone()
            return row
    finally:
        connection.close()


def _record(connection: Any, done: tuple[str, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO lakelet.prepared (version, administrator) VALUES (%s, %s)"
            " ON CONFLICT (only_row) DO UPDATE"
            " SET version = excluded.version, administrator = excluded.administrator",
            done,
        )


@contextmanager
def _locked(dsn: str) -> Iterator[Any]:
    """Hold the preparing lock on a connection of its own; yields that connection."""
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            cursor.execute(_TABLE)
        yield connection
    finally:
        connection.close()


@contextmanager
def _lazy_commits() -> Iterator[None]:
    """Let commits return before they are on disk, for connections opened inside.

    Hundreds of small migrations wait for the disk otherwise. The record, which is committed
    with a wait, comes after them in the log, so it never outlives them.
    """

    def relax(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
        connection.commit()

    from superset.extensions import db

    db.engine.dispose()
    event.listen(Engine, "connect", relax)
    try:
        yield
    finally:
        event.remove(Engine, "connect", relax)
        db.session.remove()
        db.engine.dispose()


def _migrate(app: Any) -> None:
    import superset
    from flask_migrate import upgrade
    from superset.extensions import appbuilder, security_manager
    from superset.utils.decorators import transaction

    log.info("preparing the database (migrations, roles)")
    with redirect_stdout(io.StringIO()):  # some migrations print; the log is JSON lines
        upgrade(directory=str(Path(superset.__file__).parent / "migrations"))

    @transaction()  # type: ignore[untyped-decorator]
    def roles() -> None:
        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()

    roles()
    app.sync_config_to_db()


def _administrator(user: str, password: str) -> None:
    """Make `user` an active administrator with this password."""
    from superset.extensions import db, security_manager

    role = security_manager.find_role("Admin")
    found = security_manager.find_user(username=user)
    if found is None:
        found = security_manager.add_user(
            user, "Lakelet", "Admin", f"{user}@lakelet.local", role, password=password
        )
        if not found:
            raise RuntimeError(f"Superset did not make the user {user!r}; its log says why")
        return
    if role not in found.roles:
        found.roles.append(role)
    found.active = True
    security_manager.reset_password(found.id, password)
    db.session.commit()
