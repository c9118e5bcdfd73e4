"""Text in any encoding that Python knows, under any of its names: DuckDB gets UTF-8.

It could read Latin-1 too, but would tell where a refused line stands in what it makes of it.
"""

from __future__ import annotations

import codecs
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.airbyte.cdk.failures import config_error

Json = dict[str, Any]

UTF_8 = "utf-8"
# What is UTF-8 already (of CSV DuckDB skips a byte order mark).
_READ = ("utf-8", "utf-8-sig", "ascii")


@contextmanager
def recoded(path: Path, config: Json, options: Json) -> Iterator[Path]:
    """Give the file in an encoding that DuckDB reads. Raises ConnectorError where it has another.

    `options`: the source's reader_options, whose `encoding` says what the file is written in.
    """
    encoding, url, kind = _canonical(options), str(config["url"]), config.get("format", "csv")
    mark = _mark(path) if kind in ("csv", "json", "jsonl") else b""
    if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) and not options.get("encoding"):
        encoding = "utf-16"
    elif mark == codecs.BOM_UTF8 and kind != "csv":
        encoding = "utf-8-marked"  # DuckDB's reader of JSON takes no byte order mark
    if encoding in _READ:
        yield path
        return
    encoding = encoding.replace("utf-8-marked", "utf-8-sig")
    with tempfile.TemporaryDirectory(prefix="lakelet-recoded-") as folder:
        target = Path(folder) / path.name
        try:
            with (
                path.open(encoding=encoding, newline="") as text,
                target.open("w", encoding=UTF_8, newline="") as plain,
            ):
                shutil.copyfileobj(text, plain, 1 << 20)
        except UnicodeError as error:
            raise config_error(
                f"{url} is not written in {options.get('encoding') or encoding}: {error};"
                " set encoding in reader_options"
            ) from error
        yield target


def _mark(path: Path) -> bytes:
    """Return the byte order mark that a file begins with."""
    with path.open("rb") as file:
        start = file.read(3)
    marks = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return next((mark for mark in marks if start.startswith(mark)), b"")


def _canonical(options: Json) -> str:
    given = options.get("encoding") or UTF_8
    try:
        return codecs.lookup(str(given)).name
    except LookupError as error:
        raise config_error(
            f"encoding {given!r} in reader_options is not known; Python's names are, such as"
            " utf-8, latin-1, cp1252, utf-16, shift_jis"
        ) from error
