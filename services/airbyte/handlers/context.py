"""What every handler works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from services.airbyte.definitions.registry import Registry
from services.airbyte.jobs.pool import WorkerPool
from services.airbyte.state.database import Pool
from services.airbyte.state.secrets import Vault


@dataclass(frozen=True)
class Context:
    """The running server's parts. `reschedule` is told of every connection that changed.

    `started`: the database is prepared; `ready`: it answers right now.
    """

    db: Pool
    vault: Vault
    registry: Registry
    workers: WorkerPool
    folder: Path
    reschedule: Callable[[UUID], None]
    ready: Callable[[], bool]
    started: Callable[[], bool]
