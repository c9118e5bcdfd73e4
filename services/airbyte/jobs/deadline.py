"""An attempt that takes too long ends, whatever it is waiting for.

Airbyte gives a sync three days (SYNC_JOB_MAX_TIMEOUT_DAYS). A source that says nothing is found
earlier: connectors' processes by their silence, databases by TCP's keep-alive.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from services.airbyte.cdk.failures import describe, transient_error
from services.airbyte.jobs.outcome import finish
from services.airbyte.state.database import Db
from services.airbyte.state.records import Connection

OPTION = "syncTimeoutSeconds"


def seconds_of(connection: Connection, default: float) -> float:
    """Return how long an attempt at a sync of the connection may take."""
    own = connection.options.get(OPTION)
    return default if own is None else float(own)


def arm(
    connect: Callable[[], Db],
    log: Callable[..., None],
    job_id: int,
    attempt: int,
    seconds: float,
    end: Callable[[int], None] = os._exit,
) -> threading.Timer:
    """End this process after `seconds`, unless the timer is cancelled before.

    What was committed until then stays; the job is tried again as after any other failure.
    """

    def expire() -> None:
        failure = describe(
            transient_error(
                f"the attempt took longer than {seconds:g} s and was ended; set"
                f" SYNC_TIMEOUT_SECONDS (or {OPTION} of the connection) if it needs longer",
                at="replication",
            )
        )
        try:
            with connect() as db:
                status = finish(db, job_id, attempt, [failure])
            log(f"{failure['externalMessage']} (job {status})", level="ERROR")
        finally:
            end(1)

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    return timer
