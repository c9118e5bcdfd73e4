"""The Config API's endpoints: path below /api/v1 → body, handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from services.airbyte.handlers.context import Context
from services.airbyte.wire import (
    config_actors,
    config_connections,
    config_definitions,
    config_jobs,
    config_more,
    config_overview,
    config_platform,
    config_web,
)
from services.airbyte.wire.bodies import Body


class Endpoint(NamedTuple):
    """An endpoint: `respond` returns the JSON answer, None for 204."""

    model: type[Body]
    respond: Callable[[Context, Any], Any]
    method: str = "POST"


ENDPOINTS: dict[str, Endpoint] = {
    path: Endpoint(model, respond)
    for table in (
        config_platform.ENDPOINTS,
        config_actors.ENDPOINTS,
        config_connections.ENDPOINTS,
        config_jobs.ENDPOINTS,
        config_overview.ENDPOINTS,
        config_more.ENDPOINTS,
        config_web.ENDPOINTS,
        config_definitions.ENDPOINTS,
    )
    for path, (model, respond) in table.items()
} | {path: Endpoint(model, respond, "GET") for path, (model, respond) in config_web.GETS.items()}
