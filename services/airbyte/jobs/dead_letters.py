"""Refused records: JSON lines in bucket `dlq`, with reason and position.

One object holds what an attempt refused of a stream at one time:
`airbyte/<connection>/job<job>-<attempt>/<stream>.jsonl` (`<stream>.1.jsonl` …). A line has
`reason`, where it was (`source`, `line`, `byte`) and the record: `text` as received, with the
file's `columns` where it has any, or `data`, an object. When it was replayed the object lies below
`replayed/`.

A record is to be there once, too, when it was refused more than once. So an object notes from which
version of the stream's state on it was read, and is put away below `repeated/` when its records
will be refused again: when what was read with them was never committed, or when the table is filled
anew.
"""

from __future__ import annotations

import io
import re
import threading
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
# The name of the note in an object's metadata.
VERSION = "read-from-version"
_ADDRESS = f"s3://{BUCKET}/"
# Job, attempt and part of an object.
_NAME = re.compile(r"/job(\d+)-(\d+)/.+?(?:\.(\d+))?\.jsonl$")

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
        self._connection = f"airbyte/{connection_id}/"
        self._prefix = f"{self._connection}job{job_id}-{attempt}"
        self._fields = {"job_id": job_id, "attempt": attempt, "connection_id": connection_id}
        self._objects: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._earlier: dict[str, list[str]] | None = None
        self._reading: dict[str, tuple[str, int]] = {}
        self._same_names: set[str] = set()
        self.refused: Counter[str] = Counter()

    def keep(self, stream: str, records: Sequence[Json]) -> str:
        """Store records of a stream and return the object's address.

        Raises ConnectorError (config_error) when the attempt has refused more than the limit.
        """
        lines = b"".join(orjson.dumps({**self._fields, **r}) + b"\n" for r in records)
        part = f".{self._objects[stream]}" if self._objects[stream] else ""
        name = f"{self._prefix}/{stream}{part}.jsonl"
        known = self._reading.get(stream) if stream not in self._same_names else None
        metadata: dict[str, str | list[str] | tuple[str]] = {}
        if known:
            metadata[VERSION] = str(known[1])
        self._client.put_object(BUCKET, name, io.BytesIO(lines), len(lines), metadata=metadata)
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

    def reading(self, stream: str, key: str, version: int) -> None:
        """A stream is read from a version of its state on: what was read from there on before, or
        from a later one, was not committed and is read again. `key`: its name with its namespace.
        """
        with self._lock:
            if self._reading.get(stream, (key, 0))[0] != key:
                self._same_names.add(stream)  # an object's name tells no namespace
            self._reading[stream] = (key, version)
            self._put_away(stream, version)

    def committed(self, stream: str, key: str, version: int) -> None:
        """What was read up to a version of the stream's state is in its table."""
        with self._lock:
            self._reading[stream] = (key, version)

    def filled_anew(self, stream: str) -> None:
        """Nothing that was read by earlier attempts is in the stream's table any more."""
        with self._lock:
            self._put_away(stream, 0)

    def _put_away(self, stream: str, version: int) -> None:
        """Move what was read from this version or a later one; versions grow with the objects."""
        if self._earlier is None:
            self._earlier = self._find_earlier()
        if stream in self._same_names:
            return
        names = self._earlier.get(stream, [])
        while names:
            noted = self._noted(names[-1])
            if noted is not None and noted < version:
                break
            name = names.pop()
            if noted is not None:
                move(self._client, name, f"repeated/{name}")

    def _find_earlier(self) -> dict[str, list[str]]:
        """Return the connection's objects of other attempts by stream, the oldest first."""
        found: dict[str, list[str]] = {}
        for item in self._client.list_objects(BUCKET, prefix=self._connection, recursive=True):
            name = str(item.object_name)
            if not item.is_dir and not name.startswith(f"{self._prefix}/"):
                stream = stream_of(name.removeprefix(self._connection).partition("/")[2])
                found.setdefault(stream, []).append(name)
        for names in found.values():
            names.sort(key=_age)
        return found

    def _noted(self, name: str) -> int | None:
        """Return the version that an object was read from; None where it could not be told."""
        try:
            metadata = self._client.stat_object(BUCKET, name).metadata or {}
        except S3Error as error:
            if error.code != "NoSuchKey":
                raise
            return None
        noted = metadata.get(f"x-amz-meta-{VERSION}")
        return None if noted is None else int(noted)


def _age(name: str) -> tuple[int, ...]:
    """Order a stream's objects by job, attempt and part."""
    found = _NAME.search(name)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def stream_of(name: str) -> str:
    """Return the stream of an object's last part: `orders.jsonl`, `orders.1.jsonl`."""
    bare = name.removesuffix(".jsonl")
    stream, dot, part = bare.rpartition(".")
    return stream if dot and part.isdigit() else bare


def move(client: Minio, name: str, target: str) -> None:
    """Move an object; nothing happens when it is not there any more."""
    try:
        client.copy_object(BUCKET, target, CopySource(BUCKET, name))
    except S3Error as error:
        if error.code != "NoSuchKey":
            raise
        return
    client.remove_object(BUCKET, name)


class Shelf:
    """Refused records that are to be read once more, or `corrected` in their place."""

    def __init__(self, where: Settings, address: str, corrected: str | None = None) -> None:
        self._client, self._name = _client(where), address.removeprefix(_ADDRESS)
        self._corrected = corrected.removeprefix(_ADDRESS) if corrected else None

    def records(self) -> list[Json]:
        """Return the records. Raises ConnectorError when they are not there (any more)."""
        refused = self._read(self._name)
        text = self._read(self._corrected) if self._corrected else refused
        return [orjson.loads(line) for line in text.splitlines() if line.strip()]

    def _read(self, name: str) -> bytes:
        try:
            response = self._client.get_object(BUCKET, name)
        except S3Error as error:
            if error.code != "NoSuchKey":
                raise
            raise config_error(
                f"{_ADDRESS}{name} is not there; what was replayed already lies below"
                f" {_ADDRESS}replayed/, and below {_ADDRESS}repeated/ what an attempt refused that"
                " committed nothing, or before the table was filled anew: a sync reads and refuses"
                " that again"
            ) from error
        try:
            return bytes(response.read())
        finally:
            response.close()
            response.release_conn()

    def put_away(self) -> None:
        """Move the objects below `replayed/`; nothing happens when that was done before."""
        for name in (self._name, self._corrected):
            if name:
                move(self._client, name, f"replayed/{name}")
