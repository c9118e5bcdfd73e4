"""Keeping secrets out of shipped logs: known values, password-looking fields, addresses' logins."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import SecretStr

from services.common.settings import Settings

HIDDEN = "***"
_SECRET_SETTING = re.compile(r"(PASSWORD|SECRET|_KEY|TOKEN)$", re.IGNORECASE)
_SECRET_FIELD = re.compile(
    r"(pass(word|wd|phrase)?|pwd|secret|token|api_?key|access_?key|private_?key|authorization|"
    r"credential)s?$",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(
    r"(?i)\b([\w.-]*(?:password|passwd|pwd|secret|token|api_?key|access_?key))"
    r"""(["']?\s*[:=]\s*["']?)([^\s"',;}&)]+)"""
)
_LOGIN = re.compile(r"(\w+://[^\s:/@]*:)[^\s@/]+@")
_HEADER = re.compile(r"(?i)\b(basic|bearer|apikey)\s+[A-Za-z0-9._~+/=-]{8,}")


class Redactor:
    """Replaces secrets in records by `***`."""

    def __init__(self, values: Iterable[str]) -> None:
        known = sorted({v for v in values if len(v) >= 8}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        text = _LOGIN.sub(rf"\1{HIDDEN}@", text)
        text = _HEADER.sub(rf"\1 {HIDDEN}", text)
        return _ASSIGNED.sub(rf"\1\2{HIDDEN}", text)

    def value(self, value: Any, name: str = "") -> Any:
        """Return any JSON value without secrets; `name`: the field it stands in."""
        if name and _SECRET_FIELD.search(name) and value not in (None, "", True, False):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {k: self.value(v, str(k)) for k, v in value.items()}
        if isinstance(value, list):
            return [self.value(v) for v in value]
        return value


def secrets_of(settings: Settings) -> list[str]:
    """Return every secret value: of our settings and of what the user set besides them."""
    own = [v.get_secret_value() for _, v in settings if isinstance(v, SecretStr)]
    return own + [v for k, v in settings.extra_values().items() if _SECRET_SETTING.search(k)]
