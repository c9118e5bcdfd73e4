"""`_bulk`: many operations in one request and one transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import orjson

from services.elasticsearch.errors import RequestError, illegal_argument, invalid_request
from services.elasticsearch.handlers.authorization import denied, may_write
from services.elasticsearch.handlers.bulk_plain import answer_items, new_documents
from services.elasticsearch.handlers.call import Answer, Call
from services.elasticsearch.state.documents.operations import Operation
from services.elasticsearch.state.source import SourceFilter

_ACTIONS = frozenset({"index", "create", "update", "delete"})
_KNOWN = frozenset(
    [
        "_index",
        "_id",
        "_routing",
        "routing",
        "if_seq_no",
        "if_primary_term",
        "require_alias",
        "dynamic_templates",
        "retry_on_conflict",
        "_source",
        "list_executed_pipelines",
        "require_data_stream",
        "version",
        "version_type",
    ]
)
_IN_FLIGHT_LIMIT = 48 * 1024 * 1024  # bytes of bulk bodies held at once


class _InFlight:
    """Refuses bodies that would not fit into memory beside those being worked on."""

    def __init__(self) -> None:
        self._lock, self._bytes = threading.Lock(), 0

    def enter(self, size: int) -> None:
        with self._lock:
            if self._bytes and self._bytes + size > _IN_FLIGHT_LIMIT:
                raise RequestError(
                    429,
                    "es_rejected_execution_exception",
                    f"rejected execution of coordinating operation [coordinating_and_primary_bytes="
                    f"{self._bytes}, max_coordinating_and_primary_bytes={_IN_FLIGHT_LIMIT}]",
                )
            self._bytes += size

    def leave(self, size: int) -> None:
        with self._lock:
            self._bytes -= size


_in_flight = _InFlight()
# Parsed documents take several times their text: of requests that large, one at a time; of others
# two, one being read while the other is written.
_LARGE = 4 * 1024 * 1024
_places = threading.BoundedSemaphore(2)
_large = threading.Lock()


@contextmanager
def _place(size: int) -> Iterator[None]:
    with ExitStack() as held:
        if size > _LARGE:
            held.enter_context(_large)
            held.enter_context(_places)
        held.enter_context(_places)
        yield


def bulk(call: Call) -> Answer:
    """`POST|PUT /_bulk` and `/{index}/_bulk`."""
    size = len(call.raw)
    if call.params.get("pipeline", "_none") != "_none":
        raise illegal_argument(f"pipeline with id [{call.params['pipeline']}] does not exist")
    _in_flight.enter(size)
    try:
        with _place(size):
            started = time.monotonic()
            new = new_documents(call)
            if new and not all(may_write(call, *target) for target in set(new.targets)):
                new = None
            parts = new and call.store.writer.append(new)
            if new and parts:
                created = answer_items(new, parts)
                took = int((time.monotonic() - started) * 1000)
                return Answer({"errors": False, "took": took, "items": created})
            operations, actions = _parse(call)
            results = _allowed(call, operations)
    finally:
        _in_flight.leave(size)
    errors = False
    items = []
    for operation, action, result in zip(operations, actions, results, strict=True):
        if isinstance(result, RequestError):
            errors = True
            failed = {
                "_index": operation.target,
                "_id": operation.id,
                "status": result.status,
                "error": result.cause(),
            }
            items.append({action: failed})
            continue
        status = {"created": 201, "not_found": 404}.get(result["result"], 200)
        item = {**result, "status": status}
        if action == "update" and isinstance(operation.document, dict):
            _add_source(call, operation, item)
        items.append({action: item})
    took = int((time.monotonic() - started) * 1000)
    return Answer({"errors": errors, "took": took, "items": items})


def _allowed(call: Call, operations: list[Operation]) -> list[dict[str, Any] | RequestError]:
    """Apply what the caller may do; each of the others fails by itself."""
    if call.rights is None:
        return call.store.writer.apply(operations)
    may = [may_write(call, operation.action, operation.target) for operation in operations]
    done = iter(
        call.store.writer.apply([o for o, good in zip(operations, may, strict=True) if good])
    )
    return [
        next(done) if good else denied("write", operation.target)
        for operation, good in zip(operations, may, strict=True)
    ]


def _add_source(call: Call, operation: Operation, item: dict[str, Any]) -> None:
    wanted = operation.document.get("_source", call.params.get("_source"))
    if wanted in (None, False, "false"):
        return
    found = call.store.get(item["_index"], item["_id"])
    if found:
        source = SourceFilter(True if wanted == "true" else wanted).apply(
            orjson.loads(found["text"])
        )
        item["get"] = {
            "_seq_no": item["_seq_no"],
            "_primary_term": 1,
            "found": True,
            "_source": source,
        }


def _parse(call: Call) -> tuple[list[Operation], list[str]]:
    default = call.path.get("index")
    alias_only = call.flag("require_alias")
    if not call.raw.strip():
        raise RequestError(400, "parse_exception", "request body is required")
    if not call.raw.endswith(b"\n"):
        raise illegal_argument("The bulk request must be terminated by a newline [\\n]")
    lines = call.raw.split(b"\n")
    operations: list[Operation] = []
    actions: list[str] = []
    position, end = 0, len(lines) - 1
    while position < end:
        line = lines[position]
        position += 1
        if not line.strip():
            continue
        try:
            [(action, meta)] = orjson.loads(line).items()
        except (orjson.JSONDecodeError, ValueError, AttributeError) as error:
            raise illegal_argument(
                f"Malformed action/metadata line [{position}], expected START_OBJECT: {error}"
            ) from error
        if action not in _ACTIONS or not isinstance(meta, dict):
            raise illegal_argument(
                f"Malformed action/metadata line [{position}], expected field [create], [delete], "
                f"[index] or [update] but found [{action}]"
            )
        operation = _operation(action, meta, default, position)
        operation.require_alias = bool(meta.get("require_alias", alias_only))
        if action != "delete":
            if position >= end:
                raise illegal_argument("The bulk request must be terminated by a newline [\\n]")
            text = lines[position]
            position += 1
            try:
                operation.document = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                raise RequestError(
                    400, "x_content_parse_exception", f"[{position}:1] {error}"
                ) from error
            if not isinstance(operation.document, dict):
                raise illegal_argument(f"line [{position}] is not an object")
            if action != "update":
                operation.text = text.decode()
        operations.append(operation)
        actions.append(action)
    if not operations:
        raise invalid_request("no requests added")
    return operations, actions


def _operation(action: str, meta: dict[str, Any], default: str | None, line: int) -> Operation:
    for name in meta:
        if name not in _KNOWN:
            raise illegal_argument(
                f"Action/metadata line [{line}] contains an unknown parameter [{name}]"
            )
    if meta.get("version_type", "internal") != "internal" or "version" in meta:
        raise illegal_argument("external versions are not supported by this embedded log store")
    target = meta.get("_index", default)
    identifier = meta.get("_id")
    problem = None
    if not target:
        problem = "index is missing"
    elif action in ("update", "delete") and identifier is None:
        problem = "id is missing"
    elif identifier == "":
        problem = "if _id is specified it must not be empty"
    elif identifier is not None and len(str(identifier).encode()) > 512:
        problem = "id is too long, must be no longer than 512 bytes"
    if problem:
        raise invalid_request(problem)
    routing = meta.get("routing", meta.get("_routing"))
    return Operation(
        action,
        str(target),
        None if identifier is None else str(identifier),
        if_seq_no=meta.get("if_seq_no"),
        if_primary_term=meta.get("if_primary_term"),
        routing=None if routing is None else str(routing),
    )
