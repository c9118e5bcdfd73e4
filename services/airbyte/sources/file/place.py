"""Where a file is: a path below the inbox, an HTTP address, an S3 object."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from minio import Minio
from minio.error import S3Error
from urllib3.exceptions import HTTPError

from services.airbyte.cdk.failures import config_error, transient_error
from services.airbyte.cdk.source import Environment

Json = dict[str, Any]


@contextmanager
def fetched(config: Json, env: Environment) -> Iterator[Path]:
    """Give the file on this machine's disk; what was downloaded for it goes away after.

    Raises ConnectorError that names the address and what to set.
    """
    storage = (config.get("provider") or {}).get("storage", "HTTPS")
    url = str(config["url"])
    if storage == "local":
        yield _local(url, env)
        return
    readers = {"HTTPS": _http, "S3": _s3}
    if storage not in readers:
        raise config_error(
            f"storage {storage} is not supported yet; use HTTPS, S3 or local (a file below"
            " the inbox folder)"
        )
    with tempfile.TemporaryDirectory(prefix="lakelet-file-") as folder:
        target = Path(folder) / (url.partition("?")[0].rpartition("/")[2] or "file")
        readers[storage](config, url, target, env)
        yield target


def _local(url: str, env: Environment) -> Path:
    name = url.removeprefix("file://").removeprefix("/local/")
    inbox = env.inbox.resolve()
    wanted = Path(name)
    path = (wanted if wanted.is_absolute() else inbox / wanted).resolve()
    if not path.is_relative_to(inbox):
        raise config_error(
            f"{url}: only files below the inbox folder ({inbox}) may be read; put the file there"
            " and set url to its path in it"
        )
    if not path.is_file():
        raise config_error(f"{url}: there is no such file below {inbox}; set url")
    return path


def _http(config: Json, url: str, target: Path, env: Environment) -> None:
    if not url.startswith(("http://", "https://")):
        url = f"https://{url}"
    agent = {"User-Agent": "lakelet"} if (config.get("provider") or {}).get("user_agent") else {}
    try:
        with (
            httpx.stream("GET", url, headers=agent, follow_redirects=True, timeout=60) as response,
            target.open("wb") as file,
        ):
            if response.status_code in (408, 425, 429) or response.status_code >= 500:
                raise transient_error(f"{url} answered {response.status_code}; try again later")
            if response.status_code >= 400:
                raise config_error(f"{url} answered {response.status_code}; set url")
            for part in response.iter_bytes(1 << 20):
                file.write(part)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise config_error(f"{url} is not an address: {error}; set url") from error
    except httpx.HTTPError as error:
        raise transient_error(f"{url} cannot be read: {error}; is the server running?") from error


def _s3(config: Json, url: str, target: Path, env: Environment) -> None:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    provider = config.get("provider") or {}
    secret = provider.get("aws_secret_access_key")
    client = Minio(
        env.s3_endpoint,
        access_key=provider.get("aws_access_key_id") if secret else env.s3_key,
        secret_key=secret or env.s3_secret,
        secure=False,
        region="us-east-1",
    )
    try:
        response = client.get_object(bucket, key)
        try:
            with target.open("wb") as file:
                shutil.copyfileobj(response, file, 1 << 20)
        finally:
            response.close()
            response.release_conn()
    except S3Error as error:
        raise config_error(
            f"s3://{bucket}/{key}: {error.code}; set url and the access key of the source",
            str(error),
        ) from error
    except HTTPError as error:
        raise transient_error(f"S3 at {env.s3_endpoint} cannot be reached", str(error)) from error
