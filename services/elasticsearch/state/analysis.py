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
# The same for ASCII, the other way round: a joiner that joins nothing.
_LOOSE = re.compile(r"[.:',;](?!(?<=[a-z][.:'])[a-z]|(?<=[0-9][.,;'])[0-9])")
_JOINERS = frozenset(b".:',;")
_BETWEEN = "\0"  # stands between texts that are looked at together
# Each byte of a text: ASCII letters small, what is no part of a word a space.
_FOLDED = bytes(
    ord(chr(code).lower())
    if chr(code).isalnum() or code == ord("_") or code in _JOINERS
    else ord(" ")
    for code in range(128)
) + bytes(range(128, 256))
_FOLDED_BETWEEN = bytes([ord(_BETWEEN)]) + _FOLDED[1:]

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
    if analyzer == "standard" and text.isascii():
        words = _LOOSE.sub(" ", text.encode().translate(_FOLDED).decode()).split()
    else:
        words = tokens(text, analyzer)
    return f" {' '.join(words)} " if words else ""


def searchable_all(texts: list[str], analyzer: str = "standard") -> list[str]:
    """Return `searchable` of each, several times as fast: one look at all of them."""
    if analyzer != "standard":
        return [searchable(text, analyzer) for text in texts]
    simple = [text.isascii() and _BETWEEN not in text for text in texts]
    if not all(simple):
        made = iter(searchable_all([t for t, s in zip(texts, simple, strict=True) if s]))
        return [next(made) if s else searchable(t) for t, s in zip(texts, simple, strict=True)]
    folded = _BETWEEN.join(texts).encode().translate(_FOLDED_BETWEEN).decode()
    words = f" {_LOOSE.sub(' ', folded)} ".replace(_BETWEEN, f" {_BETWEEN} ")
    while "  " in words:
        words = words.replace("  ", " ")
    return ["" if found == " " else found for found in words.split(_BETWEEN)][: len(texts)]
