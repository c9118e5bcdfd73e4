"""The log shipper, by the file in which it tells how far behind it is."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client.core import Metric

from services.common.settings import Settings
from services.common.shipping import read_status
from services.exporter.catalogue import value


class Shipper:
    """Collects."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self) -> Iterator[Metric]:
        """Yield the families; nothing before the shipper's first look."""
        status = read_status(self._settings)
        if status is not None:
            yield value("lakelet_shipper_behind_bytes", status.behind_bytes)
            yield value("lakelet_shipper_behind_seconds", status.waiting_for(time.time()))
