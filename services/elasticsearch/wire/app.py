"""The HTTP application: authentication, routing, media types, error bodies."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.elasticsearch.errors import RequestError
from services.elasticsearch.handlers.authorization import authorize
from services.elasticsearch.handlers.call import Answer, Call
from services.elasticsearch.state.store import Store
from services.elasticsearch.wire.filter_path import filter_path
from services.elasticsearch.wire.media import answer_type, check_sent
from services.elasticsearch.wire.router import Router

log = logging.getLogger(__name__)

_PRODUCT = {"X-Elastic-Product": "Elasticsearch"}
_CHALLENGES = 'Basic realm="security" charset="UTF-8", ApiKey'
_LARGEST_BODY = 32 * 1024 * 1024  # bytes; Elasticsearch's own default is 100 MB
_THREADS = 8


class Application:
    """Answers every path: Elasticsearch's own rules decide what is known, not Starlette's."""

    def __init__(self, store: Store, address: str) -> None:
        self._store, self._address, self._router = store, address, Router()
        self._limiter: anyio.CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            kind = answer_type(request.headers.get("accept"))
            answer = await self._answer(request)
        except RequestError as error:
            kind = "application/json"
            answer = _refusal(error)
        except Exception:
            log.exception("%s %s failed", request.method, request.url.path)
            kind = "application/json"
            answer = _refusal(
                RequestError(500, "exception", "internal error; the log store's log says more")
            )
        response = await run_in_threadpool(_render, request, answer, kind)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Answer:
        user = self._store.keys.check(request.headers.get("authorization"))
        raw_path = request.scope.get("raw_path", b"").decode("latin-1").partition("?")[0]
        handler, path, pattern = self._router.find(request.method, raw_path or request.url.path)
        raw = await _body(request)
        if raw:
            check_sent(request.headers.get("content-type"))
        call = Call(
            self._store, request.method, path, dict(request.query_params), raw, user,
            self._address, pattern,
        )  # fmt: skip
        accepted = request.headers.get("accept", "")
        if pattern.startswith("/_cat") and "json" in accepted and "text" not in accepted:
            call.params.setdefault("format", "json")
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(_THREADS)

        def answer() -> Answer:
            authorize(call)
            return handler(call)

        return await anyio.to_thread.run_sync(answer, limiter=self._limiter)


async def _body(request: Request) -> bytes:
    declared = int(request.headers.get("content-length") or 0)
    parts, size = [], 0
    if declared <= _LARGEST_BODY:
        async for part in request.stream():
            size += len(part)
            if size > _LARGEST_BODY:
                break
            parts.append(part)
    if max(declared, size) > _LARGEST_BODY:
        raise RequestError(
            413,
            "content_too_long_exception",
            f"entity content is longer than {_LARGEST_BODY} bytes",
        )
    raw = b"".join(parts)
    if request.headers.get("content-encoding") == "gzip":
        import zlib

        inflater = zlib.decompressobj(wbits=31)
        try:
            raw = inflater.decompress(raw, _LARGEST_BODY)
        except zlib.error as error:
            raise RequestError(
                400, "illegal_argument_exception", f"the body is not gzip: {error}"
            ) from error
        if inflater.unconsumed_tail:
            raise RequestError(413, "content_too_long_exception", "entity content is too long")
    return raw


def _refusal(error: RequestError) -> Answer:
    headers = {"WWW-Authenticate": _CHALLENGES} if error.status == 401 else {}
    if error.kind == "method_not_allowed_exception" or error.reason.startswith("no handler found"):
        return Answer({"error": error.reason, "status": error.status}, error.status)
    return Answer(error.body(), error.status, headers=headers)


def _render(request: Request, answer: Answer, kind: str) -> Response:
    headers = {**_PRODUCT, **answer.headers}
    if "x-opaque-id" in request.headers:
        headers["X-Opaque-Id"] = request.headers["x-opaque-id"]
    if answer.content_type is not None:
        return Response(answer.body, answer.status, headers, media_type=answer.content_type)
    if answer.body is None:
        return Response(b"", answer.status, headers, media_type=kind)
    params, body = request.query_params, answer.body
    if isinstance(body, dict):
        body.pop("text", None)
    options = orjson.OPT_NON_STR_KEYS
    if params.get("filter_path"):
        body = filter_path(orjson.loads(orjson.dumps(body, option=options)), params["filter_path"])
    if "pretty" in params and params["pretty"] != "false":
        text = (
            orjson.dumps(
                orjson.loads(orjson.dumps(body, option=options)), option=orjson.OPT_INDENT_2
            )
            + b"\n"
        )
    else:
        text = orjson.dumps(body, option=options)
    if request.method == "HEAD":
        headers["content-length"] = str(len(text))
        text = b""
    return Response(text, answer.status, headers, media_type=kind)


def build_app(store: Store, address: str, lifespan: Any = None) -> Starlette:
    """Return the application that answers for `store`; `address`: what it says it listens on."""
    app = Starlette(lifespan=lifespan)
    app.router.default = Application(store, address)
    return app
