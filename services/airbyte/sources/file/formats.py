"""Which reader a format has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb

from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.file import columnar, delimited, documents, sheets
from services.airbyte.sources.file.opened import NOTHING, Json, Opened, options

Reader = Callable[[duckdb.DuckDBPyConnection, Path, Json, Path], Opened]

_READERS: dict[str, Reader] = {
    "csv": delimited.read,
    "json": documents.read,
    "jsonl": documents.read,
    "parquet": columnar.read,
    "excel": sheets.read,
}
_TEXTS = ("csv", "json", "jsonl")
# Files of that many bytes may be no more than a byte order mark and line ends.
_HARDLY_ANY = 1024


def open_file(duck: duckdb.DuckDBPyConnection, path: Path, config: Json, scratch: Path) -> Opened:
    """Find out the columns of the file. Raises ConnectorError or duckdb.Error.

    `scratch`: a folder for what has to be copied; it is there until the rows are read.
    """
    kind = config.get("format", "csv")
    reader = _READERS.get(kind)
    if reader is None:
        raise config_error(f"format {kind} is not supported yet; use {', '.join(_READERS)}")
    if kind in _TEXTS and not options(config).get("names") and _blank(path):
        return NOTHING
    return reader(duck, path, config, scratch)


def _blank(path: Path) -> bool:
    if path.stat().st_size > _HARDLY_ANY:
        return False
    return not path.read_bytes().removeprefix(b"\xef\xbb\xbf").strip()
