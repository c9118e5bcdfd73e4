"""Single documents: `_doc`, `_create`, `_update`, `_source`, `_mget`."""

from __future__ import annotations

from typing import Any

import orjson

from services.elasticsearch.errors import (
    RequestError,
    illegal_argument,
    index_not_found,
    invalid_request,
)
from services.elasticsearch.handlers.call import Answer, Call
from services.elasticsearch.state.documents.operations import Operation
from services.elasticsearch.state.source import SourceFilter


def source_filter(params: dict[str, str]) -> SourceFilter:
    """Return the filter that `_source`, `_source_includes` and `_source_excludes` ask for."""
    wanted = params.get("_source")
    includes, excludes = params.get("_source_includes"), params.get("_source_excludes")
    if includes or excludes:
        return SourceFilter(
            {
                "includes": includes.split(",") if includes else [],
                "excludes": excludes.split(",") if excludes else [],
            }
        )
    return SourceFilter({"true": True, "false": False, None: True}.get(wanted, wanted))


def _apply(call: Call, operation: Operation) -> Answer:
    if call.params.get("pipeline", "_none") != "_none":
        raise illegal_argument(f"pipeline with id [{call.params['pipeline']}] does not exist")
    if call.params.get("version_type", "internal") != "internal" or "version" in call.params:
        raise illegal_argument("external versions are not supported by this embedded log store")
    operation.if_seq_no = call.number("if_seq_no")
    operation.if_primary_term = call.number("if_primary_term")
    operation.routing = call.params.get("routing")
    operation.require_alias = call.flag("require_alias")
    [result] = call.store.writer.apply([operation])
    if isinstance(result, RequestError):
        raise result
    if call.params.get("refresh") in ("", "true"):
        result = {**result, "forced_refresh": True}
    status = {"created": 201, "not_found": 404}.get(result["result"], 200)
    location = f"/{result['_index']}/_doc/{result['_id']}"
    return Answer(result, status, headers={"Location": location} if status == 201 else {})


def index(call: Call) -> Answer:
    """`PUT|POST /{index}/_doc/{id}`, `POST /{index}/_doc`, `PUT|POST /{index}/_create/{id}`."""
    document = call.json(required=True)
    identifier = call.path.get("id")
    # As Elasticsearch has it: what comes without an id cannot but create.
    new = call.params.get("op_type") == "create" or identifier is None
    action = "create" if new else "index"
    if identifier is not None and len(identifier.encode()) > 512:
        raise invalid_request(
            f"id [{identifier}] is too long, must be no longer than 512 "
            f"bytes but was: {len(identifier.encode())}"
        )
    return _apply(
        call,
        Operation(
            action, call.path["index"], call.path.get("id"), document, call.raw.decode().strip()
        ),
    )


def create(call: Call) -> Answer:
    """`PUT|POST /{index}/_create/{id}`."""
    call.params["op_type"] = "create"
    return index(call)


def delete(call: Call) -> Answer:
    """`DELETE /{index}/_doc/{id}`."""
    return _apply(call, Operation("delete", call.path["index"], call.path["id"]))


def update(call: Call) -> Answer:
    """`POST /{index}/_update/{id}`."""
    body = call.json(required=True)
    answer = _apply(call, Operation("update", call.path["index"], call.path["id"], body))
    wanted = body.get("_source", call.params.get("_source"))
    if wanted not in (None, False, "false"):
        found = call.store.get(call.path["index"], call.path["id"])
        if found:
            filter_ = SourceFilter(True if wanted == "true" else wanted)
            answer.body["get"] = {
                "_seq_no": found["_seq_no"],
                "_primary_term": 1,
                "found": True,
                "_source": filter_.apply(orjson.loads(found["text"])),
            }
    return answer


def _found(call: Call, name: str, identifier: str, filter_: SourceFilter) -> dict[str, Any]:
    found = call.store.get(name, identifier)
    if found is None:
        names = call.store.names(name)
        return {"_index": names[0].name if names else name, "_id": identifier, "found": False}
    text = found.pop("text")
    if not filter_.enabled:
        del found["_source"]
    elif not filter_.whole:
        found["_source"] = filter_.apply(orjson.loads(text))
    return found


def get(call: Call) -> Answer:
    """`GET|HEAD /{index}/_doc/{id}`."""
    filter_ = source_filter(call.params)
    if call.params.get("stored_fields") and "_source" not in call.params:
        filter_ = SourceFilter("_source" in call.params["stored_fields"])
    found = _found(call, call.path["index"], call.path["id"], filter_)
    return Answer(found, 200 if found["found"] else 404)


def get_source(call: Call) -> Answer:
    """`GET|HEAD /{index}/_source/{id}`."""
    found = call.store.get(call.path["index"], call.path["id"])
    if found is None:
        raise RequestError(
            404,
            "resource_not_found_exception",
            f"Document not found [{call.path['index']}]/[{call.path['id']}]",
        )
    return Answer(source_filter(call.params).apply(orjson.loads(found["text"])))


def mget(call: Call) -> Answer:
    """`GET|POST /_mget` and `/{index}/_mget`."""
    body, default = call.json(required=True), call.path.get("index")
    wanted = body.get("docs") or [{"_id": identifier} for identifier in body.get("ids", [])]
    if not wanted:
        raise invalid_request("no documents to get")
    made = []
    for entry in wanted:
        name, identifier = entry.get("_index", default), entry.get("_id")
        if not name or identifier is None:
            missing = "index" if not name else "id"
            raise invalid_request(f"{missing} is missing for doc 0")
        filter_ = (
            SourceFilter(entry["_source"]) if "_source" in entry else source_filter(call.params)
        )
        try:
            made.append(_found(call, name, str(identifier), filter_))
        except RequestError as error:
            if error.kind != index_not_found("").kind:
                raise
            made.append({"_index": name, "_id": identifier, "error": error.body()["error"]})
    return Answer({"docs": made})
