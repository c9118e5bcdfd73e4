"""What every route needs of a request: who sends it, its JSON, its path as sent."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import orjson
from starlette.requests import Request
from starlette.responses import Response

from services.dremio.handlers.login import token_of
from services.dremio.state.core import Core
from services.dremio.state.engine import Engine
from services.dremio.state.errors import validation
from services.dremio.state.jobs.runner import JobRunner
from services.dremio.state.session import User


class Call:
    """A request that has been read, for handlers that run in a thread."""

    def __init__(self, request: Request, body: bytes) -> None:
        self.engine: Engine = request.app.state.engine
        self.runner: JobRunner = request.app.state.runner
        self.core: Core = self.engine.core
        self.query: dict[str, str] = dict(request.query_params)
        self.params: dict[str, str] = request.path_params
        self.authorization = request.headers.get("authorization")
        self._raw_path: bytes = request.scope.get("raw_path") or request.url.path.encode()
        self._body = body
        self.path: str = request.url.path
        self.client: str = request.client.host if request.client else ""

    def check(self) -> None:
        """Check that nothing holds U+0000: no name, text or statement can. Raises DremioError."""
        values = (*self.query, *self.query.values(), *self.params.values())
        if b"\\u0000" in self._body or any("\0" in value for value in values):
            raise validation("the character U+0000 is not allowed")

    @property
    def user(self) -> User:
        """Who sends it. Raises DremioError (UNAUTHENTICATED)."""
        return self.core.users.verify(self.token)

    @property
    def token(self) -> str:
        """The token sent. Raises DremioError (UNAUTHENTICATED) when there is none."""
        return token_of(self.authorization)

    def json(self) -> dict[str, Any]:
        """Return the body, a JSON object. Raises DremioError (VALIDATION)."""
        try:
            body = orjson.loads(self._body or b"{}")
        except orjson.JSONDecodeError as error:
            raise validation(f"The body is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise validation("The body is not a JSON object")
        return body

    def path_after(self, prefix: str) -> tuple[str, ...]:
        """Return the names after `prefix` in the address; a name may hold an escaped slash."""
        raw = self._raw_path.decode("latin-1").split("?")[0]
        rest = raw.split(prefix, 1)[1]
        return tuple(unquote(part) for part in rest.split("/") if part)


def answer(content: Any, status: int = 200) -> Response:
    """Return `content` as JSON."""
    return Response(orjson.dumps(content), status, media_type="application/json")
