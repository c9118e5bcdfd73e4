"""Who calls: `Basic` gives a token, `Bearer` is one. Both in the `authorization` header.

The handshake call itself asks nothing: the middleware sees its headers like any other's. Every
reply carries the token, and a cookie that names the session.
"""

from __future__ import annotations

import base64
import binascii
from http.cookies import CookieError, SimpleCookie
from typing import Any

from pyarrow import flight

from services.dremio.state.audit import Audit, Event, outcome_of
from services.dremio.state.errors import DremioError
from services.dremio.state.users import Users
from services.dremio.wire.flight.sessions import COOKIE, Sessions, Visit


class NoHandshake(flight.ServerAuthHandler):  # type: ignore[misc]
    """Lets the handshake succeed; the middleware has judged the headers by then."""

    def authenticate(self, outgoing: Any, incoming: Any) -> None:
        """Ask nothing."""

    def is_valid(self, token: bytes) -> str:
        """Take anyone: calls without a valid header never get here."""
        return ""


class Authenticated(flight.ServerMiddleware):  # type: ignore[misc]
    """One call's caller."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit

    def sending_headers(self) -> dict[str, str]:
        """Return the token and the session's cookie."""
        return {
            "authorization": f"Bearer {self.visit.token}",
            "set-cookie": f"{COOKIE}={self.visit.session_id}; Path=/; HttpOnly",
        }


class Authentication(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    """Judges each call's headers."""

    def __init__(self, users: Users, sessions: Sessions, audit: Audit) -> None:
        self._users = users
        self._audit = audit
        self._sessions = sessions

    def _told(self, name: str, error: DremioError | None) -> None:
        self._audit.record(
            Event(
                user=name,
                kind="LOGIN",
                action="handshake",
                outcome=outcome_of(error),
                error=str(error) if error else None,
                client="FLIGHT",
            )
        )

    def start_call(self, info: Any, headers: dict[str, list[str]]) -> Authenticated:
        """Return who calls. Raises FlightUnauthenticatedError."""
        name = ""
        values = {header.lower(): found for header, found in headers.items()}
        given = values.get("authorization", [""])[0]
        scheme, _, credentials = given.partition(" ")
        try:
            if scheme.lower() == "basic":
                name, password = _name_and_password(credentials)
                token = self._users.login(name, password)
                self._told(name, None)
            elif scheme.lower() == "bearer":
                token = credentials.strip()
            else:
                raise flight.FlightUnauthenticatedError(
                    "no credentials: send the header `authorization: Basic …` or `Bearer …`"
                )
            user = self._users.verify(token)
        except DremioError as error:
            self._told(name, error)
            raise flight.FlightUnauthenticatedError(str(error)) from error
        visit = self._sessions.visit(user, token, _cookie(values.get("cookie", [])))
        schema = values.get("schema", [""])[0]
        if schema:
            self._sessions.enter(visit, schema)
        return Authenticated(visit)


def _name_and_password(credentials: str) -> tuple[str, str]:
    try:
        # Go's clients leave the padding out.
        padded = credentials + "=" * (-len(credentials) % 4)
        name, colon, password = base64.b64decode(padded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise flight.FlightUnauthenticatedError("the Basic credentials are not base 64") from error
    if not colon:
        raise flight.FlightUnauthenticatedError("the Basic credentials hold no password")
    return name, password


def _cookie(headers: list[str]) -> str | None:
    for header in headers:
        try:
            found = SimpleCookie(header).get(COOKIE)
        except CookieError:
            continue
        if found is not None:
            return found.value
    return None
