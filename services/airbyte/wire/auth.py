"""Who may call: basic authentication with the admin, or a bearer token."""

from __future__ import annotations

import base64
import binascii
import hmac

from services.airbyte.state.secrets import Vault
from services.common.settings import Settings

TOKEN_SECONDS = 15 * 60


class Gate:
    """Knows the credentials."""

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self._user = settings.admin_user
        self._password = settings.admin_password.get_secret_value()
        self._client = settings.airbyte_client_id
        self._client_secret = settings.airbyte_client_secret.get_secret_value()
        self._vault = vault

    def admits(self, authorization: str | None) -> bool:
        """Whether an Authorization header is good."""
        scheme, _, value = (authorization or "").partition(" ")
        if scheme.lower() == "bearer":
            return self._vault.token_subject(value.strip(), TOKEN_SECONDS) is not None
        if scheme.lower() == "basic":
            try:
                user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return False
            return self._is(user, self._user, password, self._password)
        return False

    def token(self, client: str, secret: str) -> str | None:
        """Return a new token for client credentials, None when they are wrong."""
        if not self._is(client, self._client, secret, self._client_secret):
            return None
        return self._vault.token(client)

    @staticmethod
    def _is(name: str, right_name: str, secret: str, right_secret: str) -> bool:
        same_name = hmac.compare_digest(name.encode(), right_name.encode())
        return hmac.compare_digest(secret.encode(), right_secret.encode()) and same_name
