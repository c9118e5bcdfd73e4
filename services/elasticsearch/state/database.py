"""DuckDB: one file, one writer at a time, a cursor for each reading thread."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

_PARAMETER = re.compile(r"\$(p\d+)")
# Rows; DuckDB's own is 122,880. A checkpoint adds groups of its own and puts groups together when
# three of them hold what was in four: of a size that three of a checkpoint are full, that is rare,
# and never half a gigabyte read, kept and written again while lines come in.
_ROW_GROUP = 12 * 2048
_SCHEMA = "CREATE TABLE IF NOT EXISTS meta (kind VARCHAR, name VARCHAR, body VARCHAR)"


class Database:
    """The store's DuckDB database.

    A commit is on disk (in the write-ahead log) when `writing` has ended, so what was
    acknowledged after it survives kill -9. `memory_limit` in DuckDB's notation ("160MB").
    """

    def __init__(self, path: Path, *, memory_limit: str, threads: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        spill = path.parent / "spill"
        self._connection = duckdb.connect(
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "temp_directory": str(spill),
                "max_temp_directory_size": "2GB",
                # Each checkpoint writes the last rows anew: a third faster than at 16 MB.
                "checkpoint_threshold": "32MB",
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        self.path = path
        self._lock = threading.RLock()
        self._local = threading.local()
        quoted = str(path).replace("'", "''")
        self._connection.execute(f"ATTACH '{quoted}' AS store (ROW_GROUP_SIZE {_ROW_GROUP})")
        self._writer = self._new_cursor()
        self._writer.execute("SET enable_external_access = false")
        self._writer.execute(_SCHEMA)

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """One transaction of the one writer: committed at the end, rolled back on an error."""
        with self._lock:
            self._writer.execute("BEGIN")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other writers out, over several transactions."""
        with self._lock:
            yield

    def snapshot(self) -> duckdb.DuckDBPyConnection:
        """Return a new cursor whose reads all see the data as of now; roll it back to end it."""
        cursor = self._new_cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT count(*) FROM meta").fetchall()
        return cursor

    def rows(
        self,
        sql: str,
        parameters: dict[str, Any] | None = None,
        on: duckdb.DuckDBPyConnection | None = None,
    ) -> list[tuple[Any, ...]]:
        """Run a read on `on`, by default on this thread's own cursor, and return its rows.

        Of `parameters` only those that `sql` names are passed.
        """
        cursor = on or self._cursor()
        if not parameters:
            return cursor.execute(sql).fetchall()
        used = set(_PARAMETER.findall(sql))
        return cursor.execute(sql, {k: v for k, v in parameters.items() if k in used}).fetchall()

    def size(self) -> int:
        """Return the bytes on disk, write-ahead log included."""
        files = (self.path, self.path.with_name(self.path.name + ".wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        """Write the log back into the file and close it."""
        with self._lock:
            self._connection.close()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = self._local.cursor = self._new_cursor()
        return cursor

    def _new_cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self._connection.cursor()
        cursor.execute("USE store")
        return cursor
