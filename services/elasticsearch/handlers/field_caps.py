"""`_field_caps`: what the fields of the indices can do."""

from __future__ import annotations

import fnmatch
from typing import Any

from services.elasticsearch.errors import (
    illegal_argument,
    invalid_request,
    not_supported,
)
from services.elasticsearch.handlers.call import Answer, Call
from services.elasticsearch.state.catalog import Index

# Name → searchable, aggregatable.
_META = {"_id": (True, False), "_index": (True, True), "_source": (False, False)}
_NOT_AGGREGATED = frozenset({"text", "match_only_text", "binary", "object"})
_FILTERS = frozenset({"+metadata", "-metadata", "-parent", "-nested", "-multifield"})


def field_caps(call: Call) -> Answer:
    """`GET|POST /_field_caps`."""
    body = call.json()
    if body.get("index_filter") or body.get("runtime_mappings"):
        raise not_supported("[index_filter] and [runtime_mappings] of _field_caps")
    wanted = _names(call, body, "fields")
    if not wanted:
        raise invalid_request("no fields specified")
    types, filters = _names(call, body, "types"), _names(call, body, "filters")
    if unknown := set(filters) - _FILTERS:
        raise illegal_argument(f"Unknown field caps filter {sorted(unknown)}")
    indices = call.store.names(call.path.get("index"), call.options())
    found: dict[str, dict[str, list[str]]] = {}
    for index in indices:
        for path, kind in _fields(index, set(filters)).items():
            chosen = any(fnmatch.fnmatchcase(path, pattern) for pattern in wanted)
            if chosen and (not types or kind in types):
                found.setdefault(path, {}).setdefault(kind, []).append(index.name)
    if call.flag("include_unmapped"):
        for kinds in found.values():
            holders = {name for names in kinds.values() for name in names}
            without = [index.name for index in indices if index.name not in holders]
            if without:
                kinds["unmapped"] = without
    return Answer(
        {
            "indices": [index.name for index in indices],
            "fields": {path: _shown(path, kinds) for path, kinds in found.items()},
        }
    )


def _names(call: Call, body: dict[str, Any], name: str) -> list[str]:
    given = call.params.get(name, body.get(name)) or []
    return given.split(",") if isinstance(given, str) else list(given)


def _fields(index: Index, filters: set[str]) -> dict[str, str]:
    """Return path → type: metadata, fields, and the objects that hold them."""
    known = index.mapping.fields
    found = {} if "-metadata" in filters else {name: name for name in _META}
    if "+metadata" in filters:
        return found
    for path, field in known.items():
        parent = path.rpartition(".")[0]
        if parent in known and "-multifield" in filters:
            continue
        found[path] = field.type_name
        while parent and parent not in known and "-parent" not in filters:
            found[parent] = "object"
            parent = parent.rpartition(".")[0]
    return found


def _shown(path: str, kinds: dict[str, list[str]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for kind, names in kinds.items():
        searchable = kind not in ("binary", "object", "unmapped")
        aggregatable = kind not in _NOT_AGGREGATED and kind != "unmapped"
        if path in _META:
            searchable, aggregatable = _META[path]
        made[kind] = {
            "type": kind,
            "metadata_field": path in _META,
            "searchable": searchable,
            "aggregatable": aggregatable,
        }
        if len(kinds) > 1:
            made[kind]["indices"] = names
    return made
