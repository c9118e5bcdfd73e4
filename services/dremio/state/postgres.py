"""The engine's own PostgreSQL database: waits for it, migrates it, pools connections."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import psycopg
from psycopg_pool import ConnectionPool

from services.common.migrations import migrate

_MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"
_log = logging.getLogger(__name__)


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
        timeout=30,
    )
