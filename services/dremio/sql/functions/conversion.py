"""CONVERT_FROM, CONVERT_TO: values from and to binary strings of a named encoding."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.functions.columns import binary
from services.dremio.sql.functions.registry import (
    Context,
    Family,
    Udf,
    arity,
    call,
    function_error,
    literal,
    macro,
    text,
)

# Encoding → numpy's layout, DuckDB's type of the number inside, and what the number means.
_FIXED = {
    "INT": ("<i4", "INTEGER", ""),
    "INT_BE": (">i4", "INTEGER", ""),
    "BIGINT": ("<i8", "BIGINT", ""),
    "BIGINT_BE": (">i8", "BIGINT", ""),
    "FLOAT": ("<f4", "FLOAT", ""),
    "FLOAT_BE": (">f4", "FLOAT", ""),
    "DOUBLE": ("<f8", "DOUBLE", ""),
    "DOUBLE_BE": (">f8", "DOUBLE", ""),
    "BOOLEAN_BYTE": ("i1", "TINYINT", "_BOOLEAN_OF"),
    "DATE_EPOCH": ("<i8", "BIGINT", "_DATE_OF"),
    "DATE_EPOCH_BE": (">i8", "BIGINT", "_DATE_OF"),
    "TIME_EPOCH": ("<i8", "BIGINT", "_TIME_OF"),
    "TIME_EPOCH_BE": (">i8", "BIGINT", "_TIME_OF"),
    "TIMESTAMP_EPOCH": ("<i8", "BIGINT", "_TIMESTAMP_OF"),
    "TIMESTAMP_EPOCH_BE": (">i8", "BIGINT", "_TIMESTAMP_OF"),
}

_JSON = ("JSON", "COMPACTJSON")


def _unpack(layout: str) -> Any:
    width = np.dtype(layout).itemsize

    def apply(column: Any) -> pa.Array:
        values = binary(column)
        mask = np.array(values.is_null())
        data = b"".join(v if v is not None else bytes(width) for v in values.to_pylist())
        if len(data) != width * len(values):
            raise ValueError(f"CONVERT_FROM: a binary string is not {width} bytes long")
        decoded = np.frombuffer(data, layout)
        return pa.array(decoded.astype(decoded.dtype.newbyteorder("=")), mask=mask)

    return apply


def _pack(layout: str) -> Any:
    width = np.dtype(layout).itemsize

    def apply(column: Any) -> pa.Array:
        array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        data = np.asarray(array.fill_null(0)).astype(layout).tobytes()
        mask = array.is_null().to_pylist()
        return pa.array(
            [None if gone else data[i * width : (i + 1) * width] for i, gone in enumerate(mask)],
            pa.binary(),
        )

    return apply


# A whole string, which stays as it is, or a bare field name after `{` or `,`.
_BARE_KEY = re.compile(r'("(?:[^"\\]|\\.)*")|([{,]\s*)([A-Za-z_$][\w$]*)(\s*:)')


def _json_type(sample: str) -> Any:
    """The shape of a JSON text in the form DuckDB's from_json takes. Raises ValueError."""

    def shape(value: Any) -> Any:
        match value:
            case bool():
                return "BOOLEAN"
            case int():
                return "BIGINT"
            case float():
                return "DOUBLE"
            case list():
                found = [shape(item) for item in value if item is not None]
                return [_wider(found) if found else "VARCHAR"]
            case dict():
                # Dremio leaves out what is null: its type is not known.
                return {k: shape(v) for k, v in value.items() if v is not None}
            case _:
                return "VARCHAR"

    return shape(json.loads(sample))


def _wider(shapes: list[Any]) -> Any:
    shapes = [s for s in shapes if s != "NULL"] or shapes
    if all(isinstance(s, dict) for s in shapes):
        merged: dict[str, Any] = {}
        for item in shapes:
            for key, value in item.items():
                merged[key] = _wider([merged[key], value]) if key in merged else value
        return merged
    if all(isinstance(s, list) for s in shapes):
        return [_wider([s[0] for s in shapes])]
    if all(s == shapes[0] for s in shapes):
        return shapes[0]
    return "DOUBLE" if all(s in ("BIGINT", "DOUBLE") for s in shapes) else "VARCHAR"


LEARNED = "json_shape"
"""The meta key of a call under which the shape of its column's JSON is kept …"""
ASKED = "asked"
"""… or this, where the call stands for each document's structure."""


def learnable(node: exp.Expr) -> bool:
    """Whether a call reads JSON of a column, whose type only the rows tell."""
    return (
        isinstance(node, exp.Anonymous)
        and node.name.upper() == "CONVERT_FROM"
        and len(node.expressions) == 2
        and isinstance(node.expressions[0], exp.Column)
        and (literal(node.expressions[1]) or "").upper() in _JSON
    )


def structure(written: Any) -> Any:
    """Return the shape of one of DuckDB's `json_structure`s, in the form from_json takes."""
    match written:
        case "UBIGINT" | "BIGINT":
            return "BIGINT"
        case "DOUBLE" | "HUGEINT" | "UHUGEINT":
            return "DOUBLE"
        case "BOOLEAN" | "NULL":
            return written
        case list():
            return [structure(item) for item in written]
        case dict():
            return {key: structure(value) for key, value in written.items()}
        case _:
            return "VARCHAR"


def common(shapes: list[Any]) -> Any:
    """Return the shape that holds values of all `shapes`; what has no type is text."""
    return _settled(_wider([s for s in shapes if s != "NULL"] or ["VARCHAR"]))


