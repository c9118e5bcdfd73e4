"""String functions. Positions count from 1; lengths are in characters unless said otherwise."""

from __future__ import annotations

import unicodedata
from typing import Any

import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.functions.columns import each
from services.dremio.sql.functions.registry import (
    Context,
    Family,
    Udf,
    arity,
    call,
    function_error,
    macro,
)

_CODES = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "01230120022455012623010202", strict=True))
_FORMS = ("NFC", "NFD", "NFKC", "NFKD")


def soundex(value: str) -> str | None:
    """Return Oracle's soundex code; letters with one code count once unless a vowel parts them."""
    letters = [c for c in value.upper() if c in _CODES]
    if not letters:
        return "" if not value else None
    runs = ""
    for letter in letters:
        if not runs or _CODES[letter] != runs[-1]:
            runs += _CODES[letter]
    return letters[0] + runs[1:].replace("0", "")[:3].ljust(3, "0")


def _soundex(column: Any) -> pa.Array:
    return each(soundex, pa.string(), column)


def _normalize(values: Any, forms: Any) -> pa.Array:
    def normal(value: str, form: str) -> str:
        if form.upper() not in _FORMS:
            raise ValueError(f"NORMALIZE_STRING: unknown form '{form}', one of {', '.join(_FORMS)}")
        return unicodedata.normalize(form.upper(), value)  # type: ignore[arg-type]

    return each(normal, pa.string(), values, forms)


def _to_utf8(values: Any, charsets: Any) -> pa.Array:
    """Bytes in a character set, read as text."""
    return each(
        lambda data, name: data.decode(name.lower(), "replace"), pa.string(), values, charsets
    )


def _concat(node: exp.Anonymous, context: Context) -> exp.Expr:
    return call("concat", *arity(node, 1, 10_000))


def _elt(node: exp.Anonymous, context: Context) -> exp.Expr:
    index, *values = arity(node, 2, 10_000)
    return call("list_extract", exp.Array(expressions=values), index)


def _like(kind: type[exp.Binary]) -> Any:
    def handler(node: exp.Anonymous, context: Context) -> exp.Expr:
        value, pattern, *escape = arity(node, 2, 3)
        match: exp.Expr = kind(this=exp.Paren(this=value), expression=exp.Paren(this=pattern))
        return exp.Paren(this=exp.Escape(this=match, expression=escape[0]) if escape else match)

    return handler


def _contains(node: exp.Anonymous, context: Context) -> exp.Expr:
    if len(node.expressions) == 1:
        raise function_error("CONTAINS(lucene expression) works on Elasticsearch sources only")
    return macro("CONTAINS", *arity(node, 2))


# Padded with nothing a string is cut or stays as it is.
_UNPADDED = "CAST(c AS VARCHAR) = '' THEN left(CAST(a AS VARCHAR), greatest(CAST(b AS BIGINT), 0))"
_SUBSTRING = (
    # A string as second argument is a regular expression.
    "(a, b VARCHAR) AS nullif(regexp_extract(a, b), '')",
    "(a, b BIGINT) AS substr(CAST(a AS VARCHAR), CASE WHEN b = 0 THEN 1 ELSE b END)",
    "(a, b, c) AS substr(CAST(a AS VARCHAR), CASE WHEN b = 0 THEN 1 ELSE "
    "CAST(b AS BIGINT) END, greatest(CAST(c AS BIGINT), 0))",
)

