"""Indices as a whole: create, get, delete, open/close, refresh, stats, resolve, rollover."""

from __future__ import annotations

import fnmatch
from typing import Any

from services.elasticsearch.errors import (
    RequestError,
    illegal_argument,
    index_not_found,
    invalid_request,
    not_supported,
)
from services.elasticsearch.handlers.call import ACKNOWLEDGED, NODE_ID, Answer, Call
from services.elasticsearch.state.analysis import ANALYZERS
from services.elasticsearch.state.catalog import Index
from services.elasticsearch.state.dated import dated
from services.elasticsearch.state.rollover import due

_KNOWN = frozenset({"settings", "mappings", "aliases"})


def shown_settings(index: Index, *, flat: bool = False) -> dict[str, Any]:
    """Return an index' settings as the API shows them."""
    made: dict[str, Any] = {
        **index.settings,
        "creation_date": str(index.created),
        "uuid": index.uuid,
        "version.created": "9033000",
        "provided_name": index.name,
    }
    if flat:
        return {f"index.{k}": v for k, v in sorted(made.items())}
    nested: dict[str, Any] = {}
    for key, value in made.items():
        inner = nested
        *parents, name = key.split(".")
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[name] = value
    return {"index": nested}


def create(call: Call) -> Answer:
    """`PUT /{index}`."""
    body = call.json()
    for name in body:
        if name not in _KNOWN:
            raise RequestError(400, "parse_exception", f"unknown key [{name}] for create index")
    made = call.store.indices.create(dated(call.path["index"]), body)
    return Answer({**ACKNOWLEDGED, "shards_acknowledged": True, "index": made.name})


def get(call: Call) -> Answer:
    """`GET|HEAD /{index}`."""
    flat = call.flag("flat_settings")
    return Answer(
        {
            i.name: {
                "aliases": i.aliases,
                "mappings": i.mapping.body,
                "settings": shown_settings(i, flat=flat),
                **({"data_stream": i.data_stream} if i.data_stream else {}),
            }
            for i in call.store.names(call.path["index"], call.options(expand="open,closed"))
        }
    )


def delete(call: Call) -> Answer:
    """`DELETE /{index}`: names and wildcards, but no aliases."""
    expression = call.path["index"]
    catalog = call.store.catalog
    for part in expression.split(","):
        if "*" not in part and part not in catalog.indices and part != "_all":
            holders = [i.name for i in catalog.indices.values() if part in i.aliases]
            if holders:
                raise illegal_argument(
                    f"The provided expression [{part}] matches an alias, specify the corresponding "
                    "concrete indices instead."
                )
            if catalog.thing("data_stream", part):
                raise illegal_argument(
                    f"The provided expression [{part}] matches a data stream, specify the "
                    "corresponding concrete indices instead."
                )
    indices = call.store.names(expression, call.options(expand="open,closed"))
    indices = [
        i
        for i in indices
        if any(
            part == "_all" or fnmatch.fnmatchcase(i.name, part) for part in expression.split(",")
        )
    ]
    for index in indices:
        if (
            index.data_stream
            and call.store.streams.get(index.data_stream)["indices"][-1] == index.name
        ):
            raise illegal_argument(
                f"index [{index.name}] is the write index for data stream [{index.data_stream}] "
                "and cannot be deleted"
            )
    call.store.indices.delete(indices)
    for index in indices:
        if index.data_stream:
            call.store.streams.forget_backing(index.data_stream, index.name)
    return Answer(ACKNOWLEDGED)


def close(call: Call) -> Answer:
    """`POST /{index}/_close`."""
    indices = call.store.names(call.path["index"], call.options())
    for index in indices:
        call.store.indices.set_closed(index.name, closed=True)
    return Answer(
        {
            **ACKNOWLEDGED,
            "shards_acknowledged": True,
            "indices": {i.name: {"closed": True} for i in indices},
        }
    )


def open_(call: Call) -> Answer:
    """`POST /{index}/_open`."""
    for index in call.store.names(call.path["index"], call.options(expand="open,closed")):
        call.store.indices.set_closed(index.name, closed=False)
    return Answer({**ACKNOWLEDGED, "shards_acknowledged": True})


def touch(call: Call) -> Answer:
    """`_refresh`, `_flush`, `_forcemerge`, `_cache/clear`: what is written is there already."""
    count = len(call.store.names(call.path.get("index"), call.options()))
    return Answer({"_shards": {"total": count, "successful": count, "failed": 0}})


def flush(call: Call) -> Answer:
    """`_flush`: counted, as statistics show it; what was acknowledged is on disk anyway."""
    answer = touch(call)
    call.store.flushes.update(
        i.name for i in call.store.names(call.path.get("index"), call.options())
    )
    return answer


def reload_analyzers(call: Call) -> Answer:
    """`_reload_search_analyzers`: there is none that reads a file, so none is loaded anew."""
    indices = call.store.names(call.path["index"], call.options(expand="open,hidden"))
    count = len(indices)
    details = [
        {"index": i.name, "reloaded_analyzers": [], "reloaded_node_ids": [NODE_ID]} for i in indices
    ]
    return Answer(
        {
            "_shards": {"total": count, "successful": count, "failed": 0},
            "reload_details": details,
        }
    )


