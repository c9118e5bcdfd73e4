"""Users: log-in, and the tokens that stand for it."""

from __future__ import annotations

import secrets

from services.common.settings import Settings
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.session import User


class Users:
    """Verifies names, passwords and tokens. Safe to use from many threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens: dict[str, User] = {}

    def login(self, name: str, password: str) -> str:
        """Return a new token. Raises DremioError (UNAUTHENTICATED) for a wrong name or password."""
        expected = self._settings.admin_password.get_secret_value()
        if name != self._settings.admin_user or not secrets.compare_digest(
            password.encode(), expected.encode()
        ):
            raise DremioError(
                ErrorKind.UNAUTHENTICATED, "Login failed: Invalid username or password"
            )
        token = secrets.token_hex(16)
        self._tokens[token] = User(id=name, name=name, admin=True)
        return token

    def verify(self, token: str) -> User:
        """Return whose token it is. Raises DremioError (UNAUTHENTICATED)."""
        try:
            return self._tokens[token]
        except KeyError:
            raise DremioError(ErrorKind.UNAUTHENTICATED, "Token not valid: log in again") from None

    def logout(self, token: str) -> None:
        """Make the token useless."""
        self._tokens.pop(token, None)
