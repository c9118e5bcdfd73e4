"""How an attempt ends, and whether and when there is another one."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from services.airbyte.cdk.failures import describe
from services.airbyte.state import jobs
from services.airbyte.state.database import Db
from services.airbyte.state.records import Attempt
from services.common.errors import TransientError

# Attempts in a row that failed by themselves and brought nothing; all that failed; attempts that
# the platform lost (killed, restarted). Airbyte's rule, with fewer attempts.
MAX_FAILED = 4
MAX_PARTIAL = 20
MAX_LOST = 20
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 600.0


def finish(db: Db, job_id: int, attempt: int, failures: list[dict[str, Any]]) -> str | None:
    """End a running attempt and decide on the job; return the job's status.

    None: the attempt had been ended by someone else, nothing was changed.
    """
    with db.transaction():
        if not jobs.end_attempt(db, job_id, attempt, failures):
            return None
        if not failures:
            jobs.end_job(db, job_id, "succeeded")
            return "succeeded"
        pause = retry_pause(jobs.get(db, job_id).attempts)
        status = "failed" if pause is None else "incomplete"
        jobs.end_job(db, job_id, status, pause)
        return status


def retry_pause(
    attempts: tuple[Attempt, ...],
    uniform: Callable[[float, float], float] = random.uniform,
) -> float | None:
    """Return the seconds until the next attempt, None when there should be none.

    The pause triples with every attempt in a row that committed nothing; `uniform` spreads it, so
    that many connections do not come back to a source at the same moment.
    """
    last = attempts[-1].failures
    if any(f["failureType"] in ("config_error", "manual_cancellation") for f in last):
        return None
    lost = [a for a in attempts if a.failures and _lost(a.failures)]
    failed = [a for a in attempts if a not in lost]
    in_vain = 0
    for attempt in reversed(failed):
        if attempt.total("recordsCommitted"):
            break
        in_vain += 1
    if in_vain >= MAX_FAILED or len(failed) >= MAX_PARTIAL or len(lost) >= MAX_LOST:
        return None
    if _lost(last):
        return 0.2 * len(lost)
    pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 3.0 ** max(0, in_vain - 1))
    return pause * uniform(0.8, 1.2)


def _lost(failures: list[dict[str, Any]]) -> bool:
    return all(failure["failureOrigin"] == "airbyte_platform" for failure in failures)


def lost_attempt(reason: str) -> dict[str, Any]:
    """Return the failure of an attempt whose process is gone."""
    failure = describe(TransientError(reason), origin="airbyte_platform")
    return {**failure, "failureType": "system_error", "stacktrace": ""}


def cancelled() -> dict[str, Any]:
    """Return the failure of an attempt that was cancelled."""
    failure = describe(TransientError("the job was cancelled"), origin="airbyte_platform")
    return {**failure, "failureType": "manual_cancellation", "retryable": False, "stacktrace": ""}
