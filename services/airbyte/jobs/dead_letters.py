"""Refused records: JSON lines in bucket `dlq`, with reason and position.

One object holds what an attempt refused of a stream at one time:
`airbyte/<connection>/job<job>-<attempt>/<stream>.jsonl` (`<stream>.1.jsonl` …). A line has
`reason`, where it was (`source`, `line`, `byte`) and the record: `text` as received, with the
file's `columns` where it has any, or `data`, an object. When it was replayed the object lies below
`replayed/`.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
from minio import Minio
from minio.commonconfig import CopySource
from minio.error import S3Error

from services.airbyte.cdk.failures import config_error
from services.common.settings import Settings

BUCKET = "dlq"
_ADDRESS = f"s3://{BUCKET}/"

Json = dict[str, Any]


def _client(where: Settings) -> Minio:
    return Minio(
        where.s3_endpoint,
        access_key="airbyte",
        secret_key=where.airbyte_s3_secret_key.get_secret_value(),
        secure=False,
        region="us-east-1",
    )


class DeadLetters:
    """Keeps the refused records of one attempt; `limit` more than that fail it."""

    def __init__(
        self, where: Settings, job_id: int, attempt: int, connection_id: str, limit: int
    ) -> None:
        self._client, self._limit = _client(where), limit
        self._prefix = f"airbyte/{connection_id}/job{job_id}-{attempt}"
        self._fields = {"job_id": job_id, "attempt": attempt, "connection_id": connection_id}
        self._objects: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def keep(self, stream: str, records: Sequence[Json]) -> str:
        """Store records of a stream and return the object's address.

        Raises ConnectorError (config_error) when the attempt has refused more than the limit.
        """
        lines = b"".join(orjson.dumps({**self._fields, **r}) + b"\n" for r in records)
        part = f".{self._objects[stream]}" if self._objects[stream] else ""
        name = f"{self._prefix}/{stream}{part}.jsonl"
        self._client.put_object(BUCKET, name, io.BytesIO(lines), len(lines))
        self._objects[stream] += 1
        self.refused[stream] += len(records)
        total = sum(self.refused.values())
        if total > self._limit:
            raise config_error(
                f"{total} records were refused, more than the {self._limit} that are allowed; the"
                f" first is: {records[0].get('reason')}. They are kept in {_ADDRESS}{name}: correct"
                " the source, or raise maxRefusedRecords of the connection"
                " (MAX_REFUSED_RECORDS for all)"
            )
        return _ADDRESS + name


class Shelf:
    """Refused records that are to be read once more."""

    def __init__(self, where: Settings, address: str) -> None:
        self._client, self._name = _client(where), address.removeprefix(_ADDRESS)

    def records(self) -> list[Json]:
        """Return the records. Raises ConnectorError when they are not there (any more)."""
        try:
            response = self._client.get_object(BUCKET, self._name)
        except S3Error as error:
            if error.code != "NoSuchKey":
                raise
            raise config_error(
                f"{_ADDRESS}{self._name} is not there; what was replayed already lies below"
                f" {_ADDRESS}replayed/"
            ) from error
        try:
            return [orjson.loads(line) for line in response.read().splitlines() if line.strip()]
        finally:
            response.close()
            response.release_conn()

    def put_away(self) -> None:
        """Move the object below `replayed/`; nothing happens when that was done before."""
        try:
            source = CopySource(BUCKET, self._name)
            self._client.copy_object(BUCKET, f"replayed/{self._name}", source)
        except S3Error as error:
            if error.code != "NoSuchKey":
                raise
            return
        self._client.remove_object(BUCKET, self._name)
