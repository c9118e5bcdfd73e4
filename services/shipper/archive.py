"""Keeping all records in the object store: `logs/service=…/date=…/<name>.jsonl.gz`.

Records gather in a local file until there are enough of them or the oldest has waited long
enough; an object's name is fixed when its file is begun, so that an upload may be repeated.
"""

from __future__ import annotations

import gzip
import io
import os
import time
from pathlib import Path
from typing import Any

import orjson
import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from services.common.errors import TransientError
from services.common.settings import Settings
from services.shipper.checkpoint import Checkpoint, SpoolState

BUCKET = "logs"
_FULL = 4 * 1024 * 1024  # bytes of text: about 400 kB compressed
_WAIT = 600.0  # seconds
LIMIT = 64 * 1024 * 1024  # bytes of all files: with more waiting, nothing new is read


class Archive:
    """The files in the making, and their way into the bucket."""

    def __init__(self, settings: Settings, checkpoint: Checkpoint, folder: Path) -> None:
        self._checkpoint, self._folder = checkpoint, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._s3 = Minio(
            settings.s3_endpoint,
            access_key="logs",
            secret_key=settings.logs_s3_secret_key.get_secret_value(),
            secure=False,
            region="us-east-1",
            http_client=urllib3.PoolManager(timeout=urllib3.Timeout(10), retries=False),
        )
        self._cut_back()

    def _cut_back(self) -> None:
        """Undo what was written after the last checkpoint: it is read and written again."""
        known = {state.name for state in self._checkpoint.spools.values()}
        for path in self._folder.iterdir():
            if path.name not in known:
                path.unlink()
        for state in self._checkpoint.spools.values():
            path = self._folder / state.name
            if path.exists():
                os.truncate(path, state.length)
            else:
                state.length = 0

    @property
    def full(self) -> bool:
        """Whether as much is waiting as may."""
        return sum(s.length for s in self._checkpoint.spools.values()) >= LIMIT

    def add(self, documents: list[tuple[str, str, dict[str, Any]]]) -> None:
        """Append records to their files; what counts is entered into the checkpoint (unsaved)."""
        groups: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        for _, identifier, record in documents:
            key = f"service={record['service']}/date={record['timestamp'][:10]}"
            groups.setdefault(key, []).append((identifier, record))
        for key, records in groups.items():
            state = self._checkpoint.spools.get(key)
            if state is None:
                state = SpoolState(f"{records[0][0]}.jsonl", 0, time.time())
                self._checkpoint.spools[key] = state
            with (self._folder / state.name).open("ab") as file:
                for _, record in records:
                    file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
                file.flush()
                os.fsync(file.fileno())
                state.length = file.tell()

    def upload(self, *, everything: bool = False) -> int:
        """Upload what is full or has waited long enough; return the number of objects.

        Raises TransientError when the object store does not take them.
        """
        now, count = time.time(), 0
        for key, state in list(self._checkpoint.spools.items()):
            if not (everything or state.length >= _FULL or now - state.since >= _WAIT):
                continue
            path = self._folder / state.name
            data = gzip.compress(path.read_bytes()[: state.length], mtime=0)
            try:
                self._s3.put_object(
                    BUCKET, f"{key}/{state.name}.gz", io.BytesIO(data), len(data),
                    content_type="application/gzip",
                )  # fmt: skip
            except (S3Error, MinioException, urllib3.exceptions.HTTPError) as error:
                raise TransientError(f"the object store does not take logs: {error}") from error
            del self._checkpoint.spools[key]
            self._checkpoint.save()
            path.unlink(missing_ok=True)
            count += 1
        return count
