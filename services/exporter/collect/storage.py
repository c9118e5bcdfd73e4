"""The object storage: its size on disk, and what is in its buckets.

Buckets are listed over S3 in a thread of their own, seldom, and never for more than a twentieth
of the time: a scrape does not wait for a listing of a million objects.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from minio import Minio
from minio.error import MinioException
from prometheus_client.core import Metric
from urllib3.exceptions import HTTPError

from services.common.settings import Settings
from services.exporter.catalogue import gauge, value

_SHORTEST_PAUSE = 60.0
_RETRY = 5.0


class Storage:
    """Collects; `start` begins to list."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.data_dir / "storage"
        self._client = Minio(
            settings.s3_endpoint,
            settings.minio_root_user,
            settings.minio_root_password.get_secret_value(),
            secure=False,
            region="us-east-1",
        )
        self._buckets: dict[str, tuple[int, int]] | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to list the buckets, again and again."""
        threading.Thread(target=self._list_for_ever, name="listing", daemon=True).start()

    def stop(self) -> None:
        """List no more."""
        self._stopping.set()

    def __call__(self) -> Iterator[Metric]:
        """Yield the families; without a listing so far only the size on disk."""
        if self._folder.is_dir():
            yield value("minio_disk_usage_bytes", blocks_of(self._folder))
        buckets = self._buckets
        if buckets is None:
            return
        objects, size = gauge("minio_objects_total"), gauge("minio_bucket_usage_bytes")
        for name, (number, octets) in buckets.items():
            objects.add_metric([name], number)
            size.add_metric([name], octets)
        yield from (objects, size)

    def list_once(self) -> None:
        """Count every bucket's objects now."""
        found = {}
        for bucket in self._client.list_buckets():
            number = octets = 0
            for item in self._client.list_objects(bucket.name, recursive=True):
                number += 1
                octets += item.size or 0
            found[bucket.name] = (number, octets)
        self._buckets = found

    def _list_for_ever(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self.list_once()
                pause = max(_SHORTEST_PAUSE, 20 * (time.monotonic() - began))
            except (MinioException, HTTPError, OSError):
                self._buckets, pause = None, _RETRY  # old counts are not shown as today's
            self._stopping.wait(pause)


def blocks_of(folder: Path) -> int:
    """Return the bytes that the files below `folder` take on disk."""
    total = 0
    for path in folder.rglob("*"):
        try:
            if path.is_file() and not path.is_symlink():
                total += path.stat().st_blocks * 512  # stat(2): always in units of 512
        except OSError:
            continue  # removed meanwhile
    return total
