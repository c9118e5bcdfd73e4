"""A vendor's own server in the place of ours: named by URL, for the contract tests.

CONTRACT_DREMIO=http://USER:PASSWORD@HOST:9047     (Arrow Flight: CONTRACT_DREMIO_FLIGHT_PORT)
CONTRACT_ELASTICSEARCH=http://elastic:PASSWORD@HOST:9200
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import pytest


def dremio(environment: Mapping[str, str] = os.environ) -> dict[str, str] | None:
    """Return the settings (lines of a `.env`) of the Dremio to test; None: ours."""
    if (found := _server(environment, "CONTRACT_DREMIO", 9047)) is None:
        return None
    host, port, user, password = found
    return {
        "DREMIO_HOST": host,
        "DREMIO_PORT": port,
        "DREMIO_FLIGHT_PORT": environment.get("CONTRACT_DREMIO_FLIGHT_PORT") or "32010",
        "ADMIN_USER": user,
        "ADMIN_PASSWORD": password,
    }


def elasticsearch(environment: Mapping[str, str] = os.environ) -> dict[str, str] | None:
    """Return the settings (lines of a `.env`) of the Elasticsearch to test; None: ours.

    Raises ValueError for another user than `elastic`: the tests make and delete everything.
    """
    if (found := _server(environment, "CONTRACT_ELASTICSEARCH", 9200)) is None:
        return None
    host, port, user, password = found
    if user != "elastic":
        raise ValueError(f"CONTRACT_ELASTICSEARCH names user {user!r}; the tests are for 'elastic'")
    return {
        "ELASTICSEARCH_HOST": host,
        "ELASTICSEARCH_PORT": port,
        "ELASTICSEARCH_PASSWORD": password,
    }


def skip_ours(item: pytest.Item, variable: str) -> None:
    """Skip a test marked `ours` when `variable` names a server that is not."""
    mark = item.get_closest_marker("ours")
    if mark is not None and os.environ.get(variable):
        pytest.skip(f"{mark.args[0]}: unset {variable}")


def _server(
    environment: Mapping[str, str], variable: str, usual_port: int
) -> tuple[str, str, str, str] | None:
    address = environment.get(variable)
    if not address:
        return None
    parts = urlsplit(address)
    if parts.scheme != "http" or not (parts.hostname and parts.username and parts.password):
        raise ValueError(f"{variable} has to read http://USER:PASSWORD@HOST:{usual_port}")
    port = str(parts.port or usual_port)
    return parts.hostname, port, unquote(parts.username), unquote(parts.password)
