"""Files on an SFTP (SSH) or FTP server. A url is the path on it."""

from __future__ import annotations

import asyncio
import datetime
import ftplib
import posixpath
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncssh

from services.airbyte.cdk.failures import config_error, transient_error

Json = dict[str, Any]
Listing = list[tuple[str, datetime.datetime]]

SSH, FTP = ("SFTP", "SSH", "SCP"), ("FTP",)
_SECONDS = 30


def fetch(config: Json, url: str, target: Path) -> None:
    """Write a file to `target`. Raises ConnectorError that names the server and what to set."""
    path, provider = _path(url), config.get("provider") or {}
    with _explained(provider, path):
        if provider["storage"] in FTP:
            with _ftp(provider) as ftp, target.open("wb") as file:
                ftp.retrbinary(f"RETR {path}", file.write, 1 << 20)
        else:
            asyncio.run(_fetch(provider, path, target))


def listing(config: Json, url: str, pattern: Callable[[str], re.Pattern[str]]) -> Listing:
    """Return the files that a url with a glob means. Raises ConnectorError."""
    path, provider = _path(url), config.get("provider") or {}
    top = posixpath.dirname(re.split(r"[*?\[]", path, maxsplit=1)[0]) or "."
    with _explained(provider, path):
        if provider["storage"] in FTP:
            with _ftp(provider) as ftp:
                found = list(_walk(ftp, top))
        else:
            found = asyncio.run(_listing(provider, top))
    return [(name, when) for name, when in found if pattern(path).match(name)]


def _path(url: str) -> str:
    """Return the path on the server; `sftp://host/path` is one too."""
    return re.sub(r"^(sftp|ssh|scp|ftp)://[^/]*", "", url)


@asynccontextmanager
async def _sftp(provider: Json) -> AsyncIterator[asyncssh.SFTPClient]:
    # As Airbyte's connector the server's key is taken as it comes.
    connection = await asyncssh.connect(
        provider["host"],
        int(provider.get("port") or 22),
        username=provider["user"],
        password=provider.get("password"),
        known_hosts=None,
        client_keys=None,
        agent_path=None,
        config=None,
        connect_timeout=_SECONDS,
    )
    async with connection, connection.start_sftp_client() as client:
        yield client


async def _fetch(provider: Json, path: str, target: Path) -> None:
    async with _sftp(provider) as client:
        await client.get(path, target)


async def _listing(provider: Json, top: str) -> Listing:
    found: Listing = []
    folders = [top]
    async with _sftp(provider) as client:
        while folders:
            folder = folders.pop()
            for entry in await client.readdir(folder):
                name = str(entry.filename)
                path = posixpath.normpath(posixpath.join(folder, name))
                if name in (".", ".."):
                    continue
                if entry.attrs.type == asyncssh.FILEXFER_TYPE_DIRECTORY:
                    folders.append(path)
                else:
                    moment = entry.attrs.mtime or 0
                    found.append((path, datetime.datetime.fromtimestamp(moment, datetime.UTC)))
    return found


@contextmanager
def _ftp(provider: Json) -> Iterator[ftplib.FTP]:
    ftp = ftplib.FTP(timeout=_SECONDS)  # noqa: S321 - what the server speaks
    try:
        ftp.connect(provider["host"], int(provider.get("port") or 21))
        ftp.login(provider.get("user") or "anonymous", provider.get("password") or "")
        yield ftp
    finally:
        ftp.close()


def _walk(ftp: ftplib.FTP, folder: str) -> Iterator[tuple[str, datetime.datetime]]:
    for name, facts in list(ftp.mlsd(folder, ["type", "modify"])):
        path = posixpath.normpath(posixpath.join(folder, name))
        if facts["type"] == "dir":
            yield from _walk(ftp, path)
        elif facts["type"] == "file":
            moment = datetime.datetime.strptime(facts["modify"][:14], "%Y%m%d%H%M%S")
            yield path, moment.replace(tzinfo=datetime.UTC)


@contextmanager
def _explained(provider: Json, path: str) -> Iterator[None]:
    where = f"{provider.get('user', 'anonymous')}@{provider.get('host')}"
    try:
        yield
    except asyncssh.PermissionDenied as error:
        raise config_error(f"{where} was refused; set user and password", str(error)) from error
    except ftplib.error_perm as error:
        wrong = "user and password" if str(error).startswith("530") else "url"
        raise config_error(f"{where}: {path}: {error}; set {wrong}", str(error)) from error
    except asyncssh.SFTPError as error:
        raise config_error(f"{where}: {path}: {error.reason}; set url", str(error)) from error
    except (OSError, EOFError, TimeoutError, asyncssh.Error, ftplib.Error) as error:
        raise transient_error(
            f"{where} cannot be reached: {error}; is the server running, are host and port right?",
            str(error),
        ) from error
