"""Refused records: JSON lines in bucket `dlq`, with reason and position."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import orjson
from minio import Minio

from services.common.settings import Settings

BUCKET = "dlq"


class DeadLetters:
    """Keeps the refused records of one attempt."""

    def __init__(self, where: Settings, job_id: int, attempt: int, connection_id: str) -> None:
        self._client = Minio(
            where.s3_endpoint,
            access_key="airbyte",
            secret_key=where.airbyte_s3_secret_key.get_secret_value(),
            secure=False,
            region="us-east-1",
        )
        self._prefix = f"airbyte/{connection_id}/job{job_id}-{attempt}"
        self._fields = {"job_id": job_id, "attempt": attempt, "connection_id": connection_id}

    def keep(self, stream: str, records: Sequence[dict[str, Any]]) -> str:
        """Store records of a stream and return the object's address."""
        lines = b"".join(orjson.dumps({**self._fields, **r}) + b"\n" for r in records)
        name = f"{self._prefix}/{stream}.jsonl"
        self._client.put_object(BUCKET, name, io.BytesIO(lines), len(lines))
        return f"s3://{BUCKET}/{name}"
