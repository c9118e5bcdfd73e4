"""Sources: built-in ones by the name their definition gives as `connector`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from services.airbyte.cdk.source import Source
from services.airbyte.sources.protocol.launch import is_launch, parse
from services.common.errors import NotFoundError

_MODULES = {
    "postgres": "services.airbyte.sources.postgres.source",
    "mysql": "services.airbyte.sources.mysql.source",
    "sqlserver": "services.airbyte.sources.sqlserver.source",
    "file": "services.airbyte.sources.file.source",
    "mongodb": "services.airbyte.sources.mongodb.source",
}


def source(connector: str) -> Source:
    """Return the source that a definition names as `connector`. Raises NotFoundError."""
    if is_launch(connector):
        from services.airbyte.sources.protocol.source import ProtocolSource

        return ProtocolSource(parse(connector))
    if connector not in _MODULES:
        raise NotFoundError(f"there is no built-in source {connector!r}")
    build: Callable[[], Source] = import_module(_MODULES[connector]).build
    return build()
