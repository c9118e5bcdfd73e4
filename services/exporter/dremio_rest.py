"""Questions to Dremio over REST: login, statement, job, its rows (docs.dremio.com, REST API)."""

from __future__ import annotations

import time
from typing import Any

import httpx

from services.common.errors import TransientError
from services.common.settings import Settings

_PAGE = 500  # rows, Dremio's most
_PATIENCE = 30.0  # seconds
_OVER = frozenset({"COMPLETED", "FAILED", "CANCELED"})


class DremioRest:
    """Logs in when first asked, and anew when its token has expired."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = httpx.Client(base_url=settings.dremio_url, timeout=10, trust_env=False)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Run a statement and return its rows. Raises TransientError."""
        try:
            return self._rows(sql)
        except (httpx.HTTPError, KeyError, ValueError) as error:
            raise TransientError(
                f"{self._settings.dremio_url}: {type(error).__name__}: {error}"
            ) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _rows(self, sql: str) -> list[dict[str, Any]]:
        job = self._call("POST", "/api/v3/sql", {"sql": sql})["id"]
        ends = time.monotonic() + _PATIENCE
        while (told := self._call("GET", f"/api/v3/job/{job}"))["jobState"] not in _OVER:
            if time.monotonic() > ends:
                raise TransientError(f"job {job} takes more than {_PATIENCE:.0f} seconds")
            time.sleep(0.1)
        if told["jobState"] != "COMPLETED":
            raise TransientError(f"job {job}: {told.get('errorMessage') or told['jobState']}")
        rows: list[dict[str, Any]] = []
        while len(rows) < (told.get("rowCount") or 0):
            page = f"/api/v3/job/{job}/results?offset={len(rows)}&limit={_PAGE}"
            found = self._call("GET", page)["rows"]
            if not found:
                break
            rows += found
        return rows

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        if "Authorization" not in self._client.headers:
            self._login()
        answer = self._client.request(method, path, json=body)
        if answer.status_code == 401:
            self._login()
            answer = self._client.request(method, path, json=body)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def _login(self) -> None:
        self._client.headers.pop("Authorization", None)
        user = {
            "userName": self._settings.admin_user,
            "password": self._settings.admin_password.get_secret_value(),
        }
        answer = self._client.post("/apiv2/login", json=user)
        answer.raise_for_status()
        self._client.headers["Authorization"] = f"_dremio{answer.json()['token']}"
