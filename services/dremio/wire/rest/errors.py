"""Errors as Dremio's REST API answers them."""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import Response

from services.common.errors import LakeletError
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.wire.rest.request import answer

_log = logging.getLogger(__name__)

STATUS = {
    ErrorKind.UNAUTHENTICATED: 401,
    ErrorKind.PERMISSION: 403,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.CONFLICT: 409,
    ErrorKind.CONCURRENT_MODIFICATION: 409,
    ErrorKind.CONNECTION: 503,
    ErrorKind.RESOURCE: 503,
    ErrorKind.SYSTEM: 500,
}


def body(message: str, more: str = "") -> dict[str, str]:
    """Return Dremio's error body."""
    return {"errorMessage": message, "moreInfo": more}


async def refused(request: Request, error: Exception) -> Response:
    """Answer a DremioError with its status; kinds not listed are the client's mistake: 400."""
    if not isinstance(error, DremioError):
        raise error
    return answer(body(error.message, error.more), STATUS.get(error.kind, 400))


async def failed(request: Request, error: Exception) -> Response:
    """Answer what nobody expected; the log has the details."""
    _log.error("request failed", exc_info=error, extra={"path": request.url.path})
    if isinstance(error, LakeletError):
        return answer(body(str(error)), 500)
    return answer(body("Something went wrong. Please check the log file for details."), 500)


async def missing(request: Request, error: Exception) -> Response:
    """Answer an address that no route knows, or a method it does not take."""
    status = getattr(error, "status_code", 404)
    return answer(body(f"HTTP {status} {getattr(error, 'detail', 'Not Found')}"), status)
