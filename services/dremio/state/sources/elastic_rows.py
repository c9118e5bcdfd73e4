"""Hits of a search → rows."""

from __future__ import annotations

import datetime
from typing import Any

import orjson
import pyarrow as pa

from services.dremio.state.sources.elastic_types import META, Columns

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def batch(hits: list[dict[str, Any]], schema: pa.Schema, columns: Columns) -> pa.RecordBatch:
    """Return the hits' columns of `schema`."""
    arrays = []
    for field in schema:
        if field.name in META and columns[field.name].exact in ("", "_index"):
            values: list[Any] = [_meta(hit, field.name) for hit in hits]
        else:
            values = [
                _value(_found(hit.get("_source") or {}, field.name), field.type) for hit in hits
            ]
        arrays.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _meta(hit: dict[str, Any], name: str) -> str | None:
    if name == "_type":
        return "_doc"
    return hit.get("_id") if name in ("_uid", "_id") else hit.get(name)


def _found(source: dict[str, Any], name: str) -> Any:
    """Return a field; a document may spell an inner one with a dot (`{"log.level": …}`)."""
    value = source.get(name)
    if value is None:
        inner = {k[len(name) + 1 :]: v for k, v in source.items() if k.startswith(name + ".")}
        return inner or None
    return value


def _value(value: Any, kind: pa.DataType) -> Any:
    """Return a JSON value as the column's type has it; what does not fit is null."""
    if value is None:
        return None
    if pa.types.is_list(kind):
        items = value if isinstance(value, list) else [value]
        return [_value(item, kind.value_type) for item in items]
    if pa.types.is_string(kind):
        return value if isinstance(value, str) else orjson.dumps(value).decode()
    if isinstance(value, list):  # any field may hold several values: the first is taken
        return _value(value[0], kind) if value else None
    if pa.types.is_struct(kind):
        if not isinstance(value, dict):
            return None
        return {f.name: _value(_found(value, f.name), f.type) for f in kind}
    try:
        return _scalar(value, kind)
    except (ValueError, TypeError, OverflowError):
        return None


def _scalar(value: Any, kind: pa.DataType) -> Any:
    if pa.types.is_boolean(kind):
        return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value))
    if pa.types.is_integer(kind):
        return int(float(value)) if isinstance(value, float) else int(value)
    if pa.types.is_floating(kind):
        return float(value)
    if isinstance(value, int | float):
        return (_EPOCH + datetime.timedelta(milliseconds=value)).replace(tzinfo=None)
    moment = datetime.datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return moment.astimezone(datetime.UTC).replace(tzinfo=None) if moment.tzinfo else moment
