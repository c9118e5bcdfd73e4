"""Dremio's sources for watching the platform itself: the log store, and the history of syncs.

Facts: Dremio's ELASTIC source (hostList, authenticationType ES_ACCOUNT, scrollSize) and POSTGRES
source (hostname, port, databaseName, authenticationType MASTER), as its API reference names them.
"""

from __future__ import annotations

from typing import Any

import httpx

from bootstrap.clients.dremio import Dremio
from services.common.settings import Settings
from services.common.waiting import wait_until

LOGS, SYNCS = "logs", "airbyte"
_SECRET = "password"  # noqa: S105 - the field's name; its value is never shown
# The first lines are shipped seconds after the services have started.
_FIRST_LINES_SECONDS = 60.0


def ensure_watching(dremio: Dremio, settings: Settings, inside: Settings) -> list[str]:
    """Make or correct both sources; return the names of those changed.

    `inside`: the settings as Dremio sees the others. Nothing is done where no log store answers.
    Raises TransientError when no log line arrives.
    """
    if not _answers(settings):
        return []
    wait_until(lambda: _has_lines(settings), seconds=_FIRST_LINES_SECONDS, what="the first log")
    changed = []
    for name, kind, config in (
        (LOGS, "ELASTIC", _log_store(inside)),
        (SYNCS, "POSTGRES", _history(inside)),
    ):
        present = dremio.by_path(name)
        entity: dict[str, Any] = {"entityType": "source", "type": kind, "name": name}
        entity["config"] = config
        if present is None:
            dremio.call("POST", "/api/v3/catalog", entity)
        elif not _agrees(present.get("config", {}), config):
            entity |= {"id": present["id"], "tag": present.get("tag")}
            dremio.call("PUT", f"/api/v3/catalog/{present['id']}", entity)
        else:
            continue
        changed.append(name)
    return changed


def is_watched(dremio: Dremio) -> bool:
    """Say whether both sources are there."""
    return all(dremio.by_path(name) is not None for name in (LOGS, SYNCS))


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


def _history(settings: Settings) -> dict[str, Any]:
    return {
        "hostname": settings.postgres_host,
        "port": str(settings.postgres_port),
        "databaseName": "airbyte",
        "authenticationType": "MASTER",
        "username": "airbyte",
        _SECRET: settings.airbyte_db_password.get_secret_value(),
    }


def _agrees(present: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(present.get(key) == value for key, value in wanted.items() if key != _SECRET)


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
