"""`_delete_by_query`, `_update_by_query` and `_reindex`, in batches of bounded size."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import orjson

from services.elasticsearch.errors import RequestError, not_supported
from services.elasticsearch.handlers.call import Answer, Call
from services.elasticsearch.handlers.search import uri_query
from services.elasticsearch.state.documents.operations import Operation
from services.elasticsearch.state.documents.script import run_script
from services.elasticsearch.state.names import Target

_BATCH = 1000


def _pages(call: Call, target: Target, query: dict[str, Any]) -> Iterator[list[str]]:
    ids = call.store.searcher.matching_ids(target, query)
    limit = call.number("max_docs")
    ids = ids if limit is None else ids[:limit]
    for start in range(0, len(ids), _BATCH):
        if call.cancelled.is_set():
            return
        yield ids[start : start + _BATCH]


def _result(started: float, counts: dict[str, int], failures: list[Any]) -> dict[str, Any]:
    return {
        "took": int((time.monotonic() - started) * 1000),
        "timed_out": False,
        "total": sum(counts.get(k, 0) for k in ("updated", "created", "deleted", "noops")),
        **counts,
        "version_conflicts": 0,
        "retries": {"bulk": 0, "search": 0},
        "throttled_millis": 0,
        "requests_per_second": -1.0,
        "throttled_until_millis": 0,
        "failures": failures,
    }


def _query(call: Call, body: dict[str, Any], *, required: bool) -> dict[str, Any]:
    query: dict[str, Any] | None = uri_query(call.params) or body.get("query")
    if query is None and required:
        raise RequestError(
            400, "action_request_validation_exception", "Validation Failed: 1: query is missing;"
        )
    return query or {"match_all": {}}


def delete_by_query(call: Call) -> Answer:
    """`POST /{index}/_delete_by_query`."""
    started, body = time.monotonic(), call.json()
    query = _query(call, body, required=True)
    deleted = 0
    for target in call.store.resolve(call.path["index"], call.options()):
        for ids in _pages(call, target, query):
            results = call.store.writer.apply(
                [Operation("delete", target.index.name, i) for i in ids]
            )
            deleted += sum(isinstance(r, dict) and r["result"] == "deleted" for r in results)
    counts = {"deleted": deleted, "batches": -(-deleted // _BATCH), "noops": 0}
    return Answer(_result(started, counts, []))


def update_by_query(call: Call) -> Answer:
    """`POST /{index}/_update_by_query`: with a script, or to index anew."""
    started, body = time.monotonic(), call.json()
    query, script = _query(call, body, required=False), body.get("script")
    counts = {"updated": 0, "deleted": 0, "batches": 0, "noops": 0}
    failures: list[Any] = []
    for target in call.store.resolve(call.path["index"], call.options()):
        for ids in _pages(call, target, query):
            operations = [o for o in (_changed(call, target, i, script, counts) for i in ids) if o]
            counts["batches"] += 1
            for operation, result in zip(
                operations, call.store.writer.apply(operations), strict=True
            ):
                if isinstance(result, RequestError):
                    failures.append(
                        {
                            "index": target.index.name,
                            "id": operation.id,
                            "cause": result.cause(),
                            "status": result.status,
                        }
                    )
                else:
                    counts["deleted" if operation.action == "delete" else "updated"] += 1
    return Answer(_result(started, counts, failures), 400 if failures else 200)


def _changed(
    call: Call, target: Target, identifier: str, script: Any, counts: dict[str, int]
) -> Operation | None:
    found = call.store.get(target.index.name, identifier)
    if found is None:
        return None
    text, document = found["text"], orjson.loads(found["text"])
    if script:
        what, document = run_script(script, document)
        if what == "none":
            counts["noops"] += 1
            return None
        if what == "delete":
            return Operation("delete", target.index.name, identifier)
        text = orjson.dumps(document).decode()
    return Operation(
        "index", target.index.name, identifier, document, text,
        if_seq_no=found["_seq_no"], if_primary_term=1, routing=found.get("_routing"),
    )  # fmt: skip


def reindex(call: Call) -> Answer:
    """`POST /_reindex` within this store."""
    started, body = time.monotonic(), call.json(required=True)
    source, dest = body.get("source", {}), body.get("dest", {})
    if source.get("remote") or dest.get("pipeline") or source.get("slice"):
        raise not_supported("[remote], [pipeline] and [slice] of _reindex")
    if not dest.get("index") or not source.get("index"):
        raise RequestError(
            400, "action_request_validation_exception", "Validation Failed: 1: index is missing;"
        )
    names = source["index"]
    query = source.get("query") or {"match_all": {}}
    counts = {"created": 0, "updated": 0, "deleted": 0, "batches": 0, "noops": 0}
    failures: list[Any] = []
    action = "create" if dest.get("op_type") == "create" else "index"
    for target in call.store.resolve(
        ",".join(names) if isinstance(names, list) else names, call.options()
    ):
        for ids in _pages(call, target, query):
            operations = []
            for identifier in ids:
                found = call.store.get(target.index.name, identifier)
                if found is None:
                    continue
                text, document = found["text"], orjson.loads(found["text"])
                if body.get("script"):
                    what, document = run_script(body["script"], document)
                    if what != "index":
                        counts["noops"] += 1
                        continue
                    text = orjson.dumps(document).decode()
                operations.append(Operation(action, dest["index"], identifier, document, text))
            counts["batches"] += 1
            for operation, result in zip(
                operations, call.store.writer.apply(operations), strict=True
            ):
                if isinstance(result, RequestError):
                    failures.append(
                        {
                            "index": dest["index"],
                            "id": operation.id,
                            "cause": result.cause(),
                            "status": result.status,
                        }
                    )
                else:
                    counts[result["result"]] += 1
    return Answer(_result(started, counts, failures), 409 if failures else 200)
