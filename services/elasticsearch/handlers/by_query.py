"""`_delete_by_query`, `_update_by_query` and `_reindex`, in batches of bounded size."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import orjson

from services.elasticsearch.errors import RequestError, invalid_request, not_supported, parsing
from services.elasticsearch.handlers.call import Answer, Call
from services.elasticsearch.handlers.search import uri_query
from services.elasticsearch.state.documents.operations import Operation
from services.elasticsearch.state.documents.script import run_script
from services.elasticsearch.state.names import Target

_BATCH = 1000


def _pages(
    call: Call, targets: list[Target], query: dict[str, Any], limit: int | None
) -> Iterator[tuple[Target, list[str]]]:
    for target in targets:
        ids = call.store.searcher.matching_ids(target, query)
        if limit is not None:
            ids = ids[:limit]
            limit -= len(ids)
        for start in range(0, len(ids), _BATCH):
            if call.cancelled.is_set():
                return
            yield target, ids[start : start + _BATCH]


def _limit(call: Call, body: dict[str, Any]) -> int | None:
    """Return `max_docs`, of the address or of the body."""
    found = call.number("max_docs", body.get("max_docs"))
    if found is not None and int(found) <= 0:
        raise invalid_request(f"[max_docs] parameter must be greater than 0. found {found}")
    return None if found is None else int(found)


def _check(body: dict[str, Any], *known: str) -> None:
    if body.get("slice"):
        raise not_supported("[slice] of an operation by query")
    for name in body:
        if name not in ("query", "max_docs", "conflicts", "slice", *known):
            raise parsing(f"request does not support [{name}]")


def _count_failure(
    call: Call, body: dict[str, Any], counts: dict[str, int], error: RequestError
) -> bool:
    """Count a conflict of versions; say whether the operation has failed of it."""
    if error.status == 409:
        counts["version_conflicts"] = counts.get("version_conflicts", 0) + 1
        return str(call.params.get("conflicts", body.get("conflicts", "abort"))) != "proceed"
    return True


def _result(started: float, counts: dict[str, int], failures: list[Any]) -> dict[str, Any]:
    return {
        "took": int((time.monotonic() - started) * 1000),
        "timed_out": False,
        "total": sum(counts.get(k, 0) for k in ("updated", "created", "deleted", "noops")),
        "version_conflicts": 0,
        **counts,
        "retries": {"bulk": 0, "search": 0},
        "throttled_millis": 0,
        "requests_per_second": -1.0,
        "throttled_until_millis": 0,
        "failures": failures,
    }


def _query(call: Call, body: dict[str, Any], *, required: bool) -> dict[str, Any]:
    query: dict[str, Any] | None = uri_query(call.params) or body.get("query")
    if query is None and required:
        raise invalid_request("query is missing")
    return query or {"match_all": {}}


def delete_by_query(call: Call) -> Answer:
    """`POST /{index}/_delete_by_query`."""
    started, body = time.monotonic(), call.json()
    _check(body)
    query = _query(call, body, required=True)
    targets = call.store.resolve(call.path["index"], call.options())
    deleted = 0
    for target, ids in _pages(call, targets, query, _limit(call, body)):
        results = call.store.writer.apply([Operation("delete", target.index.name, i) for i in ids])
        deleted += sum(isinstance(r, dict) and r["result"] == "deleted" for r in results)
    counts = {"deleted": deleted, "batches": -(-deleted // _BATCH), "noops": 0}
    return Answer(_result(started, counts, []))


def update_by_query(call: Call) -> Answer:
    """`POST /{index}/_update_by_query`: with a script, or to index anew."""
    started, body = time.monotonic(), call.json()
    _check(body, "script")
    query, script = _query(call, body, required=False), body.get("script")
    targets = call.store.resolve(call.path["index"], call.options())
    counts = {"updated": 0, "deleted": 0, "batches": 0, "noops": 0}
    failures: list[Any] = []
    for target, ids in _pages(call, targets, query, _limit(call, body)):
        operations = [o for o in (_changed(call, target, i, script, counts) for i in ids) if o]
        counts["batches"] += 1
        for operation, result in zip(operations, call.store.writer.apply(operations), strict=True):
            if not isinstance(result, RequestError):
                counts["deleted" if operation.action == "delete" else "updated"] += 1
            elif _count_failure(call, body, counts, result):
                failures.append(_failure(target.index.name, operation, result))
    return Answer(_result(started, counts, failures), failures[0]["status"] if failures else 200)


def _failure(index: str, operation: Operation, error: RequestError) -> dict[str, Any]:
    return {
        "index": index,
        "id": operation.id,
        "cause": error.cause(),
        "status": error.status,
    }


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
        raise invalid_request("index is missing")
    names = source["index"]
    query = source.get("query") or {"match_all": {}}
    counts = {"created": 0, "updated": 0, "deleted": 0, "batches": 0, "noops": 0}
    failures: list[Any] = []
    action = "create" if dest.get("op_type") == "create" else "index"
    targets = call.store.resolve(
        ",".join(names) if isinstance(names, list) else names, call.options()
    )
    for target, ids in _pages(call, targets, query, _limit(call, body)):
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
        for operation, result in zip(operations, call.store.writer.apply(operations), strict=True):
            if not isinstance(result, RequestError):
                counts[result["result"]] += 1
            elif _count_failure(call, body, counts, result):
                failures.append(_failure(dest["index"], operation, result))
    return Answer(_result(started, counts, failures), failures[0]["status"] if failures else 200)
