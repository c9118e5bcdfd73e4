"""Data streams and retention: `_data_stream`, `_lifecycle`, `_ilm`."""

from __future__ import annotations

import datetime
import fnmatch
from typing import Any

from services.elasticsearch.errors import (
    RequestError,
    illegal_argument,
    index_not_found,
    missing_resource,
)
from services.elasticsearch.handlers.call import ACKNOWLEDGED, Answer, Call
from services.elasticsearch.state.dates import now_millis
from services.elasticsearch.state.durations import seconds
from services.elasticsearch.state.retention import check_policy


def _streams(call: Call) -> dict[str, dict[str, Any]]:
    wanted = call.path.get("name", "*")
    found = {
        name: body
        for name, body in call.store.catalog.all("data_stream").items()
        if any(fnmatch.fnmatchcase(name, p) for p in wanted.split(","))
    }
    # The lifecycle of a name that is an index is none, in Elasticsearch too.
    none = call.endpoint.endswith("/_lifecycle") and wanted in call.store.catalog.indices
    if not found and not none and "*" not in wanted:
        raise index_not_found(wanted)
    return found


def create_stream(call: Call) -> Answer:
    """`PUT /_data_stream/{name}`."""
    call.store.streams.create(call.path["name"])
    return Answer(ACKNOWLEDGED)


def get_streams(call: Call) -> Answer:
    """`GET /_data_stream[/{name}]`."""
    made = []
    for name, body in _streams(call).items():
        indices = [call.store.catalog.index(i) for i in body["indices"]]
        backing = [
            _backing(i.name, i.uuid, i.settings.get("lifecycle.name"), body) for i in indices
        ]
        one: dict[str, Any] = {
            "name": name,
            "timestamp_field": {"name": "@timestamp"},
            "indices": backing,
            "generation": body["generation"],
            "status": "GREEN",
            "template": body["template"],
            "hidden": False,
            "system": False,
            "allow_custom_routing": False,
            "replicated": False,
            "rollover_on_write": False,
        }
        one["next_generation_managed_by"] = backing[-1]["managed_by"]
        one["prefer_ilm"] = True
        if "ilm_policy" in backing[-1]:
            one["ilm_policy"] = backing[-1]["ilm_policy"]
        if body.get("lifecycle"):
            one["lifecycle"] = {"enabled": True, **body["lifecycle"]}
        made.append(one)
    return Answer({"data_streams": made})


def _backing(name: str, uuid: str, policy: str | None, stream: dict[str, Any]) -> dict[str, Any]:
    manager = "Data stream lifecycle" if stream.get("lifecycle") else "Unmanaged"
    made = {"index_name": name, "index_uuid": uuid, "prefer_ilm": True, "managed_by": manager}
    if policy:
        made |= {"managed_by": "Index Lifecycle Management", "ilm_policy": policy}
    return made


def delete_streams(call: Call) -> Answer:
    """`DELETE /_data_stream/{name}`."""
    for name in _streams(call):
        call.store.streams.delete(name)
    return Answer(ACKNOWLEDGED)


def stream_stats(call: Call) -> Answer:
    """`GET /_data_stream/[{name}/]_stats`."""
    sizes = call.store.sizes()
    made: list[dict[str, Any]] = []
    for name, body in _streams(call).items():
        tables = [call.store.catalog.index(i).table for i in body["indices"]]
        size = sum(sizes.get(t, (0, 0))[1] for t in tables)
        newest = 0
        for backing in body["indices"]:
            newest = max(newest, call.store.newest(backing))
        made.append(
            {
                "data_stream": name,
                "backing_indices": len(tables),
                "store_size_bytes": size,
                "maximum_timestamp": newest,
            }
        )
    count = sum(s["backing_indices"] for s in made)
    return Answer(
        {
            "_shards": {"total": count, "successful": count, "failed": 0},
            "data_stream_count": len(made),
            "backing_indices": count,
            "total_store_size_bytes": sum(s["store_size_bytes"] for s in made),
            "data_streams": made,
        }
    )


def get_stream_lifecycle(call: Call) -> Answer:
    """`GET /_data_stream/{name}/_lifecycle`."""
    made = []
    for name, body in _streams(call).items():
        one: dict[str, Any] = {"name": name}
        if body.get("lifecycle"):
            one["lifecycle"] = {"enabled": True, **body["lifecycle"]}
        made.append(one)
    return Answer({"data_streams": made, "global_retention": {}})


def put_stream_lifecycle(call: Call) -> Answer:
    """`PUT /_data_stream/{name}/_lifecycle`."""
    body = call.json()
    for key in body:
        if key not in ("data_retention", "enabled"):
            raise illegal_argument(
                f"[data_stream_lifecycle] [{key}] is not supported by this embedded log store"
            )
    if body.get("data_retention"):
        seconds(body["data_retention"], "data_retention")
    for name in _streams(call):
        call.store.streams.set_lifecycle(name, body)
    return Answer(ACKNOWLEDGED)


