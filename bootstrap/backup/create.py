"""Making a backup: copy what can be copied at work, stop the writers, copy the rest."""

from __future__ import annotations

import fcntl
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bootstrap.backup import databases, files, lake
from bootstrap.backup.blobs import Blobs
from bootstrap.backup.manifest import FOLDER, Blob, Manifest, identifiers, read_manifest
from bootstrap.backup.store import Store
from bootstrap.progress import Progress
from bootstrap.runtime import Runtime
from services.common.errors import NotFoundError, RefusedError
from services.common.settings import Settings

VERSION = "0.1.0"


def create(
    settings: Settings,
    runtime: Runtime,
    store: Store,
    progress: Progress,
    *,
    resume: bool = True,
) -> tuple[Manifest, int]:
    """Back the whole platform up; return the backup and the bytes that were new in the place.

    The services that write stand still while the databases are dumped and what changed since
    the first look is copied; then the platform is again as it was found. Without `resume` it is
    left standing still, unless the backup failed.
    """
    if not (settings.data_dir / "runtime").exists():
        raise NotFoundError(f"nothing was ever started in {settings.lakelet_home}: run `make up`")
    folder = Path(str(store.address))
    if folder.is_absolute() and folder.is_relative_to(settings.data_dir):
        raise RefusedError(f"{folder} is inside the data folder, which `make destroy` deletes")
    with _alone(settings), tempfile.TemporaryDirectory(dir=_spool(settings)) as spool:
        blobs = Blobs(store, Path(spool))
        seen = _earlier(store)
        if runtime.running():
            with progress.step("copy the buckets at work") as step:
                copied = lake.copy_objects(settings, blobs, seen, moving=True)
                seen |= lake.known(copied)
                step.detail = f"{len(copied):,} objects"
        with quiet(runtime, progress, resume=resume):
            manifest = _copy(settings, runtime, blobs, seen, progress)
        document = Path(spool) / "manifest.json"
        document.write_text(manifest.model_dump_json(indent=1))
        # Last: without its document there is no backup.
        store.put(f"{FOLDER}/{manifest.id}.json", document)
    return manifest, blobs.written


@contextmanager
def quiet(runtime: Runtime, progress: Progress, *, resume: bool = True) -> Iterator[None]:
    """Have PostgreSQL and the storage run and nothing else; then bring back what was.

    Without `resume` only after an error.
    """
    before = runtime.running()
    with progress.step("stop what writes"):
        runtime.up_only(runtime.bases)
    try:
        yield
    except BaseException:
        _bring_back(runtime, before, progress)
        raise
    if resume:
        _bring_back(runtime, before, progress)


def _bring_back(runtime: Runtime, before: list[str], progress: Progress) -> None:
    with progress.step("start the services" if before else "stop the services"):
        runtime.up_only(before) if before else runtime.down()


def _copy(
    settings: Settings, runtime: Runtime, blobs: Blobs, seen: lake.Known, progress: Progress
) -> Manifest:
    with progress.step("dump the databases") as step:
        roles = databases.dump_roles(settings, blobs)
        dumped = databases.dump_databases(settings, blobs)
        rows = sum(t.rows for d in dumped for t in d.tables.values())
        step.detail = f"{len(dumped)} databases, {rows:,} rows"
    with progress.step("copy the buckets") as step:
        objects = lake.copy_objects(settings, blobs, seen)
        namespaces = lake.list_namespaces(settings) if runtime.has_catalog else []
        tables = lake.list_tables(settings) if runtime.has_catalog else []
        step.detail = f"{len(objects):,} objects, {len(tables)} tables"
    with progress.step("copy the files"):
        kept = files.copy_files(settings.lakelet_home, blobs)
        folders = files.folder_modes(settings.lakelet_home, kept)
        volumes: dict[str, Blob] = {}
        for name in runtime.volumes():
            with runtime.read_volume(name) as content:
                volumes[name] = blobs.add(content)
    now = datetime.now(UTC)
    return Manifest(
        id=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}",
        created=now.isoformat(timespec="seconds"),
        version=VERSION,
        runtime=runtime.name,
        engines=runtime.engines,
        roles=roles,
        databases=dumped,
        objects=objects,
        namespaces=namespaces,
        tables=tables,
        files=kept,
        folders=folders,
        volumes=volumes,
    )


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Keep a second backup away: it would take what this one stopped for what ran before."""
    with (_spool(settings) / "backup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefusedError("another backup of this platform is being made") from None
        yield


def _earlier(store: Store) -> lake.Known:
    """Return what the newest backup in the place has already."""
    return lake.known(read_manifest(store).objects) if identifiers(store) else {}


def _spool(settings: Settings) -> Path:
    folder = settings.data_dir / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
