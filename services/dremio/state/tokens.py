"""Personal access tokens: long-lived secrets that stand for a user's password.

Facts (Dremio's REST reference, "Personal Access Token"): the token is shown once, when it is
made; later only its id, label and dates. It lives at most 180 days.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
import threading
import uuid
from dataclasses import dataclass

from psycopg_pool import ConnectionPool

from services.dremio.state.errors import not_found, validation
from services.dremio.state.postgres import connected

MOST_DAYS = 180


@dataclass(frozen=True)
class PersonalToken:
    """What is kept of a token."""

    id: str
    user_id: str
    label: str
    created_at: datetime.datetime
    expires_at: datetime.datetime


class PersonalTokens:
    """Makes, lists, checks and removes tokens. Safe to use from many threads."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._known: dict[bytes, PersonalToken] = {}
        with connected(pool) as connection:
            connection.execute("DELETE FROM personal_token WHERE expires_at < now()")
            for row in connection.execute(
                "SELECT digest, id::text, person_id::text, label, created_at, expires_at "
                "FROM personal_token"
            ).fetchall():
                self._known[bytes(row[0])] = PersonalToken(*row[1:])

    def create(self, user_id: str, label: str, lifetime: datetime.timedelta) -> str:
        """Make a token and return it: it is never shown again. Raises DremioError (VALIDATION)."""
        if not datetime.timedelta(0) < lifetime <= datetime.timedelta(days=MOST_DAYS):
            raise validation(
                f"millisecondsToExpire: expected more than 0 and at most {MOST_DAYS} days "
                f"({MOST_DAYS * 86_400_000})"
            )
        secret = secrets.token_urlsafe(33)
        now = datetime.datetime.now(datetime.UTC)
        token = PersonalToken(str(uuid.uuid4()), user_id, label, now, now + lifetime)
        with self._lock, connected(self._pool) as connection:
            connection.execute(
                "INSERT INTO personal_token (id, person_id, label, digest, created_at, "
                "expires_at) VALUES (%s, %s, %s, %s, %s, %s)",
                (token.id, user_id, label, _digest(secret), now, token.expires_at),
            )
            self._known[_digest(secret)] = token
        return secret

    def user_id(self, secret: str) -> str | None:
        """Return whose token it is; None when it is none or has ended."""
        token = self._known.get(_digest(secret))
        if token is None or token.expires_at <= datetime.datetime.now(datetime.UTC):
            return None
        return token.user_id

    def of_user(self, user_id: str) -> list[PersonalToken]:
        """Return a user's tokens that have not ended, oldest first."""
        now = datetime.datetime.now(datetime.UTC)
        found = [t for t in self._known.values() if t.user_id == user_id and t.expires_at > now]
        return sorted(found, key=lambda token: token.created_at)

    def remove(self, user_id: str, token_id: str | None = None) -> None:
        """End one of a user's tokens, or all. Raises DremioError (NOT_FOUND)."""
        with self._lock:
            gone = {
                digest: token
                for digest, token in self._known.items()
                if token.user_id == user_id and token_id in (None, token.id)
            }
            if token_id is not None and not gone:
                raise not_found(f"Token [{token_id}] not found")
            with connected(self._pool) as connection:
                connection.execute(
                    "DELETE FROM personal_token WHERE id = ANY(%s)",
                    ([t.id for t in gone.values()],),
                )
            for digest in gone:
                del self._known[digest]


def _digest(secret: str) -> bytes:
    # 264 random bits need no slow hash: they cannot be guessed from a stolen digest.
    return hashlib.sha256(secret.encode()).digest()
