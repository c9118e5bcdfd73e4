"""Each HTTP service's own metrics: how many requests, how they ended, how long they took.

One wrapper around the whole application, ASGI or WSGI, so that no route can be left out. It
answers `/metrics` itself in Prometheus' text format. Superset's environment uses it as well: no
import but prometheus_client. The counters begin at zero with the process, as Prometheus expects.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Histogram, generate_latest

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_REQUESTS = Counter(
    "api_requests", "HTTP requests answered, by class of status.", ["service", "status"]
)
_SECONDS = Histogram(
    "api_request_duration_seconds",
    "Seconds from a request's arrival to the end of its answer.",
    ["service"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")


class RequestMetrics:
    """Counts the requests of one service.

    `uncounted`: paths that are asked by machines about health; a server that says 503 there
    while it starts has no error.
    """

    def __init__(
        self, service: str, *, path: str = "/metrics", uncounted: Iterable[str] = ()
    ) -> None:
        self._service = service
        self._path = path
        self._uncounted = frozenset(uncounted)
        for status in _CLASSES:  # a series that appears with its first error shows no increase
            _REQUESTS.labels(service, status)
        _SECONDS.labels(service)

    def asgi(self, app: AsgiApp) -> AsgiApp:
        """Return `app`, counted."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            if scope["path"] == self._path:
                await _answer(send)
                return
            began, status = time.perf_counter(), 500

            async def watching(message: MutableMapping[str, Any]) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, watching)
            finally:
                self._count(scope["path"], status, time.perf_counter() - began)

        return counted

    def wsgi(self, app: WsgiApp) -> WsgiApp:
        """Return `app`, counted; what it streams after its start is not timed."""

        def counted(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            path = environ.get("PATH_INFO", "")
            if path == self._path:
                start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
                return [generate_latest(REGISTRY)]
            began, status = time.perf_counter(), 500

            def watching(line: str, *rest: Any) -> Any:
                nonlocal status
                status = int(line[:3])
                return start(line, *rest)

            try:
                return app(environ, watching)
            finally:
                self._count(path, status, time.perf_counter() - began)

        return counted

    def _count(self, path: str, status: int, seconds: float) -> None:
        if path not in self._uncounted:
            _REQUESTS.labels(self._service, f"{status // 100}xx").inc()
            _SECONDS.labels(self._service).observe(seconds)


async def _answer(send: Send) -> None:
    headers = [(b"content-type", CONTENT_TYPE_LATEST.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": generate_latest(REGISTRY)})
