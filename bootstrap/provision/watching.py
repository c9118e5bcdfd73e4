"""Dremio's sources for watching the platform itself: the log store, and the history of syncs.

Facts: Dremio's ELASTIC source (hostList, authenticationType ES_ACCOUNT, scrollSize) and POSTGRES
source (hostname, port, databaseName, authenticationType MASTER), as its API reference names them.
"""

from __future__ import annotations

from typing import Any

import httpx
from pydantic import SecretStr

from bootstrap.clients.dremio import Dremio
from bootstrap.provision.dremio import ensure_source
from services.common.settings import Settings
from services.common.waiting import wait_until

LOGS, SYNCS = "logs", "airbyte"
_SECRET = "password"  # noqa: S105 - the field's name; its value is never shown
# The first lines are shipped seconds after the services have started.
_FIRST_LINES_SECONDS = 60.0


def ensure_watching(
    dremio: Dremio, settings: Settings, inside: Settings, *, vendors: bool = False
) -> list[str]:
    """Make or correct the sources; return the names of those changed.

    `inside`: the settings as Dremio sees the others. Nothing is done where no log store answers.
    With the vendors' servers there is the history of syncs alone, beside Airbyte's own database;
    their log shipper writes indices of another kind.
    Raises TransientError when no log line arrives.
    """
    if vendors:
        wanted = [_source(SYNCS, "POSTGRES", _history(inside, "monitor", "dremio"))]
    elif _answers(settings):
        wait_until(lambda: _has_lines(settings), seconds=_FIRST_LINES_SECONDS, what="the first log")
        wanted = [
            _source(LOGS, "ELASTIC", _log_store(inside)),
            _source(SYNCS, "POSTGRES", _history(inside, "airbyte", "airbyte")),
        ]
    else:
        wanted = []
    return [entity["name"] for entity in wanted if ensure_source(dremio, entity)]


def watched(dremio: Dremio) -> frozenset[str]:
    """Return which of the sources are there."""
    return frozenset(name for name in (LOGS, SYNCS) if dremio.by_path(name) is not None)


def _source(name: str, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"entityType": "source", "type": kind, "name": name, "config": config}


def _log_store(settings: Settings) -> dict[str, Any]:
    return {
        "hostList": [
            {"hostname": settings.elasticsearch_host, "port": settings.elasticsearch_port}
        ],
        "authenticationType": "ES_ACCOUNT",
        "username": "elastic",
        _SECRET: settings.elasticsearch_password.get_secret_value(),
        "sslEnabled": False,
        "scrollSize": 10_000,
    }


def _history(settings: Settings, database: str, role: str) -> dict[str, Any]:
    secret: SecretStr = getattr(settings, f"{role}_db_password")
    return {
        "hostname": settings.postgres_host,
        "port": str(settings.postgres_port),
        "databaseName": database,
        "authenticationType": "MASTER",
        "username": role,
        _SECRET: secret.get_secret_value(),
    }


def _ask(settings: Settings, path: str) -> httpx.Response:
    password = settings.elasticsearch_password.get_secret_value()
    address = f"{settings.elasticsearch_url}{path}"
    return httpx.get(address, auth=("elastic", password), timeout=10, trust_env=False)


def _answers(settings: Settings) -> bool:
    try:
        return _ask(settings, "/").is_success
    except httpx.TransportError:
        return False


def _has_lines(settings: Settings) -> bool:
    answer = _ask(settings, "/_cat/count/*-logs-*?format=json")
    return answer.is_success and int(answer.json()[0]["count"]) > 0
