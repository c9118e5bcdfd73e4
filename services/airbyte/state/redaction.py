"""Keeping secrets out of what connectors say: their logs and errors may repeat a configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import orjson

from services.airbyte.state.secrets import MASK

# Shorter ones are words, too: without them a log could not be read any more.
_SHORTEST = 4


class Redactor:
    """Replaces secrets in texts, also as JSON and addresses write them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = set[str]()
        for secret in secrets:
            if len(secret) >= _SHORTEST:
                forms |= {secret, orjson.dumps(secret).decode()[1:-1], quote(secret, safe="")}
        # A secret may be part of another one.
        self._forms = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return a text without the secrets."""
        for form in self._forms:
            text = text.replace(form, MASK)
        return text

    def all(self, value: Any) -> Any:
        """Return a JSON value with all its texts so."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {name: self.all(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.all(inner) for inner in value]
        return value
