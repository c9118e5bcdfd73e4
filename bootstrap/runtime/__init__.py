"""The two ways to run the services; everything above the wire is the same for both."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from bootstrap.progress import Progress
from services.common.errors import ConfigError
from services.common.settings import Settings


class Runtime(Protocol):
    """Starts, stops and watches the services."""

    name: str

    def is_up(self) -> bool:
        """Say whether every service is healthy."""

    def up(self, progress: Progress) -> None:
        """Start what does not run; return when all is healthy."""

    def down(self) -> None:
        """Stop everything; data stays."""

    def restart(self, service: str) -> None:
        """Restart one service."""

    def status(self) -> list[dict[str, Any]]:
        """Return a row for each service."""

    def log_files(self, service: str | None) -> list[Path]:
        """Return the files that the services' logs are in."""


def choose_runtime(settings: Settings) -> tuple[Runtime, str]:
    """Return the runtime and why it was chosen.

    Raises ConfigError when RUNTIME asks for one that cannot be had.
    """
    from bootstrap.runtime.embedded import EmbeddedRuntime

    if settings.runtime == "embedded":
        return EmbeddedRuntime(settings), "RUNTIME=embedded"
    if settings.runtime == "auto":
        return EmbeddedRuntime(settings), "this version has no Compose runtime yet"
    if settings.runtime == "compose":
        raise ConfigError(
            "RUNTIME=compose: this version has no Compose runtime yet; "
            "leave RUNTIME out or set RUNTIME=embedded"
        )
    raise ConfigError(f"RUNTIME={settings.runtime!r}: set embedded, compose or auto")
