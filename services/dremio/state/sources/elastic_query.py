"""A scan's condition → Elasticsearch's query; it lets through every row that fits, maybe more."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from services.dremio.state.sources.conditions import Condition, Group, Null, OneOf
from services.dremio.state.sources.elastic_types import Columns

_RANGES = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


def query(when: Condition | None, columns: Columns) -> dict[str, Any]:
    """Return the `query` of a search."""
    made = _made(when, columns) if when is not None else None
    return {"bool": {"filter": [made]}} if made else {"match_all": {}}


def _made(when: Condition, columns: Columns) -> dict[str, Any] | None:
    if isinstance(when, Group):
        parts = [_made(part, columns) for part in when.parts]
        known = [part for part in parts if part]
        if when.word == "and":
            return {"bool": {"filter": known}} if known else None
        if len(known) < len(parts):
            return None
        return {"bool": {"should": known, "minimum_should_match": 1}}
    column = columns[when.column]
    if not column.exact:
        return None
    if isinstance(when, Null):
        # What the index has not taken (too long, malformed) may still be in the document.
        return None if when.null else {"exists": {"field": column.exact}}
    if pa.types.is_floating(column.type):
        return None
    if isinstance(when, OneOf):
        if column.date:
            return None
        return {"terms": {column.exact: list(when.values)}}
    if column.date:
        return _moment(column.exact, when.op, when.value)
    if when.op == "=":
        return {"term": {column.exact: when.value}}
    if when.op in _RANGES and not pa.types.is_string(column.type):
        return {"range": {column.exact: {_RANGES[when.op]: when.value}}}
    return None


def _moment(field: str, op: str, value: str) -> dict[str, Any] | None:
    """Compare milliseconds, which is what the index keeps; finer parts widen the range."""
    moment = value.replace(" ", "T")
    whole, _, fraction = moment.partition(".")
    moment = f"{whole}.{fraction[:3].ljust(3, '0')}Z"
    form = {"format": "strict_date_optional_time"}
    if op == "=":
        return {"range": {field: {"gte": moment, "lte": moment, **form}}}
    if op in (">", ">="):
        return {"range": {field: {"gte": moment, **form}}}
    return {"range": {field: {"lte": moment, **form}}} if op in ("<", "<=") else None
