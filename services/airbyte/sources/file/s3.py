"""Objects of S3: the platform's own, or any other by `endpoint` and keys."""

from __future__ import annotations

import datetime
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minio import Minio
from minio.error import S3Error
from urllib3.exceptions import HTTPError

from services.airbyte.cdk.failures import config_error, transient_error
from services.airbyte.cdk.source import Environment

Json = dict[str, Any]


def _client(config: Json, env: Environment) -> Minio:
    provider = config.get("provider") or {}
    secret = provider.get("aws_secret_access_key")
    scheme, _, host = str(provider.get("endpoint") or env.s3_endpoint).rpartition("://")
    return Minio(
        host,
        access_key=provider.get("aws_access_key_id") if secret else env.s3_key,
        secret_key=secret or env.s3_secret,
        secure=scheme == "https",
        region=provider.get("region") or "us-east-1",
    )


def fetch(config: Json, url: str, target: Path, env: Environment) -> None:
    """Write an object to `target`. Raises ConnectorError."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    with _explained(url, env):
        response = _client(config, env).get_object(bucket, key)
        try:
            with target.open("wb") as file:
                shutil.copyfileobj(response, file, 1 << 20)
        finally:
            response.close()
            response.release_conn()


def listing(
    config: Json, url: str, pattern: Callable[[str], re.Pattern[str]], env: Environment
) -> list[tuple[str, datetime.datetime]]:
    """Return the objects that a url with a glob means. Raises ConnectorError."""
    bucket, _, glob = url.removeprefix("s3://").partition("/")
    prefix, wanted = re.split(r"[*?\[]", glob, maxsplit=1)[0], pattern(glob)
    with _explained(url, env):
        objects = _client(config, env).list_objects(bucket, prefix=prefix, recursive=True)
        return [
            (f"s3://{bucket}/{item.object_name}", item.last_modified)
            for item in objects
            if not item.is_dir and item.last_modified and wanted.match(str(item.object_name))
        ]


@contextmanager
def _explained(url: str, env: Environment) -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        raise config_error(
            f"{url}: {error.code}; set url and the access key of the source", str(error)
        ) from error
    except HTTPError as error:
        raise transient_error(f"S3 at {env.s3_endpoint} cannot be reached", str(error)) from error
