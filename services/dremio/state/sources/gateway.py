"""The DuckDB instance that reaches other databases; it never sees a user's SQL."""

from __future__ import annotations

import duckdb
from duckdb_extensions import import_extension

from services.common.settings import Settings

# Enough for rows on their way; the engine's own instance holds what queries need.
_MEMORY = "256MB"


def open_gateway(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open an in-memory instance with the database scanners."""
    folder = settings.data_dir / "dremio" / "extensions"
    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        ":memory:",
        config={
            "extension_directory": str(folder),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_persistent_secrets": "false",
            "python_enable_replacements": "false",
            "memory_limit": _MEMORY,
            "threads": "2",
        },
    )
    for name in ("icu", "postgres", "mysql"):
        import_extension(name, con=connection)
        connection.execute(f"LOAD {name}")
    for statement in (
        "SET GLOBAL TimeZone = 'UTC'",
        "SET GLOBAL mysql_experimental_filter_pushdown = true",
        "SET GLOBAL lock_configuration = true",
    ):
        connection.execute(statement)
    return connection
