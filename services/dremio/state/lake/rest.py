"""A client of the Iceberg REST catalog: what DuckDB cannot tell (names, cheap look-ups)."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.lake.metadata import Address, MetadataReader, path_of

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
        self._metadata = MetadataReader(uri, self._headers)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        self._metadata.close()

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
        return self.load_all([(bucket, namespace, table)])[0]

    def load_all(self, addresses: Sequence[Address]) -> list[dict[str, Any] | None]:
        """Return several tables' metadata documents, read at the same time; None: no such table.

        The documents are shared: nobody may change them.
        """
        return self.ask(addresses)()

    def ask(self, addresses: Sequence[Address]) -> Callable[[], list[dict[str, Any] | None]]:
        """Ask for documents; return what waits for them, as `load_all`. It must be called once."""
        try:
            answers = self._metadata.ask(addresses)
        except (OSError, http.client.HTTPException) as error:
            raise self._failed(error) from error
        return lambda: self._documents(addresses, answers)

    def _documents(
        self,
        addresses: Sequence[Address],
        answers: Callable[[], list[tuple[int, bytes]]],
    ) -> list[dict[str, Any] | None]:
        try:
            found = answers()
            if any(status == 401 for status, _ in found):
                self._expires = 0.0
                found = self._metadata.ask(addresses)()
        except (OSError, http.client.HTTPException) as error:
            raise self._failed(error) from error
        documents: list[dict[str, Any] | None] = []
        for address, (status, body) in zip(addresses, found, strict=True):
            if status == 404:
                documents.append(None)
                continue
            _check(status, body, path_of(address))
            documents.append(self._metadata.document(address, body))
        return documents

    def _failed(self, error: Exception) -> DremioError:
        return DremioError(
            ErrorKind.CONNECTION, f"The storage's catalog at {self._http.base_url} failed: {error}"
        )

    def create_namespace(self, bucket: str, namespace: Namespace) -> None:
        """Create the namespace unless it is there.

        One at a time: the storage answers 500 while another call is half-way through.
        """
        body = {"namespace": list(namespace), "properties": {}}
        with self._creating:
            response = self._send("POST", f"/v1/{bucket}/namespaces", json=body)
        if response.status_code != 409:
            _checked(response)

    def _pages(self, url: str, field: str) -> list[Any]:
        found: list[Any] = []
        token = ""
        while True:
            params = {"pageSize": "1000", "pageToken": token} if token else {"pageSize": "1000"}
            response = self._send("GET", url, params=params)
            _checked(response)
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
            raise self._failed(error) from error
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
                _checked(response)
                answer = response.json()
                self._token = answer["access_token"]
                self._expires = time.monotonic() + int(answer.get("expires_in", 3600)) * 0.8
            return {"Authorization": f"Bearer {self._token}"}


def _checked(response: httpx.Response) -> None:
    _check(response.status_code, response.content, response.request.url.path)


def _check(status: int, body: bytes, path: str) -> None:
    if 200 <= status < 300:
        return
    try:
        message = json.loads(body)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = body[:200].decode("utf-8", "replace") or http.client.responses.get(status, "")
    kind = {
        400: ErrorKind.VALIDATION,
        401: ErrorKind.PERMISSION,
        403: ErrorKind.PERMISSION,
        404: ErrorKind.NOT_FOUND,
        409: ErrorKind.CONCURRENT_MODIFICATION,
    }.get(status, ErrorKind.CONNECTION)
    if _PLAIN_BUCKET in message or _NO_NAME in message:
        kind = ErrorKind.NOT_FOUND
    raise DremioError(kind, f"The storage's catalog refused {path}: {message}")
