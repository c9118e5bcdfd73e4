"""Date patterns in Java's letters (`yyyy-MM-dd HH:mm`), read and written with Python's."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

_TOKEN = re.compile(r"'((?:[^']|'')*)'|(([a-zA-Z])\3*)|(.)", re.DOTALL)
# Java's letters → strptime's; how it is written is `_written`'s to know.
_LETTERS = {
    "yyyy": "%Y", "uuuu": "%Y", "y": "%Y", "u": "%Y", "yy": "%y", "uu": "%y",
    "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m", "dd": "%d", "d": "%d", "DDD": "%j",
    "EEEE": "%A", "EEE": "%a", "EE": "%a", "E": "%a",
    "HH": "%H", "H": "%H", "hh": "%I", "h": "%I", "a": "%p", "mm": "%M", "m": "%M",
    "ss": "%S", "s": "%S", "S": "%f", "SS": "%f", "SSS": "%f", "SSSSSS": "%f",
    "Z": "%z", "ZZ": "%z", "ZZZ": "%z", "ZZZZZ": "%z",
    "X": "%z", "XX": "%z", "XXX": "%z", "xx": "%z", "xxx": "%z",
}  # fmt: skip


@lru_cache(maxsize=256)
def _parts(pattern: str) -> tuple[tuple[str, str], ...]:
    """Return (letters, "") or ("", text) for each part. Raises ValueError."""
    made = []
    for found in _TOKEN.finditer(pattern):
        quoted, letters, _, other = found.groups()
        if letters is None:
            text = other if quoted is None else (quoted.replace("''", "'") or "'")
            made.append(("", text))
        elif letters in _LETTERS:
            made.append((letters, ""))
        else:
            raise ValueError(f"Invalid format: [{pattern}]: [{letters}] is not supported here")
    return tuple(made)


@lru_cache(maxsize=256)
def strptime_of(pattern: str) -> str:
    """Return the pattern as `strptime` takes it. Raises ValueError."""
    return "".join(
        _LETTERS[letters] if letters else text.replace("%", "%%")
        for letters, text in _parts(pattern)
    )


def written(pattern: str, moment: datetime) -> str:
    """Return `moment` as the pattern writes it."""
    return "".join(
        _written(letters, moment) if letters else text for letters, text in _parts(pattern)
    )


def _written(letters: str, moment: datetime) -> str:
    if letters[0] == "S":
        return f"{moment.microsecond:06d}"[: len(letters)]
    text = moment.strftime(_LETTERS[letters])
    if letters[0] in "zZxX":
        if letters[0] == "X" and text == "+0000":
            return "Z"
        return f"{text[:3]}:{text[3:]}" if letters in ("XXX", "xxx", "ZZZZZ") else text
    if letters[0] in "yu":
        return text.zfill(len(letters))
    return text.lstrip("0") or "0" if len(letters) == 1 and text.isdigit() else text
