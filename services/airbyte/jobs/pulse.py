"""What goes on between the windows of a sync that reads a log: how far is it, is it to end.

`over` says when the sync ends: one that is not continuous where the log ended when it began; a
continuous one when its connection is paused or changed, when it has run for long enough, or when
something is to be done that only the beginning of a sync does.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.log import ChangeLog
from services.airbyte.destination.history import remove_history
from services.airbyte.jobs.continuous import Continuous
from services.airbyte.state import connections, freshness

if TYPE_CHECKING:
    from services.airbyte.jobs.sync import Sync

# How often the connection, the log's end, the slot and the tables' history are looked at.
_LOOK, _LAG, _HISTORY = 1.0, 10.0, 60.0


class Pulse:
    """One sync's; `continuous` is None for a sync that ends where the log does."""

    def __init__(self, sync: Sync, log: ChangeLog, continuous: Continuous | None) -> None:
        self._sync, self._log, self._continuous = sync, log, continuous
        self._began = time.monotonic()
        self._changed = connections.changed(sync.db, sync.connection.id)
        # When the log ended where it is read to.
        self._asked = datetime.datetime.now(datetime.UTC)
        self._looked = self._lag = 0.0
        self._history = self._began
        self._ending = False

    def end(self, reason: str) -> None:
        """Let a continuous sync end after this window; the next one begins in some seconds."""
        if not self._ending:
            self._sync.log.write(reason)
        self._ending = True

    def over(self) -> bool:
        """Whether the sync ends after this window."""
        if self._continuous is None:
            return self._log.caught_up
        if self._ending:
            return True
        now = time.monotonic()
        if now - self._began >= self._continuous.job_seconds:
            self._sync.log.write("another job takes over")
            return True
        if now - self._looked < _LOOK:
            return False
        self._looked = now
        changed = connections.changed(self._sync.db, self._sync.connection.id)
        if changed != self._changed:
            self._sync.log.write("the connection or its source was changed: this job ends here")
        return changed != self._changed

    def beat(self, streams: Iterable[ConfiguredStream]) -> None:
        """Note how far the sync is, now that a window is in the tables."""
        now, identity = time.monotonic(), self._sync.connection.id
        if self._log.caught_up:
            freshness.up_to_date(self._sync.db, identity, self._asked)
            if self._continuous:
                self._asked = datetime.datetime.now(datetime.UTC)
                self._log.aim()
        if now - self._lag >= _LAG or self._continuous is None:
            self._lag = now
            freshness.lag(self._sync.db, identity, self._log.lag())
        if self._continuous and now - self._history >= _HISTORY:
            self._history = now
            for stream in streams:
                with self._sync.failing(stream):
                    remove_history(self._sync.table(stream), self._continuous.history)
