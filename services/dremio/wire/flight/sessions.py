"""Sessions: what `USE` set, kept from call to call by cookie, or by token without one."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from dataclasses import dataclass

from services.dremio.sql.tokens import Reader, tokenize
from services.dremio.state.errors import DremioError
from services.dremio.state.session import Session, User

COOKIE = "arrow_flight_session_id"
# A session that nobody asked for this long is forgotten.
IDLE_SECONDS = 3600.0


@dataclass
class Visit:
    """One call's session, and the token it came with."""

    session_id: str
    token: str
    session: Session


class Sessions:
    """Every session, by its id. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Session, float]] = {}
        self._swept = time.monotonic()

    def visit(self, user: User, token: str, cookie: str | None) -> Visit:
        """Return the caller's session: the cookie's when it is this user's, else the token's."""
        now = time.monotonic()
        key = cookie or _key(token)
        with self._lock:
            self._sweep(now)
            found = self._known.get(key)
            if found is None or found[0].user.id != user.id:
                # A cookie that is not known names no session: a client cannot choose an id.
                key = _key(token) if cookie is None else str(uuid.uuid4())
                found = self._known.get(key, (Session(user), now))
            self._known[key] = (found[0], now)
        return Visit(key, token, found[0])

    def enter(self, visit: Visit, schema: str) -> None:
        """Start a session's context from the `schema` header, once."""
        if not visit.session.context:
            try:
                visit.session.context = Reader(schema, tokenize(schema)).path()
            except DremioError:
                visit.session.context = (schema,)

    def close(self, visit: Visit) -> None:
        """Forget the session."""
        with self._lock:
            self._known.pop(visit.session_id, None)

    def _sweep(self, now: float) -> None:
        if now - self._swept < 60:
            return
        self._swept = now
        for key in [k for k, (_, used) in self._known.items() if now - used > IDLE_SECONDS]:
            del self._known[key]


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:32]
