"""Where a file is: a path below the inbox, an HTTP address, S3, SFTP or FTP."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from services.airbyte.cdk.failures import config_error, transient_error
from services.airbyte.cdk.source import Environment
from services.airbyte.sources.file import remote, s3

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
    if storage not in ("HTTPS", "S3", *remote.SSH, *remote.FTP):
        raise config_error(
            f"storage {storage} is not supported yet; use HTTPS, S3, SFTP, FTP or local (a file"
            " below the inbox folder)"
        )
    with tempfile.TemporaryDirectory(prefix="lakelet-file-") as folder:
        target = Path(folder) / (url.partition("?")[0].rpartition("/")[2] or "file")
        if storage == "HTTPS":
            _http(config, url, target)
        elif storage == "S3":
            s3.fetch(config, url, target, env)
        else:
            remote.fetch(config, url, target)
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


def _http(config: Json, url: str, target: Path) -> None:
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
