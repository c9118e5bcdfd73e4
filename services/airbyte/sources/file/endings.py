"""Lines of CSV and their ends: DuckDB reads files only whose lines all end alike.

It takes for a file's way the first line end that it sees, be it within quotes (Excel writes CRLF,
and LF within cells).
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Sequence
from pathlib import Path

_BOM = re.escape(b"\xef\xbb\xbf")


def evened(path: Path, copy: Path, *, separator: bytes, quote: bytes, escape: bytes) -> bool:
    """Copy the file with all lines ended by LF; what is within quotes stays as it is.

    False, and no copy, where no line can end in another way.
    """
    sep, mark, before = re.escape(separator), re.escape(quote), re.escape(escape)
    inner = rb"[^%b]*+(?:%b%b[^%b]*+)*+" % (mark, mark, mark, mark)
    if escape != quote:
        inner = rb"(?:[^%b%b]|%b.)*+" % (mark, before, before)
    begins = rb"(?:\A|(?<=%b)|(?<=[\r\n])|(?<=%b))" % (sep, _BOM)
    pattern = re.compile(rb"%b%b%b%b|(\r\n?)" % (begins, mark, inner, mark), re.DOTALL)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        if whole.find(b"\r") < 0:
            return False
        position = 0
        with copy.open("wb") as even:
            for found in pattern.finditer(whole):
                if found[1]:
                    even.write(whole[position : found.start()] + b"\n")
                    position = found.end()
            even.write(whole[position:])
    return True


def line_numbers(path: Path, starts: Sequence[int | None]) -> list[int | None]:
    """Return the numbers, from 1, of the lines that begin at these bytes, as editors count them."""
    if not starts:
        return []
    found: list[int | None] = []
    number, position = 1, 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        for start in starts:
            if start is None or start < position:
                found.append(None)
                continue
            number += len(re.findall(rb"\r\n|\n|\r", whole[position:start]))
            position = start
            found.append(number)
    return found
