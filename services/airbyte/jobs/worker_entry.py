"""The names that the server sends to a worker process; what they do is imported there only.

The server itself stays small: it never loads DuckDB or PyIceberg.
"""

from __future__ import annotations

from multiprocessing.connection import Connection as Pipe
from typing import Any


def run_attempt(job_id: int, attempt: int) -> None:
    """See `services.airbyte.jobs.worker.run_attempt`."""
    from services.airbyte.jobs import worker

    worker.run_attempt(job_id, attempt)


def run_call(pipe: Pipe, operation: str, kind: str, connector: str, config: dict[str, Any]) -> None:
    """See `services.airbyte.jobs.worker.run_call`."""
    from services.airbyte.jobs import worker

    worker.run_call(pipe, operation, kind, connector, config)
