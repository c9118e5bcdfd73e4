"""The filter that DuckDB hands to an Arrow scan, read back into a small tree.

DuckDB gives a filter as a pyarrow expression, which offers no way in but its printed form
(`Expression::ToString` of Arrow's C++ library). What is not understood becomes None: "every
row". The scan filters again by the expression itself, so a wider answer is never a wrong one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Comparison:
    """`column operator value`; `op` is one of = <> < <= > >= and `value` is as printed."""

    column: str
    op: str
    value: str


@dataclass(frozen=True)
class OneOf:
    """The column is one of the values."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Null:
    """The column is null, or is not."""

    column: str
    null: bool


@dataclass(frozen=True)
class Group:
    """Conditions joined by `and` or `or`."""

    word: str
    parts: tuple[Condition, ...]


Condition = Comparison | OneOf | Null | Group

_OPERATORS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[()]')
_ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n", "\\r": "\r", "\\t": "\t"}
_IS_IN = re.compile(r"is_in\((.+?), \{value_set=\w+(?:\[\w+\])?:\[\n(.*)\n\], null", re.DOTALL)
_IS_NULL = re.compile(r"(is_null|is_valid)\((\w+)(?:, \{nan_is_null=false\})?\)")


def condition_of(expression: Any, columns: frozenset[str]) -> Condition | None:
    """Return a pyarrow expression as a condition; None: any row may fit."""
    printed = str(expression)
    if "value_set=string" in printed:
        # Lists of texts are printed without escapes: only plain ones can be told apart.
        lines = [line for line in printed.split("\n")[1:] if line.startswith("  ")]
        if any(line.count('"') != 2 for line in lines):
            return None
        if b'",\n' in bytes(expression.__reduce__()[1][0]):
            return None
    return read(printed, columns)


def read(printed: str, columns: frozenset[str]) -> Condition | None:
    """Return the condition that an expression prints as; None: any row may fit."""
    text = printed.strip()
    if text.startswith("(") and _closes(text) == len(text) - 1:
        text = text[1:-1]
        for word in ("and", "or"):
            parts = _split(text, f" {word} ")
            if len(parts) > 1:
                return _group(word, [read(part, columns) for part in parts])
        return _comparison(text, columns)
    null = _IS_NULL.fullmatch(text)
    if null and null[2] in columns:
        return Null(null[2], null[1] == "is_null")
    found = _IS_IN.match(text)
    if found and found[1] in columns and "\n  ..." not in found[2]:
        texts = found[0].find("value_set=string") > 0
        values = [_listed(line, texts=texts) for line in found[2].split(",\n")]
        if all(value is not None for value in values):
            return OneOf(found[1], tuple(value for value in values if value is not None))
    return None


def _group(word: str, parts: list[Condition | None]) -> Condition | None:
    known = tuple(part for part in parts if part is not None)
    if word == "or" and len(known) < len(parts):
        return None
    if not known:
        return None
    return known[0] if len(known) == 1 else Group(word, known)


def _comparison(text: str, columns: frozenset[str]) -> Condition | None:
    for column in sorted(columns, key=len, reverse=True):
        if not text.startswith(column + " "):
            continue
        operator, _, value = text[len(column) + 1 :].partition(" ")
        known = _value(value)
        if operator in _OPERATORS and known is not None:
            return Comparison(column, _OPERATORS[operator], known)
    return None


def _value(printed: str) -> str | None:
    printed = printed.strip()
    quoted = _TEXT.fullmatch(printed)
    if quoted:
        return re.sub(r"\\.", lambda m: _ESCAPES.get(m[0], m[0]), quoted[1])
    return None if not printed or printed == "null" or '"' in printed or "(" in printed else printed


def _listed(line: str, *, texts: bool) -> str | None:
    line = line.strip()
    return line[1:-1] if texts and line[:1] == '"' else _value(line)


def _closes(text: str) -> int:
    """Return where the bracket that `text` begins with is closed."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0:
            return token.start()
    return -1


def _split(text: str, word: str) -> list[str]:
    """Split at `word` where it stands outside brackets and quotes."""
    parts, depth, start, at = [], 0, 0, 0
    while at < len(text):
        quoted = _TEXT.match(text, at)
        if quoted:
            at = quoted.end()
            continue
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0 and text.startswith(word, at):
            parts.append(text[start:at])
            start = at = at + len(word)
            continue
        at += 1
    return [*parts, text[start:]]
