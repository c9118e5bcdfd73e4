"""Arrays and maps. Dremio counts array elements from 0, DuckDB from 1."""

from __future__ import annotations

from sqlglot import exp

from services.dremio.sql.functions.registry import (
    Context,
    Family,
    arity,
    call,
    function_error,
)


def _concat(node: exp.Anonymous, context: Context) -> exp.Expr:
    return call("list_concat", *arity(node, 2, 10_000))


def build_map(arguments: list[exp.Expr]) -> exp.Expr:
    """Return the map of `key, value, key, value …`. Raises DremioError for an odd count."""
    if len(arguments) % 2:
        raise function_error("MAP takes keys and values by turns: their number must be even")
    return call(
        "map",
        exp.Array(expressions=[a.copy() for a in arguments[::2]]),
        exp.Array(expressions=[a.copy() for a in arguments[1::2]]),
    )


def _map(node: exp.Anonymous, context: Context) -> exp.Expr:
    return build_map(node.expressions)


_SIZE = ("(a) AS CAST(len(a) AS INTEGER)",)
# From and to count from 0, `to` is left out, negative ones count from the end.
_AT = "CASE WHEN {0} < 0 THEN greatest(len(a) + {0}, 0) ELSE {0} END"

FAMILY = Family(
    title="Arrays and maps",
    native={
        "ARRAYS_OVERLAP": "list_has_any",
        "ARRAY_APPEND": "list_append",
        "FLATTEN": "unnest",
        "MAP_KEYS": "map_keys",
        "MAP_VALUES": "map_values",
    },
    macros={
        "_ITEM": ("(a, i) AS a[i + 1]",),
        "ARRAY_AVG": ("(a) AS list_avg(a)",),
        "ARRAY_COMPACT": ("(a) AS list_filter(a, lambda x: x IS NOT NULL)",),
        "ARRAY_CONTAINS": ("(a, b) AS CASE WHEN b IS NOT NULL THEN list_contains(a, b) END",),
        # The order is left open by the reference: first seen, first out.
        "ARRAY_DISTINCT": (
            "(a) AS list_filter(a, lambda x, i: coalesce(list_position(a, x), i) = i)",
        ),
        "ARRAY_FREQUENCY": (
            "(a) AS map_from_entries(list_transform(list_sort(list_distinct(a)), "
            "lambda x: {'k': x, 'v': CAST(len(list_filter(a, lambda y: y = x)) AS INTEGER)}))",
        ),
        "ARRAY_GENERATE_RANGE": (
            "(a, b) AS range(a, b)",
            "(a, b, c) AS range(a, b, c)",
        ),
        "ARRAY_INSERT": (
            "(a, b, c) AS @_INSERT(a, CASE WHEN b < 0 THEN greatest(len(a) + b, 0) ELSE b END, c)",
        ),
        "_INSERT": (
            "(a, b, c) AS CASE WHEN b >= len(a) THEN list_concat(list_resize(a, b), [c]) "
            "ELSE list_concat(list_concat(a[1:b], [c]), a[b + 1:]) END",
        ),
        # A structure of values of one type as the list of its fields.
        "MAPPIFY": ("(a) AS map_entries(cast_to_type(a, map([''], [struct_extract_at(a, 1)])))",),
        "KVGEN": ("(a) AS @MAPPIFY(a)",),
        "ARRAY_MAX": ("(a) AS list_max(a)",),
        "ARRAY_MIN": ("(a) AS list_min(a)",),
        "ARRAY_SUM": ("(a) AS list_sum(a)",),
        "ARRAY_POSITION": ("(a, b) AS CAST(list_position(b, a) - 1 AS INTEGER)",),
        "ARRAY_PREPEND": ("(a, b) AS list_prepend(a, b)",),
        "ARRAY_REMOVE": (
            "(a, b) AS CASE WHEN b IS NOT NULL THEN "
            "list_filter(a, lambda x: x IS DISTINCT FROM b) END",
        ),
        "ARRAY_REMOVE_AT": (
            "(a, b) AS CASE WHEN b >= len(a) OR b < -len(a) THEN a ELSE "
            f"list_concat(a[1:({_AT.format('b')})], a[({_AT.format('b')}) + 2:]) END",
        ),
        "ARRAY_SIZE": _SIZE,
        "ARRAY_LENGTH": _SIZE,
        "ARRAY_SLICE": (
            f"(a, b) AS a[({_AT.format('b')}) + 1:]",
            f"(a, b, c) AS a[({_AT.format('b')}) + 1:({_AT.format('c')})]",
        ),
        "ARRAY_SORT": ("(a) AS list_sort(a, 'ASC', 'NULLS LAST')",),
        "ARRAY_TO_STRING": (
            "(a, b) AS array_to_string(list_transform(a, "
            "lambda x: coalesce(CAST(x AS VARCHAR), '')), b)",
        ),
        "ARRAY_INTERSECTION": (
            "(a, b) AS list_filter(@ARRAY_DISTINCT(a), lambda x: list_contains(b, x))",
        ),
        "SET_UNION": ("(a, b) AS @ARRAY_DISTINCT(list_concat(a, b))",),
        # The offset counts from 1 (0 means 1 too) or, negative, from the end.
        "SUBLIST": (
            "(a, b, c) AS a[CASE WHEN b > 0 THEN b WHEN b = 0 THEN 1 ELSE len(a) + b + 1 END:"
            "CASE WHEN b > 0 THEN b WHEN b = 0 THEN 1 ELSE len(a) + b + 1 END + c - 1]",
        ),
        "CARDINALITY": ("(a) AS CAST(len(a) AS INTEGER)",),
        "SIZE": ("(a) AS CAST(len(a) AS INTEGER)",),
    },
    handlers={"ARRAY_CAT": _concat, "ARRAY_CONCAT": _concat, "MAP": _map, "MAP_CONSTRUCT": _map},
)
