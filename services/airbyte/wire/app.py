"""Both APIs as one application, served on every port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.airbyte.handlers.context import Context
from services.airbyte.handlers.errors import InvalidInputError, WrongMethodError
from services.airbyte.wire import errors
from services.airbyte.wire.auth import TOKEN_SECONDS, Gate
from services.airbyte.wire.bodies import parse
from services.airbyte.wire.config_routes import ENDPOINTS
from services.airbyte.wire.public_routes import respond as respond_public
from services.common.errors import TransientError

MAX_BODY = 16 * 1024 * 1024
_TOKEN_PATHS = ("/api/public/v1/applications/token", "/api/v1/applications/token")
_OPEN_TOKEN_PATHS = (*_TOKEN_PATHS, "/applications/token")

HEALTH_PATHS = ("/api/v1/health", "/api/public/v1/health", "/api/public/health")


def build(ctx: Context, gate: Gate) -> ASGIApp:
    """Return the application."""
    inner = Starlette()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await inner(scope, receive, send)
            return
        request = Request(scope, receive)
        response = await _answer(ctx, gate, request)
        await response(scope, receive, send)

    return app


async def _answer(ctx: Context, gate: Gate, request: Request) -> Response:
    path = request.url.path.rstrip("/") or "/"
    try:
        body = await _read(request)
        if path in _OPEN_TOKEN_PATHS and request.method == "POST":
            return _token(gate, request, body)
        if path in HEALTH_PATHS:
            return await _health(ctx, path)
        if not gate.admits(request.headers.get("authorization")):
            return errors.unauthorized(request)
        if not ctx.started():
            raise TransientError("the server waits for its database; try again in a moment")
        respond = _find(ctx, request, path)
        if respond is None:
            return errors.not_there(request)
        return await respond(body)
    except Exception as error:  # noqa: BLE001 - each has its answer in the table
        return errors.answer(request, error)


async def _health(ctx: Context, path: str) -> Response:
    """Answer 200, or 503 while the server cannot take jobs yet, so that supervisors can tell."""
    ready = await run_in_threadpool(ctx.ready)
    status = 200 if ready else 503
    if path.startswith("/api/public"):
        text = "Successful operation" if ready else "The database cannot be reached yet"
        return Response(text, status, media_type="text/plain")
    return JSONResponse({"available": ready}, status)


def _find(
    ctx: Context, request: Request, path: str
) -> Callable[[bytes], Awaitable[Response]] | None:
    if errors.is_public(path + "/"):
        return lambda body: run_in_threadpool(respond_public, ctx, request, path, body)
    endpoint = ENDPOINTS.get(path.removeprefix("/api/v1/")) if path.startswith("/api/v1/") else None
    if endpoint is None:
        return None
    if request.method != endpoint.method:
        raise WrongMethodError(f"Method [{request.method}] not allowed for URI [{path}]")

    def run(body: bytes) -> Response:
        answer = endpoint.respond(ctx, endpoint.model.model_validate(parse(body)))
        if isinstance(answer, Response):
            return answer
        return Response(status_code=204) if answer is None else JSONResponse(answer)

    return lambda body: run_in_threadpool(run, body)


async def _read(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise InvalidInputError(f"the body is larger than {MAX_BODY} bytes")
        parts.append(part)
    return b"".join(parts)


def _token(gate: Gate, request: Request, body: bytes) -> Response:
    """Answer a token request: JSON, or a form; client id and secret may also come as basic."""
    if "form" in request.headers.get("content-type", ""):
        fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    else:
        fields = parse(body)
    token = gate.token(str(fields.get("client_id", "")), str(fields.get("client_secret", "")))
    if token is None:
        return errors.problem_response(
            401,
            "invalid-api-key",
            "client_id or client_secret is wrong (AIRBYTE_CLIENT_ID and AIRBYTE_CLIENT_SECRET)",
        )
    return JSONResponse(
        {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
    )
