"""What the settings allow: how long is kept, how much runs at once, how long it may take."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.settings import Settings


@dataclass(frozen=True)
class Keeping:
    """How many days records are kept."""

    jobs_days: int
    audit_days: int

    @classmethod
    def of(cls, settings: Settings) -> Keeping:
        """Read the settings."""
        return cls(settings.dremio_jobs_days, settings.dremio_audit_days)
