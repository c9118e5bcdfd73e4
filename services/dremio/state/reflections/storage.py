"""Where reflections lie: tables of one DuckDB file of this machine's own.

A table is made whole, in one transaction, and never changed: a build cut short leaves nothing
that can be read. What no record in PostgreSQL speaks of is dropped at the start. The file holds
nothing that cannot be built again, so a damaged one is moved aside.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from pathlib import Path

import duckdb

DATABASE = "lakelet_reflections"
_GRACE_SECONDS = 60.0  # between planning on a segment and reading it lie milliseconds
_log = logging.getLogger(__name__)


def attach(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Open the file in `folder`, before the connection's access to files is closed."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "reflections.duckdb"
    text = str(file).replace("'", "''")
    try:
        connection.execute(f"ATTACH '{text}' AS {DATABASE}")
    except duckdb.Error as error:
        _log.warning("the reflections' file is damaged; they are built anew: %s", error)
        aside = file.with_suffix(f".damaged-{int(time.time())}")
        for each in (file, file.with_name(file.name + ".wal")):
            with contextlib.suppress(FileNotFoundError):
                each.rename(aside.with_name(aside.name + each.suffix))
        connection.execute(f"ATTACH '{text}' AS {DATABASE}")


class Segments:
    """The tables in the file. Safe to use from many threads."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self._database = database
        self._retired: dict[str, float] = {}

    @staticmethod
    def new() -> str:
        """Return a name no table has."""
        return f"s{secrets.token_hex(8)}"

    @staticmethod
    def name(segment: str) -> str:
        """Return how SQL names a segment."""
        return f"{DATABASE}.main.{segment}"

    def all(self) -> set[str]:
        """Return the tables that are there."""
        cursor = self._database.cursor()
        try:
            rows = cursor.execute(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = ?", [DATABASE]
            ).fetchall()
        finally:
            cursor.close()
        return {row[0] for row in rows}

    def size(self, segments: tuple[str, ...]) -> int:
        """Return how many bytes of the file segments take (256 KiB blocks, as allocated)."""
        cursor = self._database.cursor()
        blocks: set[int] = set()
        try:
            with contextlib.suppress(duckdb.Error):  # a query reads now: blocks come later
                cursor.execute(f"CHECKPOINT {DATABASE}")
            for segment in segments:
                rows = cursor.execute(
                    "SELECT DISTINCT block_id "  # noqa: S608 - a name of our own
                    f"FROM pragma_storage_info('{self.name(segment)}')"
                    " WHERE block_id >= 0"
                ).fetchall()
                blocks |= {row[0] for row in rows}
        finally:
            cursor.close()
        return len(blocks) * 262_144

    def retire(self, segments: tuple[str, ...]) -> None:
        """Drop segments a little later: queries that were planned on them may still begin."""
        for segment in segments:
            self._retired[segment] = time.monotonic() + _GRACE_SECONDS

    def sweep(self) -> None:
        """Drop the retired segments whose time has come."""
        due = [s for s, when in list(self._retired.items()) if when <= time.monotonic()]
        for segment in due:
            self.drop(segment)
            self._retired.pop(segment, None)

    def drop(self, segment: str) -> None:
        """Drop a segment; one that is not there is fine."""
        cursor = self._database.cursor()
        try:
            cursor.execute(f"DROP TABLE IF EXISTS {self.name(segment)}")
        except duckdb.Error as error:
            _log.warning("segment %s not dropped: %s", segment, error)
        finally:
            cursor.close()
