"""`_search`, `_count`, `_msearch`, scrolls, points in time, `_validate`, `_field_caps`."""

from __future__ import annotations

from typing import Any

import orjson

from services.elasticsearch.errors import (
    RequestError,
    SearchPhaseError,
    illegal_argument,
    invalid_request,
    not_supported,
    parsing,
)
from services.elasticsearch.handlers.call import Answer, Call
from services.elasticsearch.handlers.documents import source_filter
from services.elasticsearch.state.durations import seconds
from services.elasticsearch.state.names import Options
from services.elasticsearch.state.query.compile import compile_query
from services.elasticsearch.state.query.context import Parameters, QueryContext
from services.elasticsearch.state.request import SearchRequest, parse_search
from services.elasticsearch.state.search import shards


def uri_query(params: dict[str, str]) -> dict[str, Any] | None:
    """Return the query that `q`, `df`, `default_operator` and `lenient` make up."""
    if "q" not in params:
        return None
    body: dict[str, Any] = {"query": params["q"]}
    if "df" in params:
        body["default_field"] = params["df"]
    if "default_operator" in params:
        body["default_operator"] = params["default_operator"]
    if params.get("lenient") == "true":
        body["lenient"] = True
    return {"query_string": body}


def _request(call: Call, body: dict[str, Any]) -> SearchRequest:
    made = dict(body)
    for name in ("from", "size"):
        if name in call.params:
            made[name] = call.number(name)
    if "sort" in call.params:
        made["sort"] = call.params["sort"].split(",")
    if "track_total_hits" in call.params:
        text = call.params["track_total_hits"]
        made["track_total_hits"] = (
            {"true": True, "": True, "false": False}.get(text)
            if text in ("true", "", "false")
            else int(text)
        )
    if "terminate_after" in call.params:
        made["terminate_after"] = call.number("terminate_after")
    for name in ("version", "seq_no_primary_term", "track_scores", "explain", "profile"):
        if name in call.params:
            made[name] = call.flag(name)
    if "docvalue_fields" in call.params:
        made["docvalue_fields"] = call.params["docvalue_fields"].split(",")
    query = uri_query(call.params)
    if query is not None:
        made["query"] = query
    request = parse_search(made, scroll="scroll" in call.params)
    request.typed_keys = call.flag("typed_keys")
    if any(n in call.params for n in ("_source", "_source_includes", "_source_excludes")):
        request.source = source_filter(call.params)
    return request


def search(call: Call) -> Answer:
    """`GET|POST /_search` and `/{index}/_search`, `?scroll=` too."""
    request = _request(call, call.json())
    as_number = call.flag("rest_total_hits_as_int")
    if request.pit is not None:
        return _search_pit(call, request)
    targets = call.store.resolve(call.path.get("index"), call.options())
    if request.scroll:
        keep = seconds(call.params["scroll"], "scroll")
        identifier, context = call.store.cursors.open(targets, keep, request=request)
        with context.lock:
            body = call.store.searcher.search(targets, request, context.cursor)
        context.returned = len(body["hits"]["hits"])
        return Answer(_total_as_number({"_scroll_id": identifier, **body}, as_number))
    body = call.store.searcher.search(targets, request)
    return Answer(_total_as_number(body, as_number))


def _total_as_number(body: dict[str, Any], wanted: bool) -> dict[str, Any]:
    if wanted and "total" in body["hits"]:
        body["hits"]["total"] = body["hits"]["total"]["value"]
    return body


def _search_pit(call: Call, request: SearchRequest) -> Answer:
    if call.path.get("index"):
        raise invalid_request(
            "[indices] cannot be used with point in time. Do not specify "
            "any index with point in time."
        )
    pit = request.pit or {}
    keep = seconds(pit["keep_alive"]) if "keep_alive" in pit else None
    context = call.store.cursors.get(str(pit.get("id")), keep)
    with context.lock:
        body = call.store.searcher.search(context.targets, request, context.cursor)
    return Answer({"pit_id": pit["id"], **body})


def scroll(call: Call) -> Answer:
    """`GET|POST /_search/scroll[/{scroll_id}]`."""
    body = call.json()
    identifier = body.get("scroll_id", call.path.get("scroll_id", call.params.get("scroll_id")))
    if not identifier:
        raise invalid_request("scrollId is missing")
    keep = body.get("scroll", call.params.get("scroll"))
    context = call.store.cursors.get(str(identifier), seconds(keep) if keep else None)
    if context.request is None:
        raise illegal_argument("Cannot parse scroll id")
    with context.lock:
        request = context.request
        # The snapshot keeps still, so that the next page is an offset into the same order.
        page = SearchRequest(**{**vars(request), "start": context.returned, "aggs": None})
        found = call.store.searcher.search(context.targets, page, context.cursor)
        context.returned += len(found["hits"]["hits"])
    as_number = call.flag("rest_total_hits_as_int")
    return Answer(_total_as_number({"_scroll_id": identifier, **found}, as_number))


