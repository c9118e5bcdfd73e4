"""GetSqlInfo: what the server is and can do (numbers from FlightSql.proto's SqlInfo)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

_VALUES: tuple[tuple[str, pa.DataType], ...] = (
    ("string_value", pa.string()),
    ("bool_value", pa.bool_()),
    ("bigint_value", pa.int64()),
    ("int32_bitmask", pa.int32()),
    ("string_list", pa.list_(pa.string())),
    ("int32_to_int32_list_map", pa.map_(pa.int32(), pa.list_(pa.int32()))),
)
_STRING, _BOOL, _BIGINT, _BITMASK, _LIST = range(5)

SCHEMA = pa.schema(
    [
        pa.field("info_name", pa.uint32(), nullable=False),
        pa.field(
            "value",
            pa.dense_union([pa.field(name, kind) for name, kind in _VALUES]),
            nullable=False,
        ),
    ]
)


def _facts(version: str) -> dict[int, tuple[int, Any]]:
    return {
        0: (_STRING, "Dremio"),
        1: (_STRING, version),
        2: (_STRING, pa.__version__),
        3: (_BOOL, False),  # read only
        4: (_BOOL, True),  # SQL
        5: (_BOOL, False),  # Substrait
        8: (_BITMASK, 0),  # transactions: none
        9: (_BOOL, True),  # cancel
        10: (_BOOL, True),  # bulk ingestion
        11: (_BOOL, False),  # not in transactions
        500: (_BOOL, False),  # catalogs cannot be made
        501: (_BOOL, True),  # schemas can
        502: (_BOOL, True),  # tables can
        503: (_BIGINT, 1),  # identifiers: case does not matter
        504: (_STRING, '"'),
        505: (_BIGINT, 1),  # quoted ones neither
        506: (_BOOL, True),
        507: (_BIGINT, 0),  # NULL sorts highest
        513: (_STRING, "\\"),
        514: (_STRING, ""),
        515: (_STRING, "SCHEMA"),
        516: (_STRING, "PROCEDURE"),
        517: (_STRING, ""),
    }


def sql_info(version: str, wanted: Sequence[int]) -> pa.Table:
    """Return the facts asked for, or all; numbers that are not known are left out."""
    facts = _facts(version)
    chosen = [number for number in (wanted or facts) if number in facts]
    children: list[list[Any]] = [[] for _ in _VALUES]
    types, offsets = [], []
    for number in chosen:
        kind, value = facts[number]
        types.append(kind)
        offsets.append(len(children[kind]))
        children[kind].append(value)
    union = pa.UnionArray.from_dense(
        pa.array(types, pa.int8()),
        pa.array(offsets, pa.int32()),
        [pa.array(values, kind) for values, (_, kind) in zip(children, _VALUES, strict=True)],
        [name for name, _ in _VALUES],
    )
    return pa.Table.from_arrays([pa.array(chosen, pa.uint32()), union], schema=SCHEMA)
