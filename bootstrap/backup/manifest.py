"""What a backup consists of: the document that stands for it."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bootstrap.backup.store import Store
from services.common.errors import NotFoundError, PermanentError

FOLDER = "backups"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Blob(_Model):
    """Content by its SHA-256; `size` in bytes."""

    sha256: str
    size: int


class TableDigest(_Model):
    """What a PostgreSQL table held: rows, and the sum of a hash of each row's text."""

    rows: int
    digest: str


class Database(_Model):
    """A database: its dump (pg_dump's custom format) and what its tables held then."""

    name: str
    dump: Blob
    tables: dict[str, TableDigest]


class StoredObject(_Model):
    """An object of a bucket; etag and time tell whether it is still the same one."""

    bucket: str
    key: str
    etag: str
    modified: str
    blob: Blob


class LakeNamespace(_Model):
    """A namespace of the Iceberg catalog."""

    bucket: str
    name: tuple[str, ...]


class LakeTable(_Model):
    """An Iceberg table as its catalog has it; `rows` None where no snapshot says it."""

    bucket: str
    namespace: tuple[str, ...]
    name: str
    metadata_location: str
    uuid: str
    snapshot: int | None
    rows: int | None


class KeptFile(_Model):
    """A file of the home folder: its path there and its mode."""

    path: str
    mode: int
    blob: Blob


class Manifest(_Model):
    """A whole backup; `volumes` are tar files of what the containers keep, by volume.

    `folders`: the modes of the folders that the files lie in.
    """

    format: Literal[1] = 1
    id: str
    created: str
    version: str
    runtime: str
    engines: str
    roles: Blob
    databases: list[Database]
    objects: list[StoredObject]
    namespaces: list[LakeNamespace]
    tables: list[LakeTable]
    files: list[KeptFile]
    folders: dict[str, int] = {}
    volumes: dict[str, Blob]

    def blobs(self) -> dict[str, int]:
        """Return the sizes of all content by digest, each once."""
        found = [self.roles, *(d.dump for d in self.databases), *self.volumes.values()]
        found += [*(o.blob for o in self.objects), *(f.blob for f in self.files)]
        return {blob.sha256: blob.size for blob in found}


def identifiers(store: Store) -> list[str]:
    """Return the backups of a place, oldest first (an identifier begins with its time)."""
    names = [name.rsplit("/", 1)[-1] for name in store.names(FOLDER)]
    return [name.removesuffix(".json") for name in names if name.endswith(".json")]


def read_manifest(store: Store, identifier: str | None = None) -> Manifest:
    """Read a backup's document, the newest one's without `identifier`.

    Raises NotFoundError naming the backups there are, PermanentError for a broken document.
    """
    known = identifiers(store)
    if not known or (identifier and identifier not in known):
        what = f"no backup {identifier!r}" if identifier else "no backup"
        raise NotFoundError(f"{store.address}: {what}; there are: {', '.join(known) or 'none'}")
    chosen = identifier or known[-1]
    with store.open(f"{FOLDER}/{chosen}.json") as file:
        text = file.read(1 << 30)
    try:
        return Manifest.model_validate(json.loads(text))
    except (ValueError, ValidationError) as error:
        raise PermanentError(
            f"{store.address}: the document of backup {chosen} is damaged or of a newer Lakelet: "
            f"{error}"
        ) from error
