"""Encrypts what sources keep secret, and signs tokens, with keys derived from one setting."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.common.errors import ConfigError
from services.common.settings import Settings


class Vault:
    """Keys derived from ENCRYPTION_KEY, one per use."""

    def __init__(self, settings: Settings) -> None:
        self._master = settings.encryption_key.get_secret_value().encode()
        self._fernet = Fernet(base64.urlsafe_b64encode(self.key("source secrets")))

    def key(self, use: str) -> bytes:
        """Return the 32-byte key for `use`."""
        derive = HKDF(
            algorithm=hashes.SHA256(), length=32, salt=None, info=f"dremio {use}".encode()
        )
        return derive.derive(self._master)

    def seal(self, secret: str) -> str:
        """Return `secret` encrypted."""
        return self._fernet.encrypt(secret.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """Return what `seal` was given. Raises ConfigError when the key is another one now."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise ConfigError(
                "a source's secret cannot be decrypted: ENCRYPTION_KEY has changed since it was "
                "stored; set the former one, or save the source again"
            ) from error
