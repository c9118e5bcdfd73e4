"""The engine's own PostgreSQL database: waits for it, migrates it, pools connections."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from services.common.migrations import migrate
from services.dremio.state.errors import DremioError, ErrorKind

_MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"
_log = logging.getLogger(__name__)


@contextmanager
def connected(pool: ConnectionPool) -> Iterator[psycopg.Connection]:
    """Lend a connection. Raises DremioError (RESOURCE) when the database cannot be reached."""
    try:
        with pool.connection() as connection:
            yield connection
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise DremioError(
            ErrorKind.RESOURCE, f"The engine's own database cannot be reached: {error}"
        ) from error


def open_pool(dsn: str, stop: threading.Event, size: int = 4) -> ConnectionPool:
    """Wait until PostgreSQL answers (or `stop` is set), migrate, and return a pool.

    Raises psycopg.OperationalError when stopped before it answered.
    """
    delay = 0.1
    while True:
        try:
            migrate(dsn, _MIGRATIONS)
            break
        except psycopg.OperationalError:
            if stop.wait(delay):
                raise
            _log.info("PostgreSQL does not answer yet", extra={"retry_seconds": delay})
            delay = min(delay * 2, 2.0)
    return ConnectionPool(
        dsn,
        min_size=1,
        max_size=size,
        kwargs={"autocommit": True},
        check=ConnectionPool.check_connection,
        open=True,
        timeout=10,
    )
