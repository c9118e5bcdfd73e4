"""Changes over REST and log-ins in the audit log; statements are there as jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from services.dremio.state.audit import Event, outcome_of
from services.dremio.state.errors import DremioError, validation
from services.dremio.wire.rest.request import Call

_READING = ("GET", "HEAD", "OPTIONS")
_LOGIN = "/apiv2/login"
# Its job is what is recorded.
_STATEMENTS = "/api/v3/sql"
_RIGHTS = ("/api/v3/user", "/api/v3/role", "/api/v3/token")


def audited(handler: Callable[[Call], Any], call: Call, method: str) -> Any:
    """Handle a request and record it when it changes something. Raises what the handler raises."""
    if method in _READING or call.path == _STATEMENTS:
        return _handled(handler, call)
    user = _who(call)  # before: a log-out ends what tells
    try:
        content = _handled(handler, call)
    except Exception as error:
        _record(call, method, user, error)
        raise
    _record(call, method, user, None)
    return content


def _handled(handler: Callable[[Call], Any], call: Call) -> Any:
    """Handle a request; values that nothing can keep are the client's mistake."""
    try:
        return handler(call)
    except psycopg.DataError as error:
        raise validation(f"a value cannot be kept: {error.diag.message_primary or error}") from None
    except RecursionError:
        raise validation("the request is nested too deeply") from None


def _record(call: Call, method: str, user: str, error: Exception | None) -> None:
    rights = call.path.startswith(_RIGHTS) or call.path.endswith("/grants")
    kind = "LOGIN" if call.path == _LOGIN else "ACCESS" if rights else "CHANGE"
    call.core.audit.record(
        Event(
            user=user,
            kind=kind,
            action=f"{method} {call.path}",
            outcome=outcome_of(error),
            error=str(error) if error is not None else None,
            client=f"REST {call.client}".strip(),
        )
    )


def _who(call: Call) -> str:
    """Return the user's name, for a log-in the one that was sent."""
    try:
        if call.authorization is None and call.path == _LOGIN:
            return str(call.json().get("userName", ""))
        return call.user.name
    except DremioError:
        return ""
