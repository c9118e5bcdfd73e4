"""What was planned for tickets that are not redeemed yet: for one use, and not for long.

A ticket is whole without it: it holds the statement, so that one that is redeemed twice, late, or
by another session is planned again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from services.dremio.state.execute.planned import Planned

_MOST = 256


class Tickets:
    """Plans by their ticket's id, the oldest forgotten first. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Planned] = OrderedDict()

    def keep(self, ticket: str, planned: Planned) -> None:
        """Keep a plan until its ticket is redeemed."""
        with self._lock:
            self._kept[ticket] = planned
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)

    def take(self, ticket: str) -> Planned | None:
        """Return a ticket's plan, once."""
        with self._lock:
            return self._kept.pop(ticket, None)
