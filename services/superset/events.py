"""Events of pages that no one has logged in to: heard, and not kept.

Superset's pages tell the server what happened on them a second after it did. From its login page
Superset refuses that by leading to the login, with a session that says so. Where those answers
came in after the login's own, they took its place: who had just logged in was logged out.
"""

from __future__ import annotations

from flask import Flask, Response, request, session

_EVENTS = "/superset/log/"
_USER = "_user_id"  # Flask-Login's key of a session


def hear_strangers(app: Flask) -> None:
    """Answer strangers' events before anything touches their session (a FLASK_APP_MUTATOR)."""

    @app.before_request  # type: ignore[untyped-decorator]
    def answer() -> Response | None:
        stranger = request.path == _EVENTS and _USER not in session
        return Response(status=204) if stranger else None
