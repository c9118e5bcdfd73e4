"""Where backups lie: a folder, or a bucket of any S3."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from services.common.errors import ConfigError, NotFoundError, TransientError
from services.common.settings import Settings


class Readable(Protocol):
    """What can be read piece by piece."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, none at the end."""


class Store(Protocol):
    """Named content; names are relative paths."""

    address: str

    def has(self, name: str) -> bool:
        """Say whether there is content of this name."""

    def put(self, name: str, path: Path) -> None:
        """Store a file's content whole or not at all."""

    def open(self, name: str) -> AbstractContextManager[Readable]:
        """Return the content for reading. Raises NotFoundError."""

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted."""

    def delete(self, name: str) -> None:
        """Remove content; what is gone already does not matter."""


class FolderStore:
    """A folder that only its owner may enter: backups hold secrets."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder)
        self._folder = folder

    def has(self, name: str) -> bool:
        """Say whether there is content of this name."""
        return (self._folder / name).is_file()

    def put(self, name: str, path: Path) -> None:
        """Store a file's content whole or not at all (written beside, then renamed)."""
        target = self._folder / name
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        for folder in reversed([target.parent, *target.parent.relative_to(self._folder).parents]):
            # `parents=True` would make those above with everyone's rights.
            (self._folder / folder).mkdir(exist_ok=True, mode=0o700)
        unfinished = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
        with path.open("rb") as source, unfinished.open("wb") as copy:
            os.fchmod(copy.fileno(), 0o600)
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        unfinished.replace(target)

    def open(self, name: str) -> AbstractContextManager[Readable]:
        """Return the content for reading. Raises NotFoundError."""
        try:
            return (self._folder / name).open("rb")
        except FileNotFoundError as error:
            raise NotFoundError(f"{self.address} holds no {name}") from error

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted."""
        found = sorted((self._folder / folder).glob("*"))
        return [f"{folder}/{path.name}" for path in found if not path.name.startswith(".")]

    def delete(self, name: str) -> None:
        """Remove content; what is gone already does not matter."""
        (self._folder / name).unlink(missing_ok=True)


class S3Store:
    """A prefix of a bucket."""

    def __init__(self, client: Minio, bucket: str, prefix: str) -> None:
        self.address = f"s3://{bucket}/{prefix}".rstrip("/")
        self._client, self._bucket = client, bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def has(self, name: str) -> bool:
        """Say whether there is content of this name."""
        try:
            with self._words():
                self._client.stat_object(self._bucket, self._prefix + name)
        except NotFoundError:
            return False
        return True

    def put(self, name: str, path: Path) -> None:
        """Store a file's content whole or not at all."""
        with self._words():
            self._client.fput_object(self._bucket, self._prefix + name, str(path))

    def open(self, name: str) -> AbstractContextManager[Readable]:
        """Return the content for reading. Raises NotFoundError."""
        with self._words():
            return self._client.get_object(self._bucket, self._prefix + name)

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted."""
        start = f"{self._prefix}{folder}/"
        with self._words():
            found = list(self._client.list_objects(self._bucket, prefix=start))
        return sorted(item.object_name.removeprefix(self._prefix) for item in found)

    def delete(self, name: str) -> None:
        """Remove content; what is gone already does not matter."""
        with self._words():
            self._client.remove_object(self._bucket, self._prefix + name)

    @contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except S3Error as error:
            if error.code in {"NoSuchKey", "NoSuchBucket", "ResourceNotFound"}:
                raise NotFoundError(f"{self.address}: {error.code} {error.resource}") from error
            raise ConfigError(
                f"{self.address}: {error.code}: {error.message}; set BACKUP_ENDPOINT, "
                "BACKUP_ACCESS_KEY and BACKUP_SECRET_KEY"
            ) from error
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            raise TransientError(f"{self.address} does not answer: {error}") from error


def open_store(address: str, settings: Settings | None) -> Store:
    """Return the place of backups at `address`: a folder's path or `s3://bucket/prefix`.

    For S3, BACKUP_ENDPOINT, BACKUP_ACCESS_KEY and BACKUP_SECRET_KEY say which one; without
    them it is the platform's own storage, bucket `backups`. Raises ConfigError when neither
    is known.
    """
    if not address.startswith("s3://"):
        return FolderStore(Path(address).expanduser().resolve())
    parts = urlsplit(address)
    values = settings.extra_values() if settings else dict(os.environ)
    endpoint = values.get("BACKUP_ENDPOINT")
    if endpoint:
        key, secret = values.get("BACKUP_ACCESS_KEY"), values.get("BACKUP_SECRET_KEY")
        if not key or not secret:
            raise ConfigError(
                "BACKUP_ENDPOINT is set; set BACKUP_ACCESS_KEY and BACKUP_SECRET_KEY as well, "
                "in the environment or in .env"
            )
    elif settings:
        endpoint, key = f"http://{settings.s3_endpoint}", "backup"
        secret = settings.backup_s3_secret_key.get_secret_value()
    else:
        raise ConfigError(f"{address}: set BACKUP_ENDPOINT to the address of that S3")
    client = s3_client(endpoint, key, secret, region=values.get("BACKUP_REGION") or "us-east-1")
    return S3Store(client, parts.netloc, parts.path.strip("/"))


def s3_client(endpoint: str, key: str, secret: str, *, region: str = "us-east-1") -> Minio:
    """Return a client of the S3 at `endpoint` (`http://host:port`)."""
    parts = urlsplit(endpoint)
    return Minio(
        parts.netloc,
        access_key=key,
        secret_key=secret,
        secure=parts.scheme == "https",
        region=region,
    )
