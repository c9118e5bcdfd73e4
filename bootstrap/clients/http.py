"""How the wire APIs are called: short retries while a server starts, errors in words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential

from services.common.errors import (
    LakeletError,
    NotFoundError,
    PermanentError,
    RefusedError,
    TransientError,
)

_BY_STATUS: dict[int, type[LakeletError]] = {
    401: RefusedError,
    403: RefusedError,
    404: NotFoundError,
    429: TransientError,
    502: TransientError,
    503: TransientError,
}


class ApiClient:
    """Calls one server's JSON API."""

    def __init__(self, name: str, base_url: str, *, auth: httpx.Auth | None = None) -> None:
        self.name = name
        self.http = httpx.Client(base_url=base_url, auth=auth, timeout=60, trust_env=False)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the answer's JSON, or None when it has no body.

        Calls that never reached the server are tried again for 20 s. Raises TransientError
        when it stays out of reach, else the error that the status stands for, in its words.
        """
        response = self._send(method, path, body)
        if response.is_success:
            # Money comes as JSON numbers: read as Decimal, not one cent is rounded.
            return response.json(parse_float=Decimal) if response.content else None
        kind = _BY_STATUS.get(response.status_code, PermanentError)
        raise kind(
            f"{self.name}: {method} {path} answered {response.status_code}: {_words(response)}"
        )

    @retry(
        retry=retry_if_exception_type(TransientError),
        stop=stop_after_delay(20),
        wait=wait_exponential(multiplier=0.1, max=2),
        reraise=True,
    )
    def _send(self, method: str, path: str, body: Any) -> httpx.Response:
        try:
            return self.http.request(method, path, json=body)
        except httpx.ConnectError as error:
            raise TransientError(
                f"{self.name} does not answer at {self.http.base_url}: {error}; "
                "`lakelet status` shows what runs"
            ) from error
        except httpx.HTTPError as error:
            # It may have been carried out: trying again is for the caller to decide.
            raise PermanentError(f"{self.name}: {method} {path}: {error!r}") from error


def _words(response: httpx.Response) -> str:
    try:
        document = response.json()
    except ValueError:
        return response.text[:500]
    for key in ("errorMessage", "message", "detail", "error"):
        if isinstance(document, dict) and document.get(key):
            return str(document[key])
    return str(document)[:500]