def clear_scroll(call: Call) -> Answer:
    """`DELETE /_search/scroll[/{scroll_id}]`."""
    wanted = call.json().get("scroll_id", call.path.get("scroll_id"))
    names = [wanted] if isinstance(wanted, str) else wanted
    if names:
        names = [n for name in names for n in name.split(",")]
    freed = call.store.cursors.close(None if not names or names == ["_all"] else names)
    missing = bool(names) and names != ["_all"] and not freed
    return Answer({"succeeded": True, "num_freed": freed}, 404 if missing else 200)


def open_pit(call: Call) -> Answer:
    """`POST /{index}/_pit?keep_alive=`."""
    if "keep_alive" not in call.params:
        raise invalid_request("[keep_alive] is not specified")
    if call.json().get("index_filter"):
        raise not_supported("[index_filter] of a point in time")
    targets = call.store.resolve(call.path["index"], call.options())
    identifier, _ = call.store.cursors.open(targets, seconds(call.params["keep_alive"]))
    return Answer({"id": identifier, "_shards": shards(len(targets))})


def close_pit(call: Call) -> Answer:
    """`DELETE /_pit`."""
    freed = call.store.cursors.close([str(call.json(required=True).get("id"))])
    return Answer({"succeeded": bool(freed), "num_freed": freed}, 200 if freed else 404)


def count(call: Call) -> Answer:
    """`GET|POST /_count` and `/{index}/_count`."""
    body = call.json()
    for name in body:
        if name != "query":
            raise parsing(f"request does not support [{name}]")
    targets = call.store.resolve(call.path.get("index"), call.options())
    query = uri_query(call.params) or body.get("query") or {"match_all": {}}
    return Answer(
        {"count": call.store.searcher.count(targets, query), "_shards": shards(len(targets))}
    )


def msearch(call: Call) -> Answer:
    """`POST /_msearch`: each search answers or fails by itself."""
    lines = [line for line in call.raw.split(b"\n") if line.strip()]
    if len(lines) % 2 or not lines:
        raise RequestError(
            400, "parse_exception", "_msearch takes pairs of lines: a header and a body"
        )
    responses, took = [], 0
    for position in range(0, len(lines), 2):
        try:
            header, body = orjson.loads(lines[position]), orjson.loads(lines[position + 1])
            wanted = header.get("index", call.path.get("index"))
            expression = ",".join(wanted) if isinstance(wanted, list) else wanted
            options = Options(
                ignore_unavailable=str(header.get("ignore_unavailable", "false")).lower() == "true",
                allow_no_indices=str(header.get("allow_no_indices", "true")).lower() == "true",
            )
            request = parse_search(body)
            request.typed_keys = call.flag("typed_keys")
            targets = call.store.resolve(expression, options)
            found = call.store.searcher.search(targets, request)
            took += found["took"]
            found = _total_as_number(found, call.flag("rest_total_hits_as_int"))
            responses.append({**found, "status": 200})
        except orjson.JSONDecodeError as error:
            raise RequestError(
                400, "x_content_parse_exception", f"[{position + 1}:1] {error}"
            ) from error
        except RequestError as error:
            responses.append(error.body())
    return Answer({"took": took, "responses": responses})


def validate(call: Call) -> Answer:
    """`GET|POST /_validate/query`: says whether the query can be built."""
    targets = call.store.resolve(call.path.get("index"), call.options())
    body = call.json()
    query = uri_query(call.params) or body.get("query") or {"match_all": {}}
    explanations, valid = [], True
    for target in targets:
        entry: dict[str, Any] = {"index": target.index.name}
        try:
            clause = QueryContext(target.index, Parameters(), compile_query).compile(query)
            entry |= {"valid": True, "explanation": clause.where}
        except RequestError as error:
            valid = False
            entry |= {"valid": False, "error": f"{error.kind}: {error.reason}"}
        explanations.append(entry)
    made: dict[str, Any] = {
        "_shards": {"total": len(targets), "successful": len(targets), "failed": 0},
        "valid": valid,
    }
    if call.flag("explain") or call.flag("rewrite"):
        made["explanations"] = explanations
    return Answer(made)


def explain(call: Call) -> Answer:
    """`GET|POST /{index}/_explain/{id}`: whether the document matches, and its score."""
    targets = call.store.resolve(call.path["index"], call.options())
    query = uri_query(call.params) or call.json().get("query")
    if not query:
        raise invalid_request("query is missing")
    wanted = {"bool": {"must": [query], "filter": [{"ids": {"values": [call.path["id"]]}}]}}
    try:
        found = call.store.searcher.search(targets, SearchRequest(query=wanted, size=1))
    except SearchPhaseError:
        raise
    hits = found["hits"]["hits"]
    made: dict[str, Any] = {
        "_index": targets[0].index.name,
        "_id": call.path["id"],
        "matched": bool(hits),
    }
    if hits:
        made["explanation"] = {
            "value": hits[0]["_score"],
            "description": "score of the whole query",
            "details": [],
        }
    elif call.store.get(call.path["index"], call.path["id"]) is None:
        return Answer(made, 404)
    return Answer(made)
