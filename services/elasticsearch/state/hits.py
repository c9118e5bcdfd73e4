"""`fields` and `docvalue_fields` of a hit: values by field, formatted as the mapping says."""

from __future__ import annotations

import fnmatch
from typing import Any

from services.elasticsearch.state.dates import DateFormat
from services.elasticsearch.state.mapping.fields import Field, Mapping
from services.elasticsearch.state.source import values_at


def shape_fields(
    mapping: Mapping, source: dict[str, Any], wanted: list[Any]
) -> dict[str, list[Any]]:
    """Return field → values for the fields (names, patterns, `{"field", "format"}`) wanted."""
    made: dict[str, list[Any]] = {}
    for entry in wanted:
        pattern, format_ = (
            (entry["field"], entry.get("format")) if isinstance(entry, dict) else (entry, None)
        )
        for path, field in mapping.fields.items():
            if fnmatch.fnmatchcase(path, pattern):
                values = _values(mapping, source, field, format_)
                if values:
                    made[path] = values
    return made


def _values(
    mapping: Mapping, source: dict[str, Any], field: Field, format_: str | None
) -> list[Any]:
    parent = field.path.rpartition(".")[0]
    origin = parent if parent in mapping.fields else field.path
    found: list[Any] = []
    for value in values_at(source, origin):
        if field.family == "text":
            found.append(str(value))
            continue
        try:
            converted = field.converter(value)
        except (ValueError, TypeError):
            continue  # ignore_malformed
        if converted is None:
            continue
        if field.family == "date":
            pattern = format_ or field.parameters.get("format")
            converted = DateFormat(pattern).print(converted)
        found.append(converted)
    return found
