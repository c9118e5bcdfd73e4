"""The server's own PostgreSQL database: pool, migrations, JSON values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import ConnectionPool

from services.common.migrations import migrate

MIGRATIONS = Path(__file__).parents[1] / "migrations"

Row = dict[str, Any]
Db = Connection[DictRow]
Pool = ConnectionPool[Db]

# A session-wide advisory lock: the one server that may run jobs of this database.
LEADER_LOCK = 0x1A4E1E7

set_json_dumps(lambda value: orjson.dumps(value, default=str))
set_json_loads(orjson.loads)


def open_pool(dsn: str, *, size: int = 8) -> Pool:
    """Return a pool that connects in the background and reconnects when the server comes back.

    A caller that gets no connection within 10 s sees psycopg_pool.PoolTimeout.
    """
    return ConnectionPool(
        dsn,
        min_size=1,
        max_size=size,
        timeout=10,
        open=True,
        check=ConnectionPool.check_connection,
        kwargs={"row_factory": dict_row},
        connection_class=Connection[DictRow],
    )


def connect(dsn: str) -> Db:
    """Open one connection of its own, outside any pool. Raises psycopg.OperationalError."""
    return Connection[DictRow].connect(dsn, row_factory=dict_row, autocommit=True)


def prepare(dsn: str) -> None:
    """Bring the database to its newest schema."""
    migrate(dsn, MIGRATIONS)