def _settled(shape: Any) -> Any:
    """Leave out fields that were always null, as Dremio does, and rows without fields."""
    if isinstance(shape, list):
        return [_settled("VARCHAR" if shape[0] == "NULL" else shape[0])]
    if isinstance(shape, dict):
        return {k: _settled(v) for k, v in shape.items() if v != "NULL"} or "VARCHAR"
    return shape


def _from_json(node: exp.Anonymous) -> exp.Expr:
    value = node.expressions[0]
    sample = literal(value)
    if sample is None and LEARNED in node.meta:
        written, shape = macro("_VARCHAR", value), node.meta[LEARNED]
        if shape == ASKED:
            kind = exp.DataType.build("JSON", dialect="duckdb")
            return call("json_structure", exp.TryCast(this=written, to=kind))
        return call("from_json", written, text(json.dumps(shape)))
    if sample is None:
        raise function_error(
            "Using CONVERT_FROM(*, 'JSON') is only supported against string literals and direct "
            "table references of types VARCHAR and VARBINARY; name the type of anything else: "
            "CONVERT_FROM(… AS ROW(…))"
        )
    sample = _quoted_keys(sample)
    try:
        shape = _json_type(sample)
    except ValueError as error:
        raise function_error(f"CONVERT_FROM: not valid JSON: {error}") from error
    return call("from_json", text(sample), text(json.dumps(shape)))


def _quoted_keys(sample: str) -> str:
    """Return JSON whose bare field names, which Dremio's reader takes, are quoted."""
    return _BARE_KEY.sub(lambda m: m[1] or f'{m[2]}"{m[3]}"{m[4]}', sample)


def _typed_json(value: exp.Expr, to: exp.DataType, strict: bool) -> exp.Expr:
    document = exp.TryCast(this=value, to=exp.DataType.build("JSON", dialect="duckdb"))
    if strict:
        return exp.Cast(this=document, to=to)
    typed = exp.TryCast(this=document, to=to)
    wanted = {exp.DType.STRUCT: "OBJECT", exp.DType.LIST: "ARRAY", exp.DType.ARRAY: "ARRAY"}
    if to.this not in wanted:
        return typed
    # DuckDB makes a row of NULLs from a document of another shape; Dremio answers NULL.
    fits = exp.EQ(this=call("json_type", document.copy()), expression=text(wanted[to.this]))
    return exp.Case(ifs=[exp.If(this=fits, true=typed)])


def _convert_from(node: exp.Anonymous, context: Context) -> exp.Expr:
    value, kind, *_ = arity(node, 2, 3)
    strict = not node.name.upper().startswith("TRY_")
    if isinstance(kind, exp.DataType):
        return _typed_json(value, kind, strict)
    name = (literal(kind) or "").upper()
    if name in _JSON:
        return _from_json(node)
    if name == "UTF8":
        return call("decode", macro("_BYTES", value))
    if name in _FIXED:
        meaning = _FIXED[name][2]
        decoded = call(f"_dremio_from_{name}", macro("_BYTES", value))
        return macro(meaning, decoded) if meaning else decoded
    raise function_error(f"CONVERT_FROM does not support conversion from type '{name}'")


def _convert_to(node: exp.Anonymous, context: Context) -> exp.Expr:
    value, kind = arity(node, 2)
    name = (literal(kind) or "").upper()
    if name == "UTF8":
        return macro("_BYTES", value)
    if name in ("JSON", "COMPACTJSON", "EXTENDEDJSON"):
        return call("encode", exp.cast(call("to_json", value), "VARCHAR"))
    if name in _FIXED:
        meaning = _FIXED[name][2]
        value = macro(meaning.replace("_OF", "_NUMBER"), value) if meaning else value
        return call(f"_dremio_to_{name}", exp.cast(value, _FIXED[name][1]))
    raise function_error(f"CONVERT_TO does not support conversion to type '{name}'")


FAMILY = Family(
    title="Conversion",
    macros={
        "_BOOLEAN_OF": ("(a) AS a <> 0",),
        "_BOOLEAN_NUMBER": ("(a) AS CAST(CAST(a AS BOOLEAN) AS TINYINT)",),
        "_TIMESTAMP_OF": ("(a) AS make_timestamp(a * 1000)",),
        "_TIMESTAMP_NUMBER": ("(a) AS epoch_ms(CAST(a AS TIMESTAMP))",),
        "_DATE_OF": ("(a) AS CAST(make_timestamp(a * 1000) AS DATE)",),
        "_DATE_NUMBER": ("(a) AS epoch_ms(CAST(CAST(a AS DATE) AS TIMESTAMP))",),
        "_TIME_OF": ("(a) AS CAST(make_timestamp((a % 86400000) * 1000) AS TIME)",),
        "_TIME_NUMBER": ("(a) AS CAST(epoch(CAST(a AS TIME)) * 1000 AS BIGINT)",),
    },
    handlers={
        "CONVERT_FROM": _convert_from,
        "TRY_CONVERT_FROM": _convert_from,
        "CONVERT_TO": _convert_to,
    },
    udfs=(
        *(
            Udf(f"_dremio_from_{name.lower()}", ["BLOB"], kind, _unpack(layout))
            for name, (layout, kind, _) in _FIXED.items()
        ),
        *(
            Udf(f"_dremio_to_{name.lower()}", [kind], "BLOB", _pack(layout))
            for name, (layout, kind, _) in _FIXED.items()
        ),
    ),
)
