"""GetXdbcTypeInfo: the types that tables and results can have (FlightSql.proto's columns)."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("type_name", pa.string(), nullable=False),
        pa.field("data_type", pa.int32(), nullable=False),
        pa.field("column_size", pa.int32()),
        pa.field("literal_prefix", pa.string()),
        pa.field("literal_suffix", pa.string()),
        pa.field("create_params", pa.list_(pa.field("item", pa.string(), nullable=False))),
        pa.field("nullable", pa.int32(), nullable=False),
        pa.field("case_sensitive", pa.bool_(), nullable=False),
        pa.field("searchable", pa.int32(), nullable=False),
        pa.field("unsigned_attribute", pa.bool_()),
        pa.field("fixed_prec_scale", pa.bool_(), nullable=False),
        pa.field("auto_increment", pa.bool_()),
        pa.field("local_type_name", pa.string()),
        pa.field("minimum_scale", pa.int32()),
        pa.field("maximum_scale", pa.int32()),
        pa.field("sql_data_type", pa.int32(), nullable=False),
        pa.field("datetime_subcode", pa.int32()),
        pa.field("num_prec_radix", pa.int32()),
        pa.field("interval_precision", pa.int32()),
    ]
)
_NULLABLE, _SEARCHABLE, _NOT_LIKE = 1, 3, 2
_DATETIME = 9
# name, XdbcDataType, size, prefix and suffix of a literal, parameters, subcode, radix
_TYPES: tuple[tuple[str, int, int, str | None, str | None, list[str], int | None, int | None], ...]
_TYPES = (
    ("BOOLEAN", -7, 1, None, None, [], None, None),
    ("BIGINT", -5, 19, None, None, [], None, 10),
    ("VARBINARY", -3, 65536, "X'", "'", ["length"], None, None),
    ("DECIMAL", 3, 38, None, None, ["precision", "scale"], None, 10),
    ("INTEGER", 4, 10, None, None, [], None, 10),
    ("FLOAT", 6, 24, None, None, [], None, 2),
    ("DOUBLE", 8, 53, None, None, [], None, 2),
    ("VARCHAR", 12, 65536, "'", "'", ["length"], None, None),
    ("DATE", 91, 10, "DATE '", "'", [], 1, None),
    ("TIME", 92, 12, "TIME '", "'", [], 2, None),
    ("TIMESTAMP", 93, 23, "TIMESTAMP '", "'", [], 3, None),
)


def type_info(wanted: int | None) -> pa.Table:
    """Return the types, or the one of an XdbcDataType's number."""
    rows = [_row(*each) for each in _TYPES if wanted is None or each[1] == wanted]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _row(
    name: str,
    number: int,
    size: int,
    prefix: str | None,
    suffix: str | None,
    parameters: list[str],
    subcode: int | None,
    radix: int | None,
) -> dict[str, Any]:
    return {
        "type_name": name,
        "data_type": number,
        "column_size": size,
        "literal_prefix": prefix,
        "literal_suffix": suffix,
        "create_params": parameters,
        "nullable": _NULLABLE,
        "case_sensitive": name == "VARCHAR",
        "searchable": _SEARCHABLE if name == "VARCHAR" else _NOT_LIKE,
        "unsigned_attribute": False if radix else None,
        "fixed_prec_scale": False,
        "auto_increment": False if radix else None,
        "local_type_name": name,
        "minimum_scale": 0 if name == "DECIMAL" else None,
        "maximum_scale": 38 if name == "DECIMAL" else None,
        "sql_data_type": _DATETIME if subcode else number,
        "datetime_subcode": subcode,
        "num_prec_radix": radix,
        "interval_precision": None,
    }