def block(call: Call) -> Answer:
    """`PUT /{index}/_block/{block}`."""
    indices = call.store.names(call.path["index"], call.options())
    for index in indices:
        call.store.indices.put_settings(index.name, {f"index.blocks.{call.path['block']}": True})
    return Answer(
        {
            **ACKNOWLEDGED,
            "shards_acknowledged": True,
            "indices": [{"name": i.name, "blocked": True} for i in indices],
        }
    )


def unblock(call: Call) -> Answer:
    """`DELETE /{index}/_block/{block}`."""
    indices = call.store.names(call.path["index"], call.options())
    for index in indices:
        call.store.indices.put_settings(index.name, {f"index.blocks.{call.path['block']}": None})
    return Answer(
        {**ACKNOWLEDGED, "indices": [{"name": i.name, "unblocked": True} for i in indices]}
    )


def stats(call: Call) -> Answer:
    """`GET /_stats` and `/{index}/_stats`."""
    indices = call.store.names(call.path.get("index"), call.options(expand="open,hidden"))
    sizes = call.store.sizes()
    made, documents, size = {}, 0, 0
    for index in indices:
        count = call.store.documents(index)
        own_size = sizes.get(index.table, (0, 0))[1]
        flushes = call.store.flushes[index.name]
        one = {
            "docs": {"count": count, "deleted": 0},
            "store": {"size_in_bytes": own_size},
            "flush": {"total": flushes, "periodic": 0, "total_time_in_millis": 0},
        }
        made[index.name] = {
            "uuid": index.uuid,
            "health": "green",
            "status": "open",
            "primaries": one,
            "total": one,
        }
        documents, size = documents + count, size + own_size
    everything = {"docs": {"count": documents, "deleted": 0}, "store": {"size_in_bytes": size}}
    count = len(indices)
    return Answer(
        {
            "_shards": {"total": count, "successful": count, "failed": 0},
            "_all": {"primaries": everything, "total": everything},
            "indices": made,
        }
    )


def resolve(call: Call) -> Answer:
    """`GET /_resolve/index/{name}`."""
    indices = call.store.names(call.path["index"], call.options(expand="open,closed"))
    aliases: dict[str, list[str]] = {}
    for index in call.store.catalog.indices.values():
        for alias in index.aliases:
            aliases.setdefault(alias, []).append(index.name)
    patterns = call.path["index"].split(",")
    streams = call.store.catalog.all("data_stream")

    def wanted(name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, p) for p in patterns)

    return Answer(
        {
            "indices": [
                {
                    "name": i.name,
                    "aliases": sorted(i.aliases),
                    "attributes": ["closed" if i.closed else "open"],
                }
                for i in indices
                if wanted(i.name)
            ],
            "aliases": [{"name": a, "indices": n} for a, n in sorted(aliases.items()) if wanted(a)],
            "data_streams": [
                {"name": n, "backing_indices": s["indices"], "timestamp_field": "@timestamp"}
                for n, s in sorted(streams.items())
                if wanted(n)
            ],
        }
    )


def analyze(call: Call) -> Answer:
    """`GET|POST /_analyze` with the standard analyzer."""
    body = call.json()
    name = body.get("analyzer", "standard")
    if "tokenizer" in body or "filter" in body or "char_filter" in body:
        raise not_supported("a custom chain of tokenizer and filters")
    if body.get("field"):
        field = call.store.catalog.index(call.path.get("index", "")).mapping.fields.get(
            body["field"]
        )
        name = field.parameters.get("analyzer", "standard") if field else "standard"
    if name not in ANALYZERS:
        raise illegal_argument(f"failed to find global analyzer [{name}]")
    text = body.get("text")
    if text is None:
        raise invalid_request("text is missing")
    made: list[dict[str, Any]] = []
    for one in [text] if isinstance(text, str) else text:
        for start, end, word in ANALYZERS[name](one):
            kind = "<NUM>" if word[0].isdigit() else "<ALPHANUM>"
            kind = kind if name == "standard" else "word"
            made.append(
                {
                    "token": word,
                    "start_offset": start,
                    "end_offset": end,
                    "type": kind,
                    "position": len(made),
                }
            )
    return Answer({"tokens": made})


def rollover(call: Call) -> Answer:
    """`POST /{alias}/_rollover[/{new_index}]` for data streams and write aliases."""
    name, body = call.path["index"], call.json()
    rolling = call.store.rollover
    current, wanted = rolling.current(name), body.get("conditions", {})
    met = rolling.conditions(current, wanted)
    dry = call.flag("dry_run")
    old, new = current.name, call.path.get("new_index") or rolling.next_name(name, current)
    done = due(met) and not dry
    if done:
        settings = {k: v for k, v in body.items() if k in _KNOWN}
        old, new = rolling.roll(name, call.path.get("new_index"), settings)
    return Answer(
        {
            "acknowledged": done,
            "shards_acknowledged": done,
            "old_index": old,
            "new_index": new,
            "rolled_over": done,
            "dry_run": dry,
            "lazy": False,
            "conditions": {f"[{key}: {wanted[key]}]": holds for key, holds in met.items()},
        }
    )


def exists(call: Call) -> Answer:
    """`HEAD /{index}`."""
    try:
        found = call.store.names(call.path["index"], call.options(expand="open,closed"))
    except RequestError as error:
        if error.kind == index_not_found("").kind:
            return Answer(None, 404)
        raise
    return Answer(None, 200 if found else 404)
