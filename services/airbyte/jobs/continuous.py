"""A connection's option `continuous`: its sync goes on all the time, in small windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.airbyte.cdk.log import Limits

# How long one job runs before the next one takes over (with a new log file and new counters).
_JOB_SECONDS = 3600.0


@dataclass(frozen=True)
class Continuous:
    """How small the windows are: `every` seconds, or `rows`, whatever comes first."""

    every: float = 0.5
    rows: int = 100_000
    job_seconds: float = _JOB_SECONDS

    @classmethod
    def of(cls, options: dict[str, Any]) -> Continuous | None:
        """Read the option: true, or an object with `every` (seconds) and `rows`."""
        value = options.get("continuous")
        if not value:
            return None
        if not isinstance(value, dict):
            return cls()
        return cls(
            every=float(value.get("every") or cls.every),
            rows=int(value.get("rows") or cls.rows),
            job_seconds=float(value.get("job_seconds") or cls.job_seconds),
        )

    def limits(self) -> Limits:
        """Return a window's limits."""
        return Limits(rows=self.rows, gather=self.every, idle=1.0, target=False)
