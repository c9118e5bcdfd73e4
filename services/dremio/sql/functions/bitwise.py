"""Bitwise functions on 32-bit and 64-bit integers; shifts wrap as Java's do."""

from __future__ import annotations

from services.dremio.sql.functions.registry import Family

_XOR = ("(a, b) AS xor(a, b)",)
_LEFT = (
    # Java takes the shift modulo the width; the result wraps into the sign bit.
    "(a INTEGER, b) -> INTEGER AS @_INT32(CAST(a AS HUGEINT) * "
    "(CAST(1 AS HUGEINT) << (CAST(b AS INTEGER) & 31)))",
    "(a BIGINT, b) -> BIGINT AS @_INT64(CAST(a AS HUGEINT) * "
    "(CAST(1 AS HUGEINT) << (CAST(b AS INTEGER) & 63)))",
)
_RIGHT = (
    "(a INTEGER, b) -> INTEGER AS a >> (CAST(b AS INTEGER) & 31)",
    "(a BIGINT, b) -> BIGINT AS a >> (CAST(b AS INTEGER) & 63)",
)
_RIGHT_UNSIGNED = (
    "(a INTEGER, b) -> INTEGER AS CAST("
    "((CAST(a AS BIGINT) & 4294967295) >> (CAST(b AS INTEGER) & 31)) - "
    "CASE WHEN a < 0 AND (CAST(b AS INTEGER) & 31) = 0 THEN 4294967296 ELSE 0 END AS INTEGER)",
    "(a BIGINT, b) -> BIGINT AS CASE WHEN (CAST(b AS INTEGER) & 63) = 0 THEN a ELSE CAST("
    "(CASE WHEN a < 0 THEN CAST(a AS HUGEINT) + 18446744073709551616 ELSE a END)"
    " // (CAST(1 AS HUGEINT) << (CAST(b AS INTEGER) & 63)) AS BIGINT) END",
)

FAMILY = Family(
    title="Bitwise",
    macros={
        "_INT32": (
            "(a HUGEINT) AS CAST(((a + 2147483648) % 4294967296 + 4294967296) % 4294967296"
            " - 2147483648 AS INTEGER)",
        ),
        "_INT64": (
            "(a HUGEINT) AS CAST(((a + 9223372036854775808) % 18446744073709551616"
            " + 18446744073709551616) % 18446744073709551616 - 9223372036854775808 AS BIGINT)",
        ),
        "BITWISE_AND": ("(a, b) AS a & b",),
        "BITWISE_OR": ("(a, b) AS a | b",),
        "BITWISE_XOR": _XOR,
        "BITWISE_NOT": ("(a) AS ~a",),
        "XOR": _XOR,
        "LSHIFT": _LEFT,
        "SHIFTLEFT": _LEFT,
        "RSHIFT": _RIGHT,
        "SHIFTRIGHT": _RIGHT,
        "RSHIFTUNSIGNED": _RIGHT_UNSIGNED,
        "SHIFTRIGHTUNSIGNED": _RIGHT_UNSIGNED,
    },
)
