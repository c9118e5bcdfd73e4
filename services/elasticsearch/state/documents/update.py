"""Partial updates: `doc`, `upsert`, `doc_as_upsert`, `detect_noop`, and simple scripts."""

from __future__ import annotations

from typing import Any

import orjson

from services.elasticsearch.errors import RequestError, invalid_request, parsing
from services.elasticsearch.state.documents.operations import Stored
from services.elasticsearch.state.documents.script import run_script

_KNOWN = frozenset(
    {"doc", "upsert", "doc_as_upsert", "detect_noop", "script", "scripted_upsert", "_source"}
)


def updated(
    body: dict[str, Any], current: Stored | None, index: str, identifier: str, uuid: str
) -> tuple[str, dict[str, Any] | None]:
    """Return (result, new source): created, updated, noop (no source) or deleted (no source).

    Raises document_missing_exception when there is nothing to update.
    """
    for name in body:
        if name not in _KNOWN:
            raise RequestError(
                400, "x_content_parse_exception", f"[UpdateRequest] unknown field [{name}]"
            )
    if "script" not in body and "doc" not in body:
        raise invalid_request("script or doc is missing")
    if current is None:
        upsert = body.get("upsert")
        if upsert is None and body.get("doc_as_upsert"):
            upsert = body["doc"]
        if upsert is None:
            raise RequestError(
                404,
                "document_missing_exception",
                f"[{identifier}]: document missing",
                index_uuid=uuid,
                shard="0",
                index=index,
            )
        if not isinstance(upsert, dict):
            raise parsing("[upsert] must be an object")
        return "created", upsert
    source = orjson.loads(current.text)
    if "script" in body:
        operation, changed = run_script(body["script"], source)
        return {"index": "updated", "none": "noop", "delete": "deleted"}[operation], changed
    merged = merge(source, body["doc"])
    if merged == source and body.get("detect_noop", True):
        return "noop", None
    return "updated", merged


def merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return `old` with `new` put over it, object by object."""
    if not isinstance(new, dict):
        raise parsing("[doc] must be an object")
    merged = dict(old)
    for key, value in new.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged
