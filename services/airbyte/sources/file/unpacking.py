"""Compressed files: gzip and zstd are read as they are, zip is unpacked."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.airbyte.cdk.failures import config_error

_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"


@contextmanager
def unpacked(path: Path, config: dict[str, Any]) -> Iterator[Path]:
    """Give the plain file. Raises ConnectorError for an archive with no or several files."""
    with path.open("rb") as file:
        magic = file.read(4)
    packed_itself = config.get("format") in ("excel", "parquet", "feather")
    if packed_itself or (magic != _ZIP and magic[:2] != _GZIP):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="lakelet-unpacked-") as folder:
        target = Path(folder) / path.name.removesuffix(".gz").removesuffix(".zip")
        try:
            if magic == _ZIP:
                _unzip(path, target, str(config["url"]))
            else:
                with gzip.open(path, "rb") as packed, target.open("wb") as plain:
                    shutil.copyfileobj(packed, plain, 1 << 20)
        except (OSError, EOFError, zipfile.BadZipFile) as error:
            raise config_error(f"{config['url']} cannot be unpacked: {error}") from error
        yield target


def _unzip(path: Path, target: Path, url: str) -> None:
    with zipfile.ZipFile(path) as archive:
        names = [info for info in archive.infolist() if not info.is_dir()]
        if len(names) != 1:
            listing = ", ".join(info.filename for info in names) or "nothing"
            raise config_error(f"{url} is an archive of {listing}: it has to hold one file")
        with archive.open(names[0]) as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain, 1 << 20)
