"""Dremio over REST: log in, make sources, run SQL.

Facts: docs.dremio.com, REST API reference (login `/apiv2/login`; SQL `/api/v3/sql`;
jobs `/api/v3/job/{id}`, results at most 500 rows a page; catalog `/api/v3/catalog`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import httpx

from bootstrap.clients.http import ApiClient
from services.common.errors import NotFoundError, PermanentError
from services.common.settings import Settings

_PAGE = 500
_RUNNING = {"NOT_SUBMITTED", "STARTING", "RUNNING", "PENDING", "METADATA_RETRIEVAL", "PLANNING",
            "QUEUED", "ENGINE_START", "EXECUTION_PLANNING", "INVALID_STATE"}  # fmt: skip


# The platform's own users of Dremio, beside the administrator.
DBT, SUPERSET = "dbt", "superset"


def can_log_in(settings: Settings, name: str) -> bool:
    """Say whether one of the platform's own users has the password that is derived for it."""
    body = {"userName": name, "password": settings.password_of(name)}
    try:
        answer = httpx.post(
            f"{settings.dremio_url}/apiv2/login", json=body, timeout=30, trust_env=False
        )
    except httpx.HTTPError:
        return False
    return answer.is_success


def login_of(settings: Settings, name: str) -> tuple[str, str]:
    """Return (user, password) that one of the platform's parts asks Dremio with.

    Its own user's; the administrator's where that user could not be made.
    """
    if can_log_in(settings, name):
        return name, settings.password_of(name)
    return settings.admin_user, settings.admin_password.get_secret_value()


class Dremio(ApiClient):
    """A logged-in client of one Dremio."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("Dremio", settings.dremio_url)
        login = self.call(
            "POST",
            "/apiv2/login",
            {
                "userName": settings.admin_user,
                "password": settings.admin_password.get_secret_value(),
            },
        )
        self.http.headers["Authorization"] = f"_dremio{login['token']}"

    def by_path(self, *path: str) -> dict[str, Any] | None:
        """Return the catalog entity at `path`, or None."""
        try:
            place = "/".join(quote(part, safe="") for part in path)
            found: dict[str, Any] = self.call("GET", f"/api/v3/catalog/by-path/{place}")
        except NotFoundError:
            return None
        return found

    def sql(self, statement: str, context: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Run one statement and return its rows. Raises PermanentError with Dremio's words.

        `context`: the path that names without one refer to.
        """
        asked = {"sql": statement, **({"context": list(context)} if context else {})}
        job = self.call("POST", "/api/v3/sql", asked)["id"]
        pause = 0.005
        while (state := self.call("GET", f"/api/v3/job/{job}"))["jobState"] in _RUNNING:
            time.sleep(pause)
            pause = min(pause * 2, 0.5)
        if state["jobState"] != "COMPLETED":
            raise PermanentError(
                f"Dremio: {state['jobState'].lower()}: {state.get('errorMessage')} in: {statement}"
            )
        rows: list[dict[str, Any]] = []
        while len(rows) < (state.get("rowCount") or 0):
            page = self.call("GET", f"/api/v3/job/{job}/results?offset={len(rows)}&limit={_PAGE}")[
                "rows"
            ]
            if not page:
                break
            rows += page
        return rows
