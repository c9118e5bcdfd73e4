"""Reads tables' metadata documents from the catalog, several in the time of one.

Every query that reflections may answer asks for the state of each table below, so this is on the
shortest path there is: connections stay open, all requests are sent before the first answer is
read, and a document that came byte for byte as before is not parsed again.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

_OPEN = 16
_REMEMBERED = 1000
_SAFE = "/%:@!$&'()*+,;=~-._"
Address = tuple[str, tuple[str, ...], str]
"""A table's bucket, namespace and name."""


def path_of(address: Address) -> str:
    """Return the catalog's path of a table (between the parts of a namespace: 0x1F, escaped)."""
    bucket, namespace, table = address
    return f"/v1/{bucket}/namespaces/{'%1F'.join(namespace)}/tables/{table}"


class MetadataReader:
    """One catalog server. Safe to use from many threads."""

    def __init__(self, uri: str, headers: Callable[[], dict[str, str]]) -> None:
        self._uri = urlsplit(uri)
        self._headers = headers
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._known: dict[Address, tuple[bytes, dict[str, Any]]] = {}

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def ask(self, addresses: Sequence[Address]) -> Callable[[], list[tuple[int, bytes]]]:
        """Ask for tables' documents; return what waits for each one's status and body.

        That must be called, once; it raises OSError or HTTPException.
        """
        headers = self._headers()
        sent: list[http.client.HTTPConnection | None] = []
        for address in addresses:
            connection = self._take()
            try:
                connection.request("GET", self._path(address), headers=headers)
                sent.append(connection)
            except (OSError, http.client.HTTPException):
                connection.close()  # the server has closed it since: `_answer` opens one
                sent.append(None)

        def answers() -> list[tuple[int, bytes]]:
            found: list[tuple[int, bytes]] = []
            try:
                for position, address in enumerate(addresses):
                    opened = sent[position]
                    sent[position] = None
                    found.append(self._answer(opened, address, headers))
            finally:
                for left in sent:
                    if left is not None:
                        left.close()
            return found

        return answers

    def document(self, address: Address, body: bytes) -> dict[str, Any]:
        """Return the metadata in an answer's body. It is shared: nobody may change it."""
        known = self._known.get(address)
        if known is not None and known[0] == body:
            return known[1]
        metadata: dict[str, Any] = json.loads(body)["metadata"]
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[address] = (body, metadata)
        return metadata

    def _answer(
        self,
        connection: http.client.HTTPConnection | None,
        address: Address,
        headers: dict[str, str],
    ) -> tuple[int, bytes]:
        if connection is not None:
            try:
                return self._read(connection)
            except (OSError, http.client.HTTPException):
                connection.close()
        connection = self._new()
        try:
            connection.request("GET", self._path(address), headers=headers)
            return self._read(connection)
        except BaseException:
            connection.close()
            raise

    def _read(self, connection: http.client.HTTPConnection) -> tuple[int, bytes]:
        response = connection.getresponse()
        body = response.read()
        if response.will_close:
            connection.close()
        else:
            with self._lock:
                if len(self._idle) < _OPEN:
                    self._idle.append(connection)
                    return response.status, body
            connection.close()
        return response.status, body

    def _take(self) -> http.client.HTTPConnection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._new()

    def _new(self) -> http.client.HTTPConnection:
        kind = (
            http.client.HTTPSConnection
            if self._uri.scheme == "https"
            else http.client.HTTPConnection
        )
        return kind(self._uri.hostname or "", self._uri.port, timeout=30)

    def _path(self, address: Address) -> str:
        return quote(self._uri.path.rstrip("/") + path_of(address), safe=_SAFE)
