"""Messages on their way: in order for each notifier, tried again until they are taken."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from itertools import groupby

from services.common.errors import TransientError
from services.exporter.alerts.notify import Notifier
from services.exporter.alerts.state import Alert

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_MOST = 1000  # messages that wait for one notifier; the oldest are dropped, and that is said

log = logging.getLogger(__name__)


class Outbox:
    """One notifier's messages, sent by a thread of its own: one that hangs delays no other."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._waiting: deque[list[Alert]] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=notifier.name, daemon=True)
        self._thread.start()

    def add(self, alerts: Sequence[Alert]) -> None:
        """Send these, one message for each name."""
        named = sorted(alerts, key=lambda alert: alert.name)
        with self._changed:
            for _, group in groupby(named, key=lambda alert: alert.name):
                self._waiting.append(list(group))
            while len(self._waiting) > _MOST:
                dropped = self._waiting.popleft()
                log.error("%s: dropped %s", self._notifier.name, dropped[0].name)
            self._changed.notify()

    def stop(self) -> None:
        """Send no more; what waits is tried once."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(5)

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopped)
                if not self._waiting:
                    return
                first = self._waiting[0]
            try:
                self._notifier.tell(first)
            except TransientError as error:
                if self._stopped:
                    return
                if pause == _FIRST_PAUSE:
                    log.warning("%s not told: %s; it is tried again", self._notifier.name, error)
                self._sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            with self._changed:
                if self._waiting and self._waiting[0] is first:
                    self._waiting.popleft()

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopped and time.monotonic() < end:
            time.sleep(0.1)
