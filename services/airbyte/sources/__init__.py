"""Built-in sources, by the name their definition gives as `connector`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from services.airbyte.cdk.source import Source
from services.common.errors import NotFoundError

_MODULES = {
    "postgres": "services.airbyte.sources.postgres.source",
    "mysql": "services.airbyte.sources.mysql.source",
    "file": "services.airbyte.sources.file.source",
}


def source(connector: str) -> Source:
    """Return the built-in source `connector`. Raises NotFoundError."""
    if connector not in _MODULES:
        raise NotFoundError(f"there is no built-in source {connector!r}")
    build: Callable[[], Source] = import_module(_MODULES[connector]).build
    return build()
