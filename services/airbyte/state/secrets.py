"""Secrets in connector configurations: found by the specification, encrypted, masked.

A property is a secret when its connector's specification says `airbyte_secret: true`,
also inside `oneOf` branches, objects and arrays.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from services.common.errors import ConfigError

MASK = "**********"
_MARK = "_lakelet_secret"
# The ids of S3's access keys, by the names that connectors have for them.
_IDS = ("access_key_id", "aws_access_key_id")

Json = dict[str, Any]


class Vault:
    """Encrypts and decrypts with the platform's key (`ENCRYPTION_KEY`)."""

    def __init__(self, key: str) -> None:
        digest = hashlib.sha256(b"lakelet airbyte " + key.encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(digest))

    def seal(self, configuration: Json, spec: Json, previous: Json | None = None) -> Json:
        """Return `configuration` with its secrets encrypted.

        A secret that equals the mask keeps the value it has in `previous` (sealed).
        """

        def replace(value: Any, old: Any) -> Any:
            if value == MASK and isinstance(old, dict) and _MARK in old:
                return old
            if isinstance(value, dict) and _MARK in value:
                raise ConfigError(f"a configuration may not hold the key {_MARK!r}")
            return {_MARK: self._fernet.encrypt(str(value).encode()).decode()}

        sealed = _walk(configuration, schema_of(spec), previous, replace)
        assert isinstance(sealed, dict)  # noqa: S101 - a configuration is an object
        return sealed

    def open(self, sealed: Any) -> Any:
        """Return a sealed configuration with its secrets in plain text.

        Raises ConfigError when the key is not the one it was sealed with.
        """
        if isinstance(sealed, dict):
            if set(sealed) == {_MARK}:
                try:
                    return self._fernet.decrypt(sealed[_MARK].encode()).decode()
                except InvalidToken as error:
                    raise ConfigError(
                        "a stored secret cannot be decrypted: ENCRYPTION_KEY in .env is not the key"
                        " it was stored with; put the old key back or enter the secret again"
                    ) from error
            return {name: self.open(value) for name, value in sealed.items()}
        if isinstance(sealed, list):
            return [self.open(value) for value in sealed]
        return sealed

    def token(self, subject: str) -> str:
        """Return a signed bearer token."""
        return self._fernet.encrypt(b"token " + subject.encode()).decode()

    def token_subject(self, token: str, seconds: int) -> str | None:
        """Return whose token it is; None when it is not ours or older than `seconds`."""
        try:
            plain = self._fernet.decrypt(token.encode(), ttl=seconds).decode()
        except (InvalidToken, ValueError):
            return None
        return plain.removeprefix("token ") if plain.startswith("token ") else None


def mask(sealed: Any) -> Any:
    """Return a sealed configuration with every secret replaced by the mask."""
    if isinstance(sealed, dict):
        if set(sealed) == {_MARK}:
            return MASK
        return {name: mask(value) for name, value in sealed.items()}
    if isinstance(sealed, list):
        return [mask(value) for value in sealed]
    return sealed


def is_sealed(value: Any) -> bool:
    """Whether a value of a sealed configuration is a secret."""
    return isinstance(value, dict) and _MARK in value


def secrets_in(configuration: Json, spec: Json) -> set[str]:
    """Return the secrets of a configuration in plain text.

    Not the ids of access keys, which Airbyte masks as well: they say who asks; errors name them.
    """
    found = set[str]()

    def collect(value: Any, _: Any) -> Any:
        found.add(str(value))
        return value

    _walk(configuration, schema_of(spec), None, collect)
    parts = [configuration, *(part for part in configuration.values() if isinstance(part, dict))]
    return found - {str(part[name]) for part in parts for name in _IDS if name in part}


def schema_of(spec: Json) -> Json:
    """Return the JSON schema of a connector's specification."""
    schema = spec.get("connectionSpecification", spec)
    return schema if isinstance(schema, dict) else {}


def _walk(value: Any, schema: Json, old: Any, replace: Callable[[Any, Any], Any]) -> Any:
    if value is None:
        return None
    if schema.get("airbyte_secret"):
        return replace(value, old)
    if isinstance(value, dict):
        properties = properties_of(value, schema)
        before = old if isinstance(old, dict) else {}
        return {
            name: _walk(inner, properties.get(name, {}), before.get(name), replace)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        items = schema.get("items")
        before_list = old if isinstance(old, list) else []
        return [
            _walk(
                inner,
                items if isinstance(items, dict) else {},
                before_list[index] if index < len(before_list) else None,
                replace,
            )
            for index, inner in enumerate(value)
        ]
    return value


def properties_of(value: Json, schema: Json) -> Json:
    """Return the property schemas that apply; of alternatives, a secret in any counts."""
    merged: Json = dict(schema.get("properties") or {})
    for keyword in ("oneOf", "anyOf", "allOf"):
        for branch in schema.get(keyword) or ():
            for name, inner in (branch.get("properties") or {}).items():
                if name in value and (name not in merged or inner.get("airbyte_secret")):
                    merged[name] = inner
    return merged
