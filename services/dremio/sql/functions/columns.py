"""Tools for functions over Arrow columns: work is done once for each distinct value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def _array(column: Any) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def each(
    function: Callable[..., Any], result: pa.DataType, *columns: Any, nulls: bool = False
) -> pa.Array:
    """Apply `function` to each distinct row of `columns` and spread the answers over the rows.

    A row with a NULL gives NULL and does not reach `function`, unless `nulls` is set.
    """
    arrays = [_array(column) for column in columns]
    if len(arrays) == 1:
        encoded = arrays[0].dictionary_encode(null_encoding="encode" if nulls else "mask")
        answers = pa.array([function(value) for value in encoded.dictionary.to_pylist()], result)
        return answers.take(encoded.indices)
    seen: dict[tuple[Any, ...], Any] = {}
    rows = list(zip(*(array.to_pylist() for array in arrays), strict=True))
    for row in rows:
        if row not in seen:
            seen[row] = None if not nulls and None in row else function(*row)
    return pa.array([seen[row] for row in rows], result)


def binary(column: Any) -> pa.Array:
    """Return the column's bytes: strings as UTF-8."""
    return pc.cast(_array(column), pa.binary())
