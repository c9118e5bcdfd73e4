"""The home folder's own files: settings, definitions and what the services keep beside the lake."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bootstrap.backup.blobs import Blobs
from bootstrap.backup.manifest import KeptFile

DATA = ".lakelet"
# Kept elsewhere in the backup (databases, lake), made anew, or of this very run.
LEFT_OUT = (
    "postgres",
    "storage",
    "run",
    "logs",
    "debian",
    "runtime",
    "restoring",
    "dremio/extensions",
    "dremio/spill",
    "superset/cache",
)


def copy_files(home: Path, blobs: Blobs) -> list[KeptFile]:
    """Store `.env`, the home's own `lakelet.yml` and the files of the data folder."""
    kept = [home / ".env", home / "lakelet.yml", *_data_files(home / DATA)]
    return [
        KeptFile(
            path=str(path.relative_to(home)),
            mode=path.stat().st_mode & 0o777,
            blob=blobs.add_file(path),
        )
        for path in kept
        if path.is_file()
    ]


def restore_files(home: Path, files: list[KeptFile], blobs: Blobs) -> None:
    """Put the files back, `.env` excepted (see `bootstrap.backup.environment`)."""
    for file in files:
        if file.path == ".env":
            continue
        target = (home / file.path).resolve()
        if not target.is_relative_to(home.resolve()):
            continue  # no backup of ours names such a path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with blobs.fetched(file.blob) as content:
            unfinished = target.with_name(f"{target.name}.unfinished")
            unfinished.write_bytes(content.read_bytes())
            unfinished.chmod(file.mode)
            unfinished.replace(target)


def _data_files(data: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(data):
        inside = Path(folder).relative_to(data)
        folders[:] = sorted(f for f in folders if str(inside / f) not in LEFT_OUT)
        for name in sorted(names):
            path = Path(folder) / name
            if str(inside / name) not in LEFT_OUT and not path.is_symlink():
                yield path
