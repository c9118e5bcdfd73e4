"""Bringing a backup back, and checking that what is there is what was backed up."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bootstrap.backup import databases, environment, files, lake
from bootstrap.backup.blobs import Blobs
from bootstrap.backup.manifest import Blob, Manifest
from bootstrap.backup.store import Store
from bootstrap.progress import Progress
from bootstrap.runtime import Runtime, choose_runtime
from services.common.errors import LakeletError, PermanentError, RefusedError
from services.common.settings import Settings, read_settings


def check(store: Store, manifest: Manifest, spool: Path) -> list[str]:
    """Read everything that a backup consists of; return what is damaged or gone, one line each."""
    blobs = Blobs(store, spool)

    def problem(blob: Blob) -> str | None:
        try:
            blobs.check(blob)
        except LakeletError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(4) as pool:
        found = pool.map(
            problem, [Blob(sha256=s, size=n) for s, n in sorted(manifest.blobs().items())]
        )
        return [words for words in found if words]


def restore(home: Path, store: Store, manifest: Manifest, progress: Progress) -> list[str]:
    """Make the platform in `home` what the backup holds; return what differs (nothing).

    PostgreSQL and the storage are left running, and nothing else.

    `home` must hold no data (see `wipe`). A run that was killed leaves a mark; the same
    command then begins anew. Raises PermanentError, before anything is changed, for a backup
    that is not whole, and RefusedError where another runtime would be needed.
    """
    with tempfile.TemporaryDirectory(prefix="lakelet-restore-") as folder:
        spool = Path(folder)
        with progress.step("check the backup") as step:
            damaged = check(store, manifest, spool)
            if damaged:
                raise PermanentError("nothing was changed:\n" + "\n".join(damaged[:20]))
            size = sum(manifest.blobs().values())
            step.detail = f"{len(manifest.blobs()):,} parts, {size / 1e6:,.1f} MB"
        blobs = Blobs(store, spool)
        settings = _settle(home, manifest, blobs)
        runtime, _ = choose_runtime(settings)
        _fits(runtime, manifest)
        return _restore(settings, runtime, manifest, blobs, progress)


def wipe(settings: Settings, progress: Progress) -> None:
    """Stop the platform and delete its data; `.env` stays."""
    with progress.step("delete what is there"):
        choose_runtime(settings)[0].remove()
        if settings.data_dir.exists():
            shutil.rmtree(settings.data_dir)


def unfinished(settings_or_home: Path) -> bool:
    """Say whether a restore into this home was begun and never ended."""
    return (settings_or_home / ".lakelet" / "restoring").exists()


def _settle(home: Path, manifest: Manifest, blobs: Blobs) -> Settings:
    """Write `.env` and the mark of an unfinished restore; return the settings."""
    (home / ".lakelet").mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / ".lakelet" / "restoring").write_text(f"{manifest.id}\n")
    env = home / ".env"
    (kept,) = [file for file in manifest.files if file.path == ".env"]
    with blobs.fetched(kept.blob) as content:
        text = environment.merged(content.read_text(), env)
    beside = home / ".env.unfinished"
    beside.touch(mode=0o600)
    beside.write_text(text)
    beside.replace(env)
    settings = read_settings(home)
    if settings.runtime == "auto":
        # The runtime that the data was backed up from, until RUNTIME says otherwise.
        (settings.data_dir / "runtime").write_text(f"{manifest.runtime}\n")
    return settings


def _fits(runtime: Runtime, manifest: Manifest) -> None:
    if (runtime.name, runtime.engines) != (manifest.runtime, manifest.engines):
        raise RefusedError(
            f"the backup is of RUNTIME={manifest.runtime} ENGINES={manifest.engines}, here is "
            f"RUNTIME={runtime.name} ENGINES={runtime.engines}: set them in .env; from embedded "
            "to other servers go with `lakelet migrate`"
        )


def _restore(
    settings: Settings, runtime: Runtime, manifest: Manifest, blobs: Blobs, progress: Progress
) -> list[str]:
    home = settings.lakelet_home
    with progress.step("restore the files"):
        files.restore_files(home, manifest.files, manifest.folders, blobs)
        for name, blob in manifest.volumes.items():
            with blobs.fetched(blob) as content:
                runtime.write_volume(name, content)
    with progress.step("start PostgreSQL and the storage"):
        runtime.up_only(runtime.bases)
    with progress.step("restore the databases") as step:
        databases.restore_databases(settings, manifest.roles, manifest.databases, blobs)
        step.detail = ", ".join(d.name for d in manifest.databases)
    with progress.step("restore the buckets") as step:
        client = lake.storage_client(settings)
        warehouses = lake.Warehouses(lambda bucket: lake.catalog(settings, bucket))
        lake.restore_namespaces(manifest.namespaces, warehouses)
        lake.restore_objects(client, manifest.objects, blobs)
        lake.restore_tables(manifest.tables, client, warehouses)
        step.detail = f"{len(manifest.objects):,} objects, {len(manifest.tables)} tables"
    with progress.step("compare with the backup") as step:
        differing = databases.compare_databases(settings, manifest.databases)
        differing += lake.compare_lake(
            settings, manifest.objects, manifest.tables, catalogued=runtime.has_catalog
        )
        rows = sum(t.rows for d in manifest.databases for t in d.tables.values())
        step.detail = f"{rows:,} rows in PostgreSQL, {len(manifest.objects):,} objects"
    if not differing:
        (settings.data_dir / "restoring").unlink()
    return differing