def delete_stream_lifecycle(call: Call) -> Answer:
    """`DELETE /_data_stream/{name}/_lifecycle`."""
    for name in _streams(call):
        call.store.streams.set_lifecycle(name, None)
    return Answer(ACKNOWLEDGED)


def explain_stream_lifecycle(call: Call) -> Answer:
    """`GET /{index}/_lifecycle/explain`: for backing indices and others."""
    made: dict[str, Any] = {}
    for index in call.store.names(call.path["index"], call.options(expand="open,hidden")):
        stream = index.data_stream and call.store.streams.get(index.data_stream)
        lifecycle = stream["lifecycle"] if stream else None
        one: dict[str, Any] = {"index": index.name, "managed_by_lifecycle": bool(lifecycle)}
        if lifecycle:
            age = call.store.retention.age(index)
            one |= {
                "index_creation_date_millis": index.created,
                "time_since_index_creation": f"{age / 86400:.2f}d",
                "lifecycle": {"enabled": True, **lifecycle},
            }
        made[index.name] = one
    return Answer({"indices": made})


def put_policy(call: Call) -> Answer:
    """`PUT /_ilm/policy/{name}`."""
    body = call.json(required=True)
    if "policy" not in body:
        raise RequestError(400, "x_content_parse_exception", "Required [policy]")
    check_policy(body["policy"])
    before = call.store.catalog.thing("ilm_policy", call.path["name"]) or {"version": 0}
    today = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    kept = {
        "version": before["version"] + 1,
        "modified_date": today.replace("+00:00", "Z"),
        "policy": body["policy"],
    }
    call.store.catalog.save_thing("ilm_policy", call.path["name"], kept)
    return Answer(ACKNOWLEDGED)


def get_policies(call: Call) -> Answer:
    """`GET /_ilm/policy[/{name}]`."""
    wanted = call.path.get("name", "*")
    made = {}
    for name, body in call.store.catalog.all("ilm_policy").items():
        if any(fnmatch.fnmatchcase(name, p) for p in wanted.split(",")):
            users = [
                i.name
                for i in call.store.catalog.indices.values()
                if i.settings.get("lifecycle.name") == name
            ]
            in_use = {"indices": users, "data_streams": [], "composable_templates": []}
            made[name] = {**body, "in_use_by": in_use}
    if not made and "*" not in wanted:
        raise missing_resource(f"Lifecycle policy not found: {wanted}")
    return Answer(made)


def delete_policy(call: Call) -> Answer:
    """`DELETE /_ilm/policy/{name}`."""
    name = call.path["name"]
    if call.store.catalog.thing("ilm_policy", name) is None:
        raise missing_resource(f"Lifecycle policy not found: {name}")
    users = [
        i.name
        for i in call.store.catalog.indices.values()
        if i.settings.get("lifecycle.name") == name
    ]
    if users:
        raise illegal_argument(
            f"Cannot delete policy [{name}]. It is in use by one or more indices: {users}"
        )
    call.store.catalog.drop_thing("ilm_policy", name)
    return Answer(ACKNOWLEDGED)


def explain(call: Call) -> Answer:
    """`GET /{index}/_ilm/explain`."""
    made = {}
    for index in call.store.names(call.path["index"], call.options()):
        policy = index.settings.get("lifecycle.name")
        one: dict[str, Any] = {"index": index.name, "managed": bool(policy)}
        if policy:
            age = call.store.retention.age(index)
            one |= {
                "policy": policy,
                "index_creation_date_millis": index.created,
                "lifecycle_date_millis": now_millis() - int(age * 1000),
                "age": f"{age / 86400:.2f}d",
                "phase": call.store.retention.phase(index),
                "action": "complete",
                "step": "complete",
            }
        made[index.name] = one
    return Answer({"indices": made})


def status(call: Call) -> Answer:
    """`GET /_ilm/status`."""
    mode = "STOPPED" if call.store.retention.stopped else "RUNNING"
    return Answer({"operation_mode": mode})


def start(call: Call) -> Answer:
    """`POST /_ilm/start`."""
    call.store.retention.stopped = False
    return Answer(ACKNOWLEDGED)


def stop(call: Call) -> Answer:
    """`POST /_ilm/stop`: nothing is dropped by a policy until it is started again."""
    call.store.retention.stopped = True
    return Answer(ACKNOWLEDGED)


def remove_policy(call: Call) -> Answer:
    """`POST /{index}/_ilm/remove`."""
    for index in call.store.names(call.path["index"], call.options(expand="open,hidden")):
        call.store.indices.put_settings(index.name, {"index.lifecycle.name": None})
    return Answer({"has_failures": False, "failed_indexes": []})
