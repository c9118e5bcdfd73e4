"""The home folder's own files: settings, definitions and what the services keep beside the lake."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
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


def folder_modes(home: Path, files: list[KeptFile]) -> dict[str, int]:
    """Return the mode of each folder that the files lie in, but for the home and its data folder.

    A container reads some of them as another user: their modes have to come back.
    """
    folders = {folder for file in files for folder in Path(file.path).parents}
    inside = sorted(str(f) for f in folders if len(f.parts) > 1)
    return {folder: (home / folder).stat().st_mode & 0o777 for folder in inside}


def restore_files(
    home: Path, files: list[KeptFile], folders: Mapping[str, int], blobs: Blobs
) -> None:
    """Put the files back, `.env` excepted (see `bootstrap.backup.environment`)."""
    for name, mode in folders.items():  # parents come before what is in them
        folder = home / name
        if folder.resolve().is_relative_to((home / DATA).resolve()):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(mode)
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
