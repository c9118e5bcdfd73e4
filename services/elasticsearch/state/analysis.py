"""Analyzers: `standard` (UAX #29 word breaks, near enough for logs), `simple`, `whitespace`.

A text column holds ` word word ` so that a word or a phrase is found with `contains`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# A dot, apostrophe or colon joins letters, a dot, comma or apostrophe joins digits.
_WORD = re.compile(
    r"\w+(?:(?:(?<=[^\W\d_])[.:'’·](?=[^\W\d_])|(?<=\d)[.,;'’](?=\d))\w+)*", re.UNICODE
)
_LETTERS = re.compile(r"[^\W\d_]+", re.UNICODE)
_NOT_SPACE = re.compile(r"\S+")
_JOINERS = frozenset(".:',;")
_BREAKS = {
    code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) in {"_", *_JOINERS})
}

Spans = list[tuple[int, int, str]]


def _standard(text: str) -> Spans:
    return [(m.start(), m.end(), m.group().lower()) for m in _WORD.finditer(text)]


def _simple(text: str) -> Spans:
    return [(m.start(), m.end(), m.group().lower()) for m in _LETTERS.finditer(text)]


def _whitespace(text: str) -> Spans:
    return [(m.start(), m.end(), m.group()) for m in _NOT_SPACE.finditer(text)]


# Name → (start, end, word) of each word, as an analysis request and a highlighter need it.
ANALYZERS: dict[str, Callable[[str], Spans]] = {
    "standard": _standard,
    "default": _standard,
    "simple": _simple,
    "whitespace": _whitespace,
}


def tokens(text: str, analyzer: str = "standard") -> list[str]:
    """Return the words of `text` in order."""
    return [word for _, _, word in ANALYZERS[analyzer](text)]


def searchable(text: str, analyzer: str = "standard") -> str:
    """Return the text as its column holds it: ` word word `, or `""` when it has no word."""
    plain = analyzer == "standard" and text.isascii()
    if plain and not any(joiner in text for joiner in _JOINERS):
        words = text.lower().translate(_BREAKS).split()
    else:
        words = tokens(text, analyzer)
    return f" {' '.join(words)} " if words else ""
