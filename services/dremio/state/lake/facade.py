"""Plain buckets behind the Iceberg REST protocol, for this process' own DuckDB alone.

DuckDB writes Iceberg through REST catalogs only. This one listens on the loopback address,
asks for a key that no one else knows, and keeps tables as `hadoop` does.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.lake.hadoop import HadoopCatalog

_log = logging.getLogger(__name__)
_STATUS = {
    ErrorKind.NOT_FOUND: (404, "NoSuchTableException"),
    ErrorKind.CONFLICT: (409, "AlreadyExistsException"),
    ErrorKind.CONCURRENT_MODIFICATION: (409, "CommitFailedException"),
    ErrorKind.PERMISSION: (403, "ForbiddenException"),
    ErrorKind.VALIDATION: (400, "BadRequestException"),
}


class Facade:
    """Serves the catalogs that are given to it, each under a name of its own."""

    def __init__(self) -> None:
        self.key = secrets.token_urlsafe(32)
        self._catalogs: dict[str, HadoopCatalog] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="facade", daemon=True).start()

    @property
    def uri(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(self, name: str, catalog: HadoopCatalog) -> str:
        """Serve a catalog under a name; return its base address."""
        self._catalogs[name] = catalog
        return f"{self.uri}/{name}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, address: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Return (status, document) for a request of the Iceberg REST protocol."""
        url = urlsplit(address)
        parts = [unquote(part) for part in url.path.split("/") if part]
        if len(parts) < 3 or parts[0] not in self._catalogs or parts[1] != "v1":
            return _error(404, "NoSuchEndpointException", address)
        if parts[2] == "config":
            bucket = dict(p.partition("=")[::2] for p in url.query.split("&")).get("warehouse", "")
            return 200, {"defaults": {}, "overrides": {"prefix": unquote(bucket)}}
        try:
            return _tables(self._catalogs[parts[0]], method, parts[2], parts[3:], body)
        except DremioError as error:
            status, kind = _STATUS.get(error.kind, (500, "ServiceFailureException"))
            return _error(status, kind, str(error))


def _tables(
    catalog: HadoopCatalog, method: str, bucket: str, rest: list[str], body: dict[str, Any]
) -> tuple[int, Any]:
    if rest == ["transactions", "commit"]:
        changes = body["table-changes"]
        if len(changes) != 1:
            return _error(400, "BadRequestException", "one table is changed at a time")
        identifier = changes[0]["identifier"]
        catalog.commit(bucket, tuple(identifier["namespace"]), identifier["name"], changes[0])
        return 204, None
    if rest == ["namespaces"]:
        return 200, {"namespaces": []} if method == "GET" else {"namespace": body.get("namespace")}
    namespace = tuple(rest[1].split("\x1f")) if len(rest) > 1 else ()
    if len(rest) == 2:
        return 200, {"namespace": list(namespace), "properties": {}}
    if len(rest) == 3:
        if method == "GET":
            return 200, {"identifiers": []}
        return 200, _loaded(*catalog.create(bucket, namespace, body))
    table = rest[3]
    if method == "POST":
        return 200, _loaded(*catalog.commit(bucket, namespace, table, body))
    if method == "DELETE":
        return (204, None) if catalog.drop(bucket, namespace, table) else _missing(table)
    metadata = catalog.load(bucket, namespace, table)
    if metadata is None:
        return _missing(table)
    return (204, None) if method == "HEAD" else (200, _loaded("", metadata))


def _loaded(address: str, metadata: dict[str, Any]) -> dict[str, Any]:
    location = address or f"{metadata['location']}/metadata/current"
    return {"metadata-location": location, "metadata": metadata, "config": {}}


def _missing(table: str) -> tuple[int, Any]:
    return _error(404, "NoSuchTableException", f"Table does not exist: {table}")


def _error(status: int, kind: str, message: str) -> tuple[int, Any]:
    return status, {"error": {"message": message, "type": kind, "code": status}}


def _handler(facade: Facade) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            given = self.headers.get("authorization") or ""
            if not hmac.compare_digest(given.encode(), f"Bearer {facade.key}".encode()):
                status, content = _error(401, "NotAuthorizedException", "not for you")
            else:
                try:
                    body = orjson.loads(raw) if raw else {}
                    status, content = facade.answer(self.command, self.path, body)
                except Exception as error:  # noqa: BLE001 - a connection must be answered
                    _log.exception("request failed", extra={"path": self.path})
                    status, content = _error(500, "ServiceFailureException", str(error))
            data = orjson.dumps(content) if content is not None else b""
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_POST = do_DELETE = do_HEAD = do_PUT = handle_any

        def log_message(self, *arguments: Any) -> None:
            """Say nothing: the engine tells of what failed."""

    return Handler
