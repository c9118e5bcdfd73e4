"""Waiting for something that is starting: one rule for every service."""

from __future__ import annotations

import time
from collections.abc import Callable

from services.common.errors import TransientError


def wait_until(ready: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Call `ready` until it is true, pausing 20 ms at first and half a second at most.

    An exception from `ready` counts as not ready and is named when time is up.
    Raises TransientError when `what` is not ready within `seconds`.
    """
    deadline = time.monotonic() + seconds
    pause, problem = 0.02, "it did not answer"
    while True:
        try:
            if ready():
                return
        except Exception as error:  # noqa: BLE001 - any failure means "not yet"
            problem = f"{type(error).__name__}: {error}"
        if time.monotonic() > deadline:
            raise TransientError(f"{what} was not ready within {seconds:g} s ({problem})")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)
