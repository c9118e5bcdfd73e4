"""HyperLogLog sketches as values: HLL, HLL_MERGE, HLL_DECODE.

The bytes are Apache DataSketches' own (`HLL_8`, 2^12 buckets, as Dremio's), so sketches that
one engine stored can be merged by the other. DuckDB has no aggregates of one's own: the distinct
values of a group are gathered as a list, and the list becomes the sketch.
"""

from __future__ import annotations

from typing import Any

import datasketches  # type: ignore[import-not-found,import-untyped,unused-ignore]
import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.functions.registry import (
    Context,
    Family,
    Udf,
    arity,
    call,
    function_error,
    macro,
)

_BUCKETS = 12
_KIND = datasketches.tgt_hll_type.HLL_8
_SKETCH, _MERGE = "_dremio_hll", "_dremio_hll_merge"
OVER_A_LIST = frozenset({_SKETCH, _MERGE})
"""Functions over an aggregate: FILTER and OVER belong to the aggregate inside."""

_READ = {"i": int, "d": float, "s": str}


def _sketch(values: list[str | None]) -> bytes:
    """The sketch of values written as a letter for their type and their text."""
    sketch = datasketches.hll_sketch(_BUCKETS, _KIND)
    for value in sorted(value for value in values if value):  # the estimate depends on the order
        sketch.update(_READ[value[0]](value[1:]))
    return bytes(sketch.serialize_compact())


def _read(sketch: bytes) -> Any:
    try:
        return datasketches.hll_sketch.deserialize(sketch)
    except (ValueError, RuntimeError) as error:
        raise function_error(f"not a HyperLogLog sketch: {error}") from None


def _merged(sketches: list[bytes | None]) -> bytes | None:
    union = datasketches.hll_union(_BUCKETS)
    for sketch in sketches:
        if sketch is not None:
            union.update(_read(sketch))
    return bytes(union.get_result(_KIND).serialize_compact())


def _sketches(lists: Any) -> pa.Array:
    return pa.array([_sketch(values or []) for values in lists.to_pylist()], pa.binary())


def _merges(lists: Any) -> pa.Array:
    return pa.array([_merged(values or []) for values in lists.to_pylist()], pa.binary())


def _decode(sketches: Any) -> pa.Array:
    counts = [None if s is None else int(_read(s).get_estimate()) for s in sketches.to_pylist()]
    return pa.array(counts, pa.int64())


def _hll(node: exp.Anonymous, context: Context) -> exp.Expr:
    (value,) = arity(node, 1)
    distinct = exp.Distinct(expressions=[macro("_SKETCHED", value)])
    return call(_SKETCH, call("array_agg", distinct))


def _hll_merge(node: exp.Anonymous, context: Context) -> exp.Expr:
    return call(_MERGE, call("array_agg", *arity(node, 1)))


def inward(node: exp.Filter | exp.Window) -> exp.Expr:
    """Return `sketch(aggregate) FILTER|OVER (…)` as `sketch(aggregate FILTER|OVER (…))`."""
    outer = node.this
    node.set("this", outer.expressions[0].copy())
    return call(outer.name, node.copy())


FAMILY = Family(
    title="Sketches",
    macros={
        # Numbers of one value are one value, whatever their width; moments count milliseconds.
        "_SKETCHED": (
            "(a BIGINT) AS 'i' || CAST(a AS VARCHAR)",
            "(a DOUBLE) AS 'd' || CAST(a AS VARCHAR)",
            "(a VARCHAR) AS 's' || a",
            "(a BOOLEAN) AS 'i' || CAST(CAST(a AS INTEGER) AS VARCHAR)",
            "(a DATE) AS 'i' || CAST(epoch_ms(a) AS VARCHAR)",
            "(a TIMESTAMP) AS 'i' || CAST(epoch_ms(a) AS VARCHAR)",
            "(a BLOB) AS 's' || hex(a)",
            "(a) AS 's' || CAST(a AS VARCHAR)",
        ),
    },
    handlers={"HLL": _hll, "HLL_MERGE": _hll_merge},
    native={"HLL_DECODE": "_dremio_hll_decode"},
    udfs=(
        Udf(_SKETCH, ["VARCHAR[]"], "BLOB", _sketches, nulls=True),
        Udf(_MERGE, ["BLOB[]"], "BLOB", _merges, nulls=True),
        Udf("_dremio_hll_decode", ["BLOB"], "BIGINT", _decode),
    ),
)
