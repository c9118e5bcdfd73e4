"""Brings a service's own PostgreSQL database to its newest schema (yoyo: plain SQL, in order)."""

from __future__ import annotations

from pathlib import Path

from yoyo import get_backend, read_migrations


def migrate(dsn: str, folder: Path) -> None:
    """Apply the `*.sql` files of `folder` that `dsn`'s database has not had yet, under a lock.

    `dsn` is a `postgresql://` address. Raises the driver's OperationalError when the
    server cannot be reached.
    """
    backend = get_backend(dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    with backend.lock():
        backend.apply_migrations(backend.to_apply(read_migrations(str(folder))))
