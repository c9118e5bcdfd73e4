"""Packed files, told by their first bytes; zstd is read as it is."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from services.airbyte.cdk.failures import config_error

_ZIP, _EMPTY_ZIP = b"PK\x03\x04", b"PK\x05\x06"
_OPENERS: dict[bytes, Callable[[Path], IO[bytes] | gzip.GzipFile]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
_SUFFIXES = (".gz", ".zip", ".bz2", ".xz")
# Packed twice is a habit of some (a .gz in a .zip), more is none.
_DEEPEST = 2


@contextmanager
def unpacked(path: Path, config: dict[str, Any]) -> Iterator[Path]:
    """Give the plain file. Raises ConnectorError for an archive with no or several files."""
    if config.get("format") in ("excel", "parquet", "feather"):  # packed by themselves
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="lakelet-unpacked-") as folder:
        for depth in range(_DEEPEST):
            target = Path(folder) / str(depth) / _plain_name(path.name)
            try:
                if not _unpack(path, target, str(config["url"])):
                    break
            except (OSError, EOFError, zipfile.BadZipFile, lzma.LZMAError, zlib.error) as error:
                raise config_error(f"{config['url']} cannot be unpacked: {error}") from error
            path = target
        yield path


def _unpack(path: Path, target: Path, url: str) -> bool:
    """Write what is packed in `path` to `target`; return False when nothing is."""
    with path.open("rb") as file:
        magic = file.read(6)
    if magic.startswith((_ZIP, _EMPTY_ZIP)):
        target.parent.mkdir()
        _unzip(path, target, url)
        return True
    for start, opener in _OPENERS.items():
        if magic.startswith(start):
            target.parent.mkdir()
            with opener(path) as packed, target.open("wb") as plain:
                shutil.copyfileobj(packed, plain, 1 << 20)
            return True
    return False


def _plain_name(name: str) -> str:
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name or "file"


def _unzip(path: Path, target: Path, url: str) -> None:
    with zipfile.ZipFile(path) as archive:
        names = [
            info
            for info in archive.infolist()
            # macOS puts a second, hidden file beside each one.
            if not info.is_dir() and not info.filename.startswith("__MACOSX/")
        ]
        if len(names) != 1:
            listing = ", ".join(info.filename for info in names) or "nothing"
            raise config_error(f"{url} is an archive of {listing}: it has to hold one file")
        if names[0].flag_bits & 0x1:
            raise config_error(f"{url} is protected by a password; pack it without one")
        with archive.open(names[0]) as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain, 1 << 20)
