"""DuckDB as the engine of a sync: its extensions, limits and access to S3."""

from __future__ import annotations

from pathlib import Path

import duckdb
from duckdb_extensions import import_extension

from services.airbyte.cdk.columns import literal

_WHEELS = {"postgres_scanner": "postgres", "mysql_scanner": "mysql"}


def connect(folder: Path, *extensions: str, memory: str = "512MB") -> duckdb.DuckDBPyConnection:
    """Open an in-memory database with `extensions` loaded; it spills into `folder`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    duck = duckdb.connect(
        config={
            "memory_limit": memory,
            "temp_directory": str(folder),
            "preserve_insertion_order": "false",
            # Extensions come from wheels, which were checked by their hashes, and from nowhere
            # else. Their signatures would be checked anew by every sync: 60 MB to be hashed.
            "allow_unsigned_extensions": "true",
            "autoinstall_known_extensions": "false",
            # It makes an aggregate of "the last row of each key", which does not spill.
            "disabled_optimizers": "top_n_window_elimination",
        }
    )
    for name in ("icu", *extensions):
        load(duck, name)
    duck.execute("SET TimeZone = 'UTC'")
    duck.execute("SET enable_progress_bar = false")  # it would stand in the service's log
    return duck


def load(duck: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension; one that is not installed yet comes from its wheel."""
    try:
        duck.execute(f"LOAD {name}")
    except duckdb.IOException:
        # Not installed for this user yet: the wheel carries it, nothing is downloaded.
        import_extension(_WHEELS.get(name, name), con=duck)
        duck.execute(f"LOAD {name}")


def grant_s3(
    duck: duckdb.DuckDBPyConnection,
    name: str,
    *,
    endpoint: str,
    key: str,
    secret: str,
    region: str,
    scope: str = "s3://",
    secure: bool = False,
) -> None:
    """Let `duck` read and write `scope` at `endpoint` (`host:port`)."""
    options = {
        "TYPE": "s3",
        "KEY_ID": literal(key),
        "SECRET": literal(secret),
        "ENDPOINT": literal(endpoint),
        "URL_STYLE": "path",
        "USE_SSL": str(secure).lower(),
        "REGION": literal(region or "us-east-1"),
        "SCOPE": literal(scope),
    }
    listing = ", ".join(f"{option} {value}" for option, value in options.items())
    duck.execute(f"CREATE OR REPLACE SECRET {name} ({listing})")
