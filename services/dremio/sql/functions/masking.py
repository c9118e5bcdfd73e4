"""Masking: upper-case letters become X, lower-case x, digits n unless told otherwise."""

from __future__ import annotations

from services.dremio.sql.functions.registry import Family

_OPTIONS = "b := 4, u := 'X', l := 'x', d := 'n'"


FAMILY = Family(
    title="Masking",
    macros={
        # Placeholders that no text holds keep a replaced character from being replaced again.
        "_MASK": (
            "(t, u, l, d) AS replace(replace(replace(regexp_replace(regexp_replace(regexp_replace("
            "t, '\\p{Lu}', chr(1), 'g'), '\\p{Ll}', chr(2), 'g'), '\\p{Nd}', chr(3), 'g'), "
            "chr(1), CASE WHEN u = '' THEN 'X' ELSE u[1] END), "
            "chr(2), CASE WHEN l = '' THEN 'x' ELSE l[1] END), "
            "chr(3), CASE WHEN d = '' THEN 'n' ELSE d[1] END)",
        ),
        "MASK": ("(a, u := 'X', l := 'x', d := 'n') AS @_MASK(a, u, l, d)",),
        "MASK_FIRST_N": (f"(a, {_OPTIONS}) AS @_MASK(left(a, b), u, l, d) || substr(a, b + 1)",),
        "MASK_LAST_N": (
            f"(a, {_OPTIONS}) AS left(a, greatest(length(a) - b, 0)) || "
            "@_MASK(right(a, b), u, l, d)",
        ),
        "MASK_SHOW_FIRST_N": (
            f"(a, {_OPTIONS}) AS left(a, b) || @_MASK(substr(a, b + 1), u, l, d)",
        ),
        "MASK_SHOW_LAST_N": (
            f"(a, {_OPTIONS}) AS @_MASK(left(a, greatest(length(a) - b, 0)), u, l, d) || "
            "right(a, b)",
        ),
        "MASK_HASH": ("(a) AS sha256(a)",),
    },
)
