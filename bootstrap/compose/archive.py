"""Tar files of volumes."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import IO


def without(source: IO[bytes], target: IO[bytes], folders: Sequence[str]) -> None:
    """Copy a tar file but for what lies in `folders` (the engine puts other mounts into it)."""
    with (
        tarfile.open(fileobj=source, mode="r|") as whole,
        tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as own,
    ):
        for member in whole:
            path = PurePosixPath(member.name)
            if not any(path.is_relative_to(folder) for folder in folders):
                own.addfile(member, whole.extractfile(member) if member.isreg() else None)
