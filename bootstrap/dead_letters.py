"""Refused records: what the sync server keeps in bucket `dlq`, shown and replayed.

An object's name says whose it is: `airbyte/<connection id>/job<job>-<attempt>/<stream>.jsonl`.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from minio import Minio
from minio.error import S3Error

from bootstrap.clients.airbyte import Airbyte
from services.common.errors import ConfigError, NotFoundError
from services.common.settings import Settings

BUCKET = "dlq"
_ADDRESS = f"s3://{BUCKET}/"

Json = dict[str, Any]


class DeadLetters:
    """The bucket, and the server that can read its records once more."""

    def __init__(self, settings: Settings, airbyte: Airbyte) -> None:
        self._airbyte = airbyte
        self._client = Minio(
            settings.s3_endpoint,
            access_key=settings.minio_root_user,
            secret_key=settings.minio_root_password.get_secret_value(),
            secure=False,
            region="us-east-1",
        )

    def listing(self) -> list[Json]:
        """Return the objects, newest first, with their connection, stream, job and size."""
        body = {"workspaceId": self._airbyte.workspace}
        known = self._airbyte.post("connections/list", body)["connections"]
        names = {one["connectionId"]: one["name"] for one in known}
        found = []
        for item in self._client.list_objects(BUCKET, prefix="airbyte/", recursive=True):
            if item.is_dir or item.object_name is None:
                continue
            _, connection, attempt, name = item.object_name.split("/", 3)
            found.append(
                {
                    "address": _ADDRESS + item.object_name,
                    "connection": names.get(connection, connection),
                    "stream": _stream(name),
                    "job": int(attempt.removeprefix("job").partition("-")[0]),
                    "bytes": item.size,
                    "at": item.last_modified.isoformat() if item.last_modified else None,
                }
            )
        return sorted(found, key=lambda one: str(one["at"]), reverse=True)

    def show(self, address: str) -> str:
        """Return an object's JSON lines. Raises NotFoundError."""
        try:
            response = self._client.get_object(BUCKET, address.removeprefix(_ADDRESS))
        except S3Error as error:
            if error.code != "NoSuchKey":
                raise
            raise NotFoundError(
                f"{address} is not there; see `lakelet dead-letters list` (what was replayed lies"
                f" below {_ADDRESS}replayed/, what a sync reads and refuses again below"
                f" {_ADDRESS}repeated/)"
            ) from error
        try:
            return str(response.read().decode())
        finally:
            response.close()
            response.release_conn()

    def replay(self, address: str, corrected: Path | None) -> Json:
        """Read an object's records once more, those of `corrected` in their place if given.

        Returns `jobs/get`'s answer. Raises NotFoundError when there is no such object, ConfigError
        when `corrected` is not of JSON lines, PermanentError when records still do not fit.
        """
        self.show(address)
        _, connection, _, name = address.removeprefix(_ADDRESS).split("/", 3)
        shown = self._airbyte.post("connections/get", {"connectionId": connection})
        wanted: Json = {"streamName": _stream(name)}
        for entry in shown["syncCatalog"]["streams"]:
            if entry["stream"]["name"] == wanted["streamName"] and entry["stream"].get("namespace"):
                wanted["streamNamespace"] = entry["stream"]["namespace"]
        body = {"connectionId": connection, "address": address, **wanted}
        if corrected is not None:
            # Beside the refused ones: these stay as they are until the job has read the others.
            lines, own = _checked(corrected), f"corrected/{uuid4()}/{name}"
            self._client.put_object(BUCKET, own, io.BytesIO(lines), len(lines))
            body["corrected"] = _ADDRESS + own
        job = self._airbyte.post("connections/replay_dead_letters", body)["job"]["id"]
        return self._airbyte.wait(int(job), f"replay of {address}")


def _stream(name: str) -> str:
    """Return the stream of an object's name: `orders.jsonl`, `orders.1.jsonl`."""
    bare = name.removesuffix(".jsonl")
    stream, dot, part = bare.rpartition(".")
    return stream if dot and part.isdigit() else bare


def _checked(path: Path) -> bytes:
    content = path.read_bytes()
    for number, line in enumerate(content.splitlines(), 1):
        try:
            json.loads(line or b"{}")
        except ValueError as error:
            raise ConfigError(f"{path}, line {number} is not JSON: {error}") from error
    return content
