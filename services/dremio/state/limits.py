"""What the settings allow: how long is kept, how much runs at once, how long it may take."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.settings import Settings


@dataclass(frozen=True)
class Limits:
    """Read once from the settings. Times in seconds, 0 for no limit."""

    jobs_days: int = 30
    audit_days: int = 90
    at_once: int = 32
    queue_length: int = 200
    queue_seconds: float = 300.0
    statement_seconds: float = 0.0
    cache_bytes: int = 256 * 1024 * 1024

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Read the settings."""
        return cls(
            settings.dremio_jobs_days,
            settings.dremio_audit_days,
            settings.dremio_queries_at_once,
            settings.dremio_queue_length,
            settings.dremio_queue_seconds,
            settings.dremio_statement_seconds,
            settings.dremio_result_cache_mb * 1024 * 1024,
        )
