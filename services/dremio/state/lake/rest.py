"""A client of the Iceberg REST catalog: what DuckDB cannot tell (names, cheap look-ups)."""

from __future__ import annotations

import threading
import time
from typing import Any

import httpx

from services.dremio.state.errors import DremioError, ErrorKind

Namespace = tuple[str, ...]
# Between the parts of a namespace, by the Iceberg REST specification: 0x1F, escaped.
_SEPARATOR = "%1F"
# What the storage answers (with status 500) for a bucket that is no table bucket.
_PLAIN_BUCKET = "attribute not found: s3tables.metadata"

# What it answers (with 500 too) for a namespace whose name none can have: there is no such one.
_NO_NAME = "namespace name must"


class IcebergRest:
    """One catalog server with one set of credentials; every bucket is a warehouse of it."""

    def __init__(self, uri: str, access_key: str, secret_key: str) -> None:
        self._credentials = (access_key, secret_key)
        self._http = httpx.Client(
            base_url=uri, timeout=30, limits=httpx.Limits(max_connections=16), trust_env=False
        )
        self._token = ""
        self._expires = 0.0
        self._lock = threading.Lock()
        self._creating = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def namespaces(self, bucket: str) -> list[Namespace]:
        """Return every namespace of the bucket, nested ones too."""
        found = self._pages(f"/v1/{bucket}/namespaces", "namespaces")
        return [tuple(parts) for parts in found]

    def tables(self, bucket: str, namespace: Namespace) -> list[str]:
        """Return the names of the tables right in the namespace; none when it does not exist."""
        url = f"/v1/{bucket}/namespaces/{_SEPARATOR.join(namespace)}/tables"
        try:
            found = self._pages(url, "identifiers")
        except DremioError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return []
            raise
        return [entry["name"] for entry in found if tuple(entry["namespace"]) == namespace]

    def load(self, bucket: str, namespace: Namespace, table: str) -> dict[str, Any] | None:
        """Return the table's metadata document, or None when there is no such table."""
        url = f"/v1/{bucket}/namespaces/{_SEPARATOR.join(namespace)}/tables/{table}"
        response = self._send("GET", url)
        if response.status_code == 404:
            return None
        _check(response)
        metadata: dict[str, Any] = response.json()["metadata"]
        return metadata

    def create_namespace(self, bucket: str, namespace: Namespace) -> None:
        """Create the namespace unless it is there.

        One at a time: the storage answers 500 while another call is half-way through.
        """
        body = {"namespace": list(namespace), "properties": {}}
        with self._creating:
            response = self._send("POST", f"/v1/{bucket}/namespaces", json=body)
        if response.status_code != 409:
            _check(response)

    def _pages(self, url: str, field: str) -> list[Any]:
        found: list[Any] = []
        token = ""
        while True:
            params = {"pageSize": "1000", "pageToken": token} if token else {"pageSize": "1000"}
            response = self._send("GET", url, params=params)
            _check(response)
            page = response.json()
            found += page.get(field) or []
            token = page.get("next-page-token") or ""
            if not token:
                return found

    def _send(self, method: str, url: str, **keywords: Any) -> httpx.Response:
        try:
            response = self._http.request(method, url, headers=self._headers(), **keywords)
            if response.status_code == 401:
                self._expires = 0.0
                response = self._http.request(method, url, headers=self._headers(), **keywords)
        except httpx.HTTPError as error:
            raise DremioError(
                ErrorKind.CONNECTION,
                f"The storage's catalog at {self._http.base_url} failed: {error}",
            ) from error
        return response

    def _headers(self) -> dict[str, str]:
        with self._lock:
            if time.monotonic() > self._expires:
                access_key, secret_key = self._credentials
                response = self._http.post(
                    "/v1/oauth/tokens",
                    data={
                        "grant_type": "client_credentials",
                        "client_id": access_key,
                        "client_secret": secret_key,
                        "scope": "PRINCIPAL_ROLE:ALL",
                    },
                )
                _check(response)
                answer = response.json()
                self._token = answer["access_token"]
                self._expires = time.monotonic() + int(answer.get("expires_in", 3600)) * 0.8
            return {"Authorization": f"Bearer {self._token}"}


def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    try:
        message = response.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = response.text[:200] or response.reason_phrase
    kind = {
        400: ErrorKind.VALIDATION,
        401: ErrorKind.PERMISSION,
        403: ErrorKind.PERMISSION,
        404: ErrorKind.NOT_FOUND,
        409: ErrorKind.CONCURRENT_MODIFICATION,
    }.get(response.status_code, ErrorKind.CONNECTION)
    if _PLAIN_BUCKET in message or _NO_NAME in message:
        kind = ErrorKind.NOT_FOUND
    raise DremioError(kind, f"The storage's catalog refused {response.request.url.path}: {message}")
