"""Regular expressions: Java's in Dremio, RE2's here; literal patterns beyond RE2 go elsewhere."""

from __future__ import annotations

import re

from sqlglot import exp

from services.dremio.sql.functions.lookaround import needed
from services.dremio.sql.functions.registry import (
    Context,
    Family,
    Handler,
    arity,
    call,
    function_error,
    literal,
    macro,
    number,
)

_GROUP = re.compile(r"\$(\d)")


def _replace(node: exp.Anonymous, context: Context) -> exp.Expr:
    """Java writes groups `$1`, RE2 `\\1`."""
    value, pattern, replacement = arity(node, 3)
    if needed(literal(pattern) or ""):
        return call("_dremio_regex_replace", value, pattern, replacement)
    written = literal(replacement)
    if written is not None:
        replacement = exp.Literal.string(_GROUP.sub(r"\\\1", written.replace("\\", "\\\\")))
    return macro("REGEXP_REPLACE", value, pattern, replacement)


def _extract(node: exp.Anonymous, context: Context) -> exp.Expr:
    """REGEXP_EXTRACT(value, pattern[, group]): the whole match is group 0, and the default."""
    value, pattern, *group = arity(node, 2, 3)
    if group and not (isinstance(group[0], exp.Literal) and group[0].is_int):
        raise function_error("REGEXP_EXTRACT: the group has to be an integer literal")
    if needed(literal(pattern) or ""):
        return call("_dremio_regex_extract", value, pattern, *(group or [number(0)]))
    return call("regexp_extract", value, pattern, *(group or [number(0)]))


def _find(name: str) -> Handler:
    def handler(node: exp.Anonymous, context: Context) -> exp.Expr:
        value, pattern = arity(node, 2)
        if needed(literal(pattern) or ""):
            return call("_dremio_regex_find", value, pattern)
        return macro(name, value, pattern)

    return handler


def _split(node: exp.Anonymous, context: Context) -> exp.Expr:
    value, pattern, keyword, index = arity(node, 4)
    kind = (literal(keyword) or "").upper()
    if kind not in ("FIRST", "LAST", "INDEX", "ALL"):
        raise function_error("REGEXP_SPLIT: the keyword is FIRST, LAST, INDEX or ALL")
    return macro(f"_SPLIT_{kind}", value, pattern, index)


def similar_pattern(pattern: str, escape: str | None = None) -> str:
    """Return the regular expression that `SIMILAR TO pattern` means in SQL."""
    out, index = "", 0
    while index < len(pattern):
        char = pattern[index]
        if escape and char == escape and index + 1 < len(pattern):
            index += 1
            out += re.escape(pattern[index])
        elif char == "%":
            out += ".*"
        elif char == "_":
            out += "."
        elif char in ".^$\\":
            out += "\\" + char
        else:
            out += char
        index += 1
    return out


def similar(value: exp.Expr, pattern: exp.Expr, escape: exp.Expr | None) -> exp.Expr:
    """Return `value SIMILAR TO pattern`. Raises DremioError for a pattern that is no literal."""
    written = literal(pattern)
    if written is None:
        raise function_error("SIMILAR TO needs a string literal as its pattern")
    expression = similar_pattern(written, literal(escape))
    return macro("_SIMILAR", value, exp.Literal.string(expression))


def _similar(node: exp.Anonymous, context: Context) -> exp.Expr:
    value, pattern, *escape = arity(node, 2, 3)
    return similar(value, pattern, escape[0] if escape else None)


_FIND = ("(a, b) AS regexp_matches(a, b)",)
_FINDING = ("REGEXP_LIKE", "REGEXP_MATCHES", "REGEXP_COL_LIKE", "REGEXP_COL_MATCHES")
# The pieces between the matches. A match is marked with a character that no text holds.
_PIECES = "string_split(regexp_replace(a, b, chr(1), 'g'), chr(1))"

FAMILY = Family(
    title="Regular expressions",
    macros={
        **dict.fromkeys(_FINDING, _FIND),
        "REGEXP_REPLACE": ("(a, b, c) AS regexp_replace(a, b, c, 'g')",),
        "_PIECES": (f"(a, b) AS {_PIECES}",),
        "_SPLIT_FIRST": (
            "(a, b, c) AS CASE WHEN len(@_PIECES(a, b)) = 1 THEN [a] ELSE "
            "[@_PIECES(a, b)[1], regexp_replace(substr(a, length(@_PIECES(a, b)[1]) + 1), b, '')]"
            " END",
        ),
        "_SPLIT_LAST": (
            "(a, b, c) AS CASE WHEN len(@_PIECES(a, b)) = 1 THEN [a] ELSE "
            "[@_BEFORE(a, b, len(@_PIECES(a, b)) - 1), @_PIECES(a, b)[-1]] END",
        ),
        # The text before the n-th match, and the text after it.
        "_BEFORE": (
            "(a, b, n) AS regexp_extract(a, '^((?s:.*?)(?:' || b || ')){' || "
            "CAST(n - 1 AS VARCHAR) || '}') || @_PIECES(a, b)[n]",
        ),
        "_SPLIT_INDEX": (
            "(a, b, c) AS CASE WHEN c + 1 >= len(@_PIECES(a, b)) THEN [a] ELSE "
            "[@_BEFORE(a, b, c + 1), regexp_replace(substr(a, "
            "length(@_BEFORE(a, b, c + 1)) + 1), b, '')] END",
        ),
        "_SPLIT_ALL": (
            "(a, b, c) AS CASE WHEN c < 0 THEN @_PIECES(a, b) ELSE @_PIECES(a, b)[1:c] END",
        ),
        "_SIMILAR": ("(a, b) AS regexp_full_match(a, b)",),
    },
    handlers={
        **{name: _find(name) for name in _FINDING},
        "REGEXP_EXTRACT": _extract,
        "REGEXP_REPLACE": _replace,
        "REGEXP_SPLIT": _split,
        "SIMILAR_TO": _similar,
    },
)