FAMILY = Family(
    title="String",
    native={
        "CHR": "chr",
        "CONCAT_WS": "concat_ws",
        "LCASE": "lower",
        "LENGTH": "length",
        "CHAR_LENGTH": "length",
        "CHARACTER_LENGTH": "length",
        "LEVENSHTEIN": "levenshtein",
        "LOWER": "lower",
        "REPLACE": "replace",
        "REVERSE": "reverse",
        "TRANSLATE": "translate",
        "TRANSLATE3": "translate",
        "UCASE": "upper",
        "UPPER": "upper",
    },
    macros={
        # The first byte, signed as Java's are.
        "ASCII": (
            "(a) AS CAST(CASE WHEN ascii(a) < 128 THEN ascii(a) WHEN ascii(a) < 2048 "
            "THEN (ascii(a) >> 6) - 64 WHEN ascii(a) < 65536 THEN (ascii(a) >> 12) - 32 "
            "ELSE (ascii(a) >> 18) - 16 END AS INTEGER)",
        ),
        "BIT_LENGTH": (
            "(a INTEGER) AS CASE WHEN a IS NOT NULL THEN 32 END",
            "(a BIGINT) AS CASE WHEN a IS NOT NULL THEN 64 END",
            "(a DOUBLE) AS CASE WHEN a IS NOT NULL THEN 64 END",
            "(a BLOB) AS CAST(octet_length(a) * 8 AS INTEGER)",
            "(a VARCHAR) AS CAST(bit_length(a) AS INTEGER)",
        ),
        "OCTET_LENGTH": (
            "(a BLOB) AS CAST(octet_length(a) AS INTEGER)",
            "(a VARCHAR) AS CAST(strlen(a) AS INTEGER)",
            "(a) AS CAST(strlen(CAST(a AS VARCHAR)) AS INTEGER)",
        ),
        "BTRIM": ("(a) AS trim(a)", "(a, b) AS trim(a, b)"),
        "LTRIM": ("(a) AS ltrim(a)", "(a, b) AS ltrim(a, b)"),
        "RTRIM": ("(a) AS rtrim(a)", "(a, b) AS rtrim(a, b)"),
        "TRIM": ("(a) AS trim(a)", "(a, b) AS trim(a, b)"),
        "COL_LIKE": ("(a, b) AS a LIKE b",),
        "CONTAINS": ("(a VARCHAR, b VARCHAR) AS contains(a, b)",),
        "ENDS_WITH": ("(a, b) AS ends_with(a, b)",),
        "STARTS_WITH": ("(a, b) AS starts_with(a, b)",),
        "FIND_IN_SET": (
            "(a, b) AS CASE WHEN contains(a, ',') THEN 0 "
            "ELSE coalesce(list_position(string_split(b, ','), a), 0) END",
        ),
        "INITCAP": (
            "(a) AS list_aggregate(list_transform(regexp_extract_all(a, "
            "'[[:alnum:]]+|[^[:alnum:]]+'), lambda w: upper(w[1]) || lower(w[2:])), "
            "'string_agg', '')",
        ),
        "IS_SUBSTR": ("(a, b) AS contains(a, b)",),
        "LEFT": ("(a, b) AS left(a, CAST(b AS BIGINT))",),
        "RIGHT": ("(a, b) AS right(a, CAST(b AS BIGINT))",),
        "LPAD": (
            "(a, b) AS lpad(CAST(a AS VARCHAR), CAST(b AS INTEGER), ' ')",
            f"(a, b, c) AS CASE WHEN {_UNPADDED} ELSE "
            "lpad(CAST(a AS VARCHAR), CAST(b AS INTEGER), CAST(c AS VARCHAR)) END",
        ),
        "RPAD": (
            "(a, b) AS rpad(CAST(a AS VARCHAR), CAST(b AS INTEGER), ' ')",
            f"(a, b, c) AS CASE WHEN {_UNPADDED} ELSE "
            "rpad(CAST(a AS VARCHAR), CAST(b AS INTEGER), CAST(c AS VARCHAR)) END",
        ),
        # The empty string is nowhere.
        "STRPOS": (
            "(a, b) AS CAST(CASE WHEN CAST(b AS VARCHAR) = '' THEN 0 ELSE "
            "instr(CAST(a AS VARCHAR), CAST(b AS VARCHAR)) END AS INTEGER)",
        ),
        "INSTR": ("(a, b) AS @STRPOS(a, b)",),
        # LOCATE(needle, haystack[, start])
        "LOCATE": (
            "(a, b) AS @STRPOS(b, a)",
            "(a, b, c) AS CASE WHEN c < 1 THEN error('Start index (' || c || ') must be greater "
            "than 0') WHEN @STRPOS(substr(b, c), a) = 0 THEN 0 ELSE "
            "CAST(@STRPOS(substr(b, c), a) + c - 1 AS INTEGER) END",
        ),
        "POSITION": ("(a, b) AS @LOCATE(a, b)", "(a, b, c) AS @LOCATE(a, b, c)"),
        "STR_POSITION": ("(a, b) AS @STRPOS(a, b)",),
        "NORMALIZE_STRING": (
            "(a) AS _dremio_normalize(a, 'NFC')",
            "(a, b) AS _dremio_normalize(a, b)",
        ),
        "QUOTE": (
            "(a) AS '''' || replace(replace(CAST(a AS VARCHAR), '\\', '\\\\'), '''', '\\''')"
            " || ''''",
        ),
        "REPEAT": ("(a, b) AS repeat(a, CAST(b AS BIGINT))",),
        "REPEATSTR": ("(a, b) AS repeat(a, CAST(b AS BIGINT))",),
        "SOUNDEX": ("(a) AS _dremio_soundex(a)",),
        "SPACE": ("(a) AS repeat(' ', CAST(a AS BIGINT))",),
        # Out of range: the empty string. Negative counts from the end, as in Dremio 25.
        "SPLIT_PART": (
            "(a, b, c) AS CASE WHEN c = 0 THEN error('Index in split_part must be positive, "
            "value provided was 0') ELSE split_part(a, b, CAST(c AS INTEGER)) END",
        ),
        "SUBSTRING_INDEX": (
            "(a, b, c) AS CASE WHEN c > 0 THEN array_to_string(string_split(a, b)[1:c], b) "
            "WHEN c < 0 THEN array_to_string(string_split(a, b)[c:], b) ELSE '' END",
        ),
        "SUBSTR": _SUBSTRING,
        "SUBSTRING": _SUBSTRING,
        "TOASCII": ("(a, b) AS _dremio_to_utf8(encode(a), b)",),
        "TO_UTF8": ("(a, b) AS _dremio_to_utf8(encode(a), b)",),
        "_OVERLAY": (
            "(a, b, c) AS substr(a, 1, c - 1) || b || substr(a, c + length(b))",
            "(a, b, c, d) AS substr(a, 1, c - 1) || b || substr(a, c + d)",
        ),
    },
    handlers={
        "CONCAT": _concat,
        "CONTAINS": _contains,
        "ELT": _elt,
        "ILIKE": _like(exp.ILike),
        "LIKE": _like(exp.Like),
    },
    udfs=(
        Udf("_dremio_soundex", ["VARCHAR"], "VARCHAR", _soundex, nulls=True),
        Udf("_dremio_normalize", ["VARCHAR", "VARCHAR"], "VARCHAR", _normalize),
        Udf("_dremio_to_utf8", ["BLOB", "VARCHAR"], "VARCHAR", _to_utf8),
    ),
)
