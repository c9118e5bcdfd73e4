"""Superset over its REST API: log in, import, ask charts for their data.

Facts: superset.apache.org, API reference. `POST /api/v1/security/login` gives a Bearer token;
calls that change something also need the CSRF token of the same session and a Referer.
"""

from __future__ import annotations

import json
from typing import Any

from bootstrap.clients.http import ApiClient
from services.common.errors import PermanentError
from services.common.settings import Settings

# Importing waits for Superset's look at each new database's schemas.
_IMPORT_SECONDS = 120


class Superset(ApiClient):
    """A logged-in client of one Superset."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("Superset", settings.superset_url)
        body = {
            "username": settings.admin_user,
            "password": settings.admin_password.get_secret_value(),
            "provider": "db",
            "refresh": False,
        }
        token = self.call("POST", "/api/v1/security/login", body)["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"
        csrf = self.call("GET", "/api/v1/security/csrf_token/")["result"]
        self.http.headers["X-CSRFToken"] = csrf
        self.http.headers["Referer"] = settings.superset_url

    def import_bundle(self, content: bytes, passwords: dict[str, str]) -> None:
        """Import a zip of assets in one transaction; what has the same uuid is overwritten.

        Raises PermanentError with Superset's words (a missing password comes as a bare 500).
        """
        response = self.http.post(
            "/api/v1/assets/import/",
            files={"bundle": ("assets.zip", content, "application/zip")},
            data={"passwords": json.dumps(passwords)},
            timeout=_IMPORT_SECONDS,
        )
        if not response.is_success:
            raise PermanentError(
                f"Superset refused the assets ({response.status_code}): {response.text[:1000]}; "
                "`lakelet logs superset` may say more"
            )

    def export(self) -> bytes:
        """Return the zip of all databases, datasets, charts and dashboards."""
        response = self.http.get("/api/v1/assets/export/", timeout=_IMPORT_SECONDS)
        if not response.is_success:
            raise PermanentError(
                f"Superset exports nothing ({response.status_code}): {response.text[:1000]}"
            )
        return response.content

    def dashboard(self, slug: str) -> dict[str, Any]:
        """Return a dashboard by its slug. Raises NotFoundError when there is none."""
        found: dict[str, Any] = self.call("GET", f"/api/v1/dashboard/{slug}")["result"]
        return found

    def charts_of(self, slug: str) -> list[dict[str, Any]]:
        """Return the charts of a dashboard."""
        found: list[dict[str, Any]] = self.call("GET", f"/api/v1/dashboard/{slug}/charts")["result"]
        return found

    def chart_data(self, chart_id: int) -> list[dict[str, Any]]:
        """Run a chart's saved query past the cache; return its result sets.

        Raises PermanentError with the engine's words when the query fails.
        """
        answer = self.call("GET", f"/api/v1/chart/{chart_id}/data/?force=true")
        results: list[dict[str, Any]] = answer["result"]
        for result in results:
            if result.get("error") or result.get("status") not in {"success", None}:
                raise PermanentError(str(result.get("error") or result.get("status")))
        return results
