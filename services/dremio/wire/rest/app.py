"""The REST application: routes → handlers; every handler runs in a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.dremio.state.engine import Engine
from services.dremio.state.errors import DremioError
from services.dremio.state.jobs.runner import JobRunner
from services.dremio.wire.rest import errors
from services.dremio.wire.rest.audit import audited
from services.dremio.wire.rest.request import Call, answer
from services.dremio.wire.rest.routes import ROUTES


def create_app(engine: Engine, runner: JobRunner) -> Starlette:
    """Return the ASGI application of Dremio's REST API."""
    app = Starlette(
        routes=[
            Route(path, _endpoint(handler, status), methods=[method])
            for method, path, handler, status in ROUTES
        ],
        exception_handlers={
            DremioError: errors.refused,
            HTTPException: errors.missing,
            Exception: errors.failed,
        },
    )
    app.state.engine = engine
    app.state.runner = runner
    return app


def _endpoint(handler: Callable[[Call], Any], status: int) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        call = Call(request, await request.body())
        call.check()
        content = await run_in_threadpool(audited, handler, call, request.method)
        if isinstance(content, Response):
            return content
        return Response(status_code=status) if status == 204 else answer(content, status)

    return endpoint
