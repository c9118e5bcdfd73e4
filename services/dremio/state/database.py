"""The one DuckDB instance: bounded memory, no way to the machine's files, settings locked."""

from __future__ import annotations

import logging
from pathlib import Path

import duckdb
from duckdb_extensions import import_extension

from services.common.settings import Settings
from services.dremio.sql import functions
from services.dremio.state.reflections.storage import attach as attach_reflections

_EXTENSIONS = ("httpfs", "avro", "iceberg", "icu", "delta")
_log = logging.getLogger(__name__)


def literal(text: str) -> str:
    """Return `text` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Return `name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def open_database(settings: Settings, *addresses: str) -> duckdb.DuckDBPyConnection:
    """Open an in-memory instance with the extensions the engine needs, then lock it.

    After this no statement can read or write local files but those of the inbox, load extensions
    or change settings. `addresses`: what else it may reach.
    Spilling goes to `<data_dir>/dremio/spill`.
    """
    home = settings.data_dir / "dremio"
    spill = _fresh(home / "spill")
    extensions = home / "extensions"
    extensions.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        ":memory:",
        config={
            "extension_directory": str(extensions),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "allow_persistent_secrets": "false",
            "python_enable_replacements": "false",
            "memory_limit": settings.dremio_memory_limit,
            "threads": str(settings.dremio_threads),
            "temp_directory": str(spill),
            "preserve_insertion_order": "true",
        },
    )
    for name in _EXTENSIONS:
        import_extension(name, con=connection)
        connection.execute(f"LOAD {name}")
    functions.install(connection)
    attach_reflections(connection, home / "reflections")
    inbox = settings.inbox_dir
    inbox.mkdir(parents=True, exist_ok=True)
    directories = ["s3://", settings.iceberg_uri, *addresses, str(spill), str(home / "reflections")]
    directories.append(str(inbox.resolve()))
    for statement in (
        "SET GLOBAL TimeZone = 'UTC'",
        # Dremio: 5/2 is 2; nulls are the highest values.
        "SET GLOBAL integer_division = true",
        "SET GLOBAL default_null_order = 'nulls_last_on_asc_first_on_desc'",
        # Writers here sort the rows themselves (LOCALSORT BY); DuckDB would refuse such tables.
        "SET GLOBAL unsafe_iceberg_ignore_sort_order = true",
        f"SET GLOBAL allowed_directories = [{', '.join(literal(d) for d in directories)}]",
        # The Iceberg writer asks whether a relative path `data` may be touched; it never is.
        "SET GLOBAL allowed_paths = ['data']",
        "SET GLOBAL enable_external_access = false",
        # Figures of a query for its profile; where they would be written stays locked.
        "SET GLOBAL allowed_configs = ['enable_profiling', 'streaming_buffer_size']",
        "SET GLOBAL lock_configuration = true",
    ):
        connection.execute(statement)
    return connection


def _fresh(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        if left.is_file():
            left.unlink()
    return folder
