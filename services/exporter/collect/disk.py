"""The disk that the platform writes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import Metric

from services.exporter.catalogue import value


class Disk:
    """Collects; `reserve`: bytes that are wanted free."""

    def __init__(self, folder: Path, reserve: int) -> None:
        self._folder = folder
        self._reserve = reserve

    def __call__(self) -> Iterator[Metric]:
        """Yield the families. Raises OSError."""
        usage = shutil.disk_usage(self._folder)
        yield value("lakelet_disk_free_bytes", usage.free)
        yield value("lakelet_disk_size_bytes", usage.total)
        yield value("lakelet_disk_reserve_bytes", self._reserve)
