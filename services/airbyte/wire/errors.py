"""Errors as each API answers them.

Config API: KnownExceptionInfo (404: NotFoundKnownExceptionInfo, 422: InvalidInputExceptionInfo).
Public API: a problem after RFC 9457, with Airbyte's types and titles.
"""

from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

import psycopg
from psycopg_pool import PoolTimeout
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.airbyte.handlers.errors import (
    ConflictError,
    InvalidInputError,
    ProblemError,
    SyncRunningError,
    WrongMethodError,
)
from services.airbyte.state.jobs import AlreadyRunningError
from services.common.errors import ConfigError, NotFoundError, RefusedError, TransientError

log = logging.getLogger(__name__)

_REFERENCE = "https://reference.airbyte.com/reference/errors#"

# exception → (status, name of Airbyte's exception class, public API's problem)
TABLE: tuple[tuple[type[BaseException], int, str, str], ...] = (
    (ValidationError, 422, "jakarta.validation.ConstraintViolationException", "bad-request"),
    (InvalidInputError, 422, "io.airbyte.validation.json.JsonValidationException", "bad-request"),
    (NotFoundError, 404, "io.airbyte.config.persistence.ConfigNotFoundException", ""),
    (AlreadyRunningError, 409, "ValueConflictKnownException", "try-again-later"),
    (ConflictError, 409, "ValueConflictKnownException", "state-conflict"),
    (SyncRunningError, 423, "SyncIsRunningException", "try-again-later"),
    (WrongMethodError, 405, "", "method-not-allowed"),
    (ConfigError, 422, "BadRequestException", "unprocessable-entity"),
    (RefusedError, 409, "ValueConflictKnownException", "state-conflict"),
    (TransientError, 503, "ApplicationErrorKnownException", "service-unavailable"),
    (PoolTimeout, 503, "ApplicationErrorKnownException", "service-unavailable"),
    (psycopg.OperationalError, 503, "ApplicationErrorKnownException", "service-unavailable"),
)
_PUBLIC_STATUS = {"bad-request": 400, "resource-not-found": 404}


def is_public(path: str) -> bool:
    """Whether a path belongs to the public API."""
    return path.startswith("/api/public/")


def answer(request: Request, error: Exception) -> Response:
    """Return the answer for an error that a handler raised."""
    if isinstance(error, ProblemError):
        log.info("%s %s: %s", request.method, request.url.path, error)
        return _problem(error.status, error.kind, error.title, str(error), error.data)
    status, name, problem = 500, "InternalServerKnownException", "unexpected-problem"
    for kind, code, class_name, title in TABLE:
        if isinstance(error, kind):
            status, name, problem = code, class_name, title or "resource-not-found"
            break
    message, problems = _message(error, status)
    identity = str(uuid4())
    level = logging.ERROR if status >= 500 else logging.INFO
    log.log(
        level,
        "%s %s: %s",
        request.method,
        request.url.path,
        message,
        exc_info=error if status == 500 else None,
        extra={"error_id": identity, "status": status},
    )
    if status == 405:
        return JSONResponse({"message": message, "_links": {}, "_embedded": {}}, status)
    if is_public(request.url.path):
        return problem_response(_PUBLIC_STATUS.get(problem, status), problem, message)
    body: dict[str, Any] = {
        "message": message,
        "exceptionClassName": name if "." in name else f"io.airbyte.commons.server.errors.{name}",
        "exceptionStack": [],
        "errorId": identity,
    }
    if status == 422:
        body["validationErrors"] = problems
    return JSONResponse(body, status)


def _message(error: Exception, status: int) -> tuple[str, list[dict[str, str]]]:
    if isinstance(error, ValidationError):
        problems = [
            {
                "propertyPath": ".".join(map(str, item["loc"])) or "body",
                "invalidValue": "null" if item["type"] == "missing" else "",
                "message": "must not be null" if item["type"] == "missing" else item["msg"],
            }
            for item in error.errors(include_input=False, include_url=False)
        ]
        listing = ", ".join(f"{p['propertyPath']}: {p['message']}" for p in problems)
        return f"Some properties contained invalid input: {listing}", problems
    if isinstance(error, InvalidInputError):
        problems = [{"propertyPath": path, "message": text} for path, text in error.problems]
        return str(error), problems
    if isinstance(error, PoolTimeout | psycopg.OperationalError):
        return "the server's own database cannot be reached; try again in a moment", []
    return (str(error) if status != 500 else "Internal Server Error"), []


def problem_response(status: int, title: str, detail: str) -> Response:
    """Return a problem of the public API."""
    return _problem(status, _REFERENCE + title, title, detail, {"message": detail})


def _problem(status: int, kind: str, title: str, detail: str, data: dict[str, Any]) -> Response:
    body = {
        "status": status,
        "type": kind,
        "title": title,
        "detail": detail,
        "documentationUrl": None,
        "data": data,
    }
    return JSONResponse(body, status, media_type="application/json")


def unauthorized(request: Request) -> Response:
    """Return 401 for missing or wrong credentials."""
    message = (
        "credentials are missing or wrong: use basic authentication with the admin's name and"
        " password, or a bearer token from POST /api/public/v1/applications/token"
    )
    if is_public(request.url.path):
        response = problem_response(401, "unauthorized", message)
    else:
        response = JSONResponse({"message": message}, 401)
    response.headers["WWW-Authenticate"] = 'Basic realm="Airbyte"'
    return response


def not_there(request: Request) -> Response:
    """Return 404 for a path that does not exist."""
    message = f"Page Not Found: {request.method} {request.url.path}"
    if is_public(request.url.path):
        return problem_response(404, "resource-not-found", message)
    return JSONResponse({"message": message, "_links": {}, "_embedded": {}}, 404)
