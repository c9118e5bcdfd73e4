"""Read-only questions to one PostgreSQL database, over a connection that is kept."""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg
from psycopg.rows import TupleRow

_OPTIONS = "-c default_transaction_read_only=on -c statement_timeout=10000"


class Database:
    """Connects when first asked, and anew after the connection was lost."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: psycopg.Connection[TupleRow] | None = None

    def rows(self, sql: LiteralString, values: dict[str, Any] | None = None) -> list[TupleRow]:
        """Return all rows. Raises psycopg.Error."""
        try:
            return self._connected().execute(sql, values).fetchall()
        except psycopg.OperationalError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> psycopg.Connection[TupleRow]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._dsn,
                autocommit=True,
                connect_timeout=5,
                options=_OPTIONS,
                application_name="lakelet-exporter",
            )
        return self._connection
