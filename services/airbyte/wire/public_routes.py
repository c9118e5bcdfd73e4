"""The public API's endpoints: method and path below /api/public/v1 → handler."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.airbyte.handlers.context import Context
from services.airbyte.wire import (
    public_actors,
    public_connections,
    public_definitions,
    public_jobs,
    public_more,
    public_platform,
)
from services.airbyte.wire.bodies import Body, parse

BASE = "/api/public/v1"


class Call(NamedTuple):
    """A request: path parameters, query, parsed body, and the page's own address."""

    ctx: Context
    path: dict[str, str]
    query: QueryParams
    body: Any
    url: str


Handler = Callable[[Call], Any]
Route = tuple[str, re.Pattern[str], type[Body] | None, Handler]


def _compile(method: str, path: str, model: type[Body] | None, handler: Handler) -> Route:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return method, re.compile(f"^{pattern}$"), model, handler


ROUTES: list[Route] = [
    _compile(*entry)
    for table in (
        public_platform.ROUTES,
        public_definitions.ROUTES,
        public_actors.ROUTES,
        public_connections.ROUTES,
        public_jobs.ROUTES,
        public_more.ROUTES,
    )
    for entry in table
]


def respond(ctx: Context, request: Request, path: str, body: bytes) -> Response:
    """Answer a request of the public API."""
    from services.airbyte.wire import errors

    if not path.startswith(BASE):
        return errors.not_there(request)
    rest, allowed = path.removeprefix(BASE), False
    for method, pattern, model, handler in ROUTES:
        found = pattern.match(rest)
        if not found:
            continue
        if method != request.method:
            allowed = True
            continue
        parsed = model.model_validate(parse(body)) if model is not None else None
        url = str(request.url.replace(query=""))
        try:
            answer = handler(Call(ctx, found.groupdict(), request.query_params, parsed, url))
        except Exception as error:  # noqa: BLE001 - each has its answer in the table
            return errors.answer(request, error)
        return Response(status_code=204) if answer is None else JSONResponse(answer)
    if allowed:
        return errors.problem_response(405, "method-not-allowed", f"{request.method} {path}")
    return errors.not_there(request)
