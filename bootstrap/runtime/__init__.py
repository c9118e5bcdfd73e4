"""The two ways to run the services; everything above the wire is the same for both."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, Protocol

from bootstrap.preflight import Problem
from bootstrap.progress import Progress
from services.common.errors import ConfigError
from services.common.settings import Settings


class Runtime(Protocol):
    """Starts, stops and watches the services."""

    name: str
    engines: str  # light: our own, vendor: the vendors'
    # What has to run for PostgreSQL and the storage to answer.
    bases: tuple[str, ...]
    # Whether the storage keeps the Iceberg catalog itself (else it is a database of PostgreSQL).
    has_catalog: bool
    # The settings as the services see each other: what one of them is told about another.
    inside: Settings

    def is_up(self) -> bool:
        """Say whether every service is healthy."""

    def up(self, progress: Progress) -> None:
        """Start what does not run; return when all is healthy."""

    def up_only(self, names: Sequence[str]) -> None:
        """Have these services (and what they need) run, healthy, and no others."""

    def running(self) -> list[str]:
        """Return the names of the services that run, well or not."""

    def volumes(self) -> list[str]:
        """Return the names of what services keep outside the data folder and the two bases."""

    def read_volume(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Give a volume as a tar file; its service must stand still."""

    def write_volume(self, name: str, content: Path) -> None:
        """Fill a volume from a tar file; its service must stand still."""

    def down(self) -> None:
        """Stop everything; data stays."""

    def restart(self, service: str) -> None:
        """Restart one service."""

    def status(self) -> list[dict[str, Any]]:
        """Return a row for each service."""

    def show_logs(self, service: str | None, lines: int, *, follow: bool) -> None:
        """Print the ends of the services' logs, and go on with `follow`."""

    def set_images_aside(self) -> None:
        """Keep the images of this version under other names; the next start builds anew."""

    def put_images_back(self) -> None:
        """Give the images that were set aside their names again."""

    def remove(self) -> None:
        """Stop everything and delete what it keeps outside the data folder."""

    def problems(self) -> list[Problem]:
        """Return what stands in the way of starting on this machine; changes nothing."""


def choose_runtime(settings: Settings) -> tuple[Runtime, str]:
    """Return the runtime and why it was chosen.

    A platform that was started stays with its runtime, where its data is, until RUNTIME says
    otherwise. Raises ConfigError when RUNTIME is none that there is.
    """
    from bootstrap.runtime.compose import ComposeRuntime, why_not_compose
    from bootstrap.runtime.embedded import EmbeddedRuntime

    if settings.runtime == "embedded":
        return EmbeddedRuntime(settings), "RUNTIME=embedded"
    if settings.runtime == "compose":
        return ComposeRuntime(settings), "RUNTIME=compose"
    if settings.runtime != "auto":
        raise ConfigError(f"RUNTIME={settings.runtime!r}: set embedded, compose or auto")
    used = last_used(settings)
    if used == "compose":
        return ComposeRuntime(settings), "this platform's data is in its volumes"
    if used == "embedded":
        return EmbeddedRuntime(settings), "this platform's data is in its data folder"
    reason = why_not_compose(settings)
    if reason is None:
        return ComposeRuntime(settings), "a Docker engine answers and the images can be had"
    return EmbeddedRuntime(settings), reason


def last_used(settings: Settings) -> str | None:
    """Return the name of the runtime this platform was last started with."""
    record = settings.data_dir / "runtime"
    if record.exists():
        return record.read_text().strip()
    return "embedded" if (settings.data_dir / "postgres").exists() else None


def record_used(settings: Settings, name: str) -> None:
    """Remember the runtime this platform is started with."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    (settings.data_dir / "runtime").write_text(f"{name}\n")
