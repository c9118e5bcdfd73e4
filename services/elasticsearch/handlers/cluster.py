"""Who answers, and how it is: `/`, `_cluster/*`, `_nodes/*`, `_tasks`, `_license`."""

from __future__ import annotations

import os
import time
from typing import Any

import psutil

from services.elasticsearch.handlers.call import (
    ACKNOWLEDGED,
    CLUSTER,
    LUCENE,
    NODE,
    NODE_ID,
    VERSION,
    Answer,
    Call,
)
from services.elasticsearch.state.indices import flat_settings

_STARTED = time.time()
_UUID = "lakelet-cluster-uuid00"


def info(_call: Call) -> Answer:
    """`GET /`."""
    return Answer(
        {
            "name": NODE,
            "cluster_name": CLUSTER,
            "cluster_uuid": _UUID,
            "version": {
                "number": VERSION,
                "build_flavor": "default",
                "build_type": "tar",
                "build_hash": "lakelet-embedded-log-store",
                "build_date": "2026-01-01T00:00:00.000000000Z",
                "build_snapshot": False,
                "lucene_version": LUCENE,
                "minimum_wire_compatibility_version": "8.19.0",
                "minimum_index_compatibility_version": "8.0.0",
            },
            "tagline": "You Know, for Search",
        }
    )


def health(call: Call) -> Answer:
    """`GET /_cluster/health[/index]`: one node holds everything, so it is green."""
    indices = call.store.names(call.path.get("index"), call.options(expand="all"))
    count = len(indices)
    body: dict[str, Any] = {
        "cluster_name": CLUSTER,
        "status": "green",
        "timed_out": False,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": count,
        "active_shards": count,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
        "unassigned_primary_shards": 0,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": 100.0,
    }
    if call.params.get("level") in ("indices", "shards"):
        one = {
            "status": "green",
            "number_of_shards": 1,
            "number_of_replicas": 0,
            "active_primary_shards": 1,
            "active_shards": 1,
            "relocating_shards": 0,
            "initializing_shards": 0,
            "unassigned_shards": 0,
            "unassigned_primary_shards": 0,
        }
        body["indices"] = {i.name: one for i in indices}
    return Answer(body)


def _roles() -> list[str]:
    return ["data", "ingest", "master"]


def _process() -> dict[str, Any]:
    me = psutil.Process()
    memory, disk = me.memory_info().rss, psutil.disk_usage("/")
    return {
        "memory": memory,
        "cpu": int(me.cpu_percent()),
        "disk_total": disk.total,
        "disk_free": disk.free,
        "uptime": int((time.time() - _STARTED) * 1000),
    }


def cluster_stats(call: Call) -> Answer:
    """`GET /_cluster/stats`."""
    sizes = call.store.sizes()
    process = _process()
    return Answer(
        {
            "_nodes": {"total": 1, "successful": 1, "failed": 0},
            "cluster_name": CLUSTER,
            "cluster_uuid": _UUID,
            "timestamp": int(time.time() * 1000),
            "status": "green",
            "indices": {
                "count": len(sizes),
                "shards": {"total": len(sizes), "primaries": len(sizes), "replication": 0.0},
                "docs": {"count": sum(c for c, _ in sizes.values()), "deleted": 0},
                "store": {"size_in_bytes": call.store.database.size()},
            },
            "nodes": {
                "count": {"total": 1, "data": 1, "master": 1, "ingest": 1},
                "versions": [VERSION],
                "os": {"available_processors": os.cpu_count(), "mem": {}},
                "process": {"cpu": {"percent": process["cpu"]}},
                "jvm": {
                    "max_uptime_in_millis": process["uptime"],
                    "mem": {"heap_used_in_bytes": process["memory"]},
                },
                "fs": {
                    "total_in_bytes": process["disk_total"],
                    "free_in_bytes": process["disk_free"],
                },
            },
        }
    )


def nodes(call: Call) -> Answer:
    """`GET /_nodes[/...]`."""
    host, _, port = call.address.partition(":")
    node = {
        "name": NODE,
        "transport_address": f"{host}:{port}",
        "host": host,
        "ip": host,
        "version": VERSION,
        "build_flavor": "default",
        "build_type": "tar",
        "roles": _roles(),
        "attributes": {},
        "settings": {"cluster": {"name": CLUSTER}, "node": {"name": NODE}},
        "os": {"available_processors": os.cpu_count(), "allocated_processors": os.cpu_count()},
        "http": {"publish_address": call.address, "bound_address": [call.address]},
        "plugins": [],
        "modules": [],
    }
    return Answer(
        {
            "_nodes": {"total": 1, "successful": 1, "failed": 0},
            "cluster_name": CLUSTER,
            "nodes": {NODE_ID: node},
        }
    )


def nodes_stats(call: Call) -> Answer:
    """`GET /_nodes/stats`: what there is of it in one Python process."""
    sizes = call.store.sizes()
    process = _process()
    host = call.address.partition(":")[0]
    node = {
        "timestamp": int(time.time() * 1000),
        "name": NODE,
        "transport_address": call.address,
        "host": host,
        "ip": host,
        "roles": _roles(),
        "attributes": {},
        "indices": {
            "docs": {"count": sum(c for c, _ in sizes.values()), "deleted": 0},
            "store": {"size_in_bytes": call.store.database.size()},
            "search": {"open_contexts": call.store.cursors.count},
        },
        "os": {"cpu": {"percent": int(psutil.cpu_percent())}},
        "process": {
            "cpu": {"percent": process["cpu"]},
            "mem": {"total_virtual_in_bytes": psutil.Process().memory_info().vms},
            "open_file_descriptors": psutil.Process().num_fds(),
        },
        "jvm": {
            "uptime_in_millis": process["uptime"],
            "mem": {"heap_used_in_bytes": process["memory"]},
        },
        "fs": {
            "total": {
                "total_in_bytes": process["disk_total"],
                "free_in_bytes": process["disk_free"],
                "available_in_bytes": process["disk_free"],
            }
        },
    }
    return Answer(
        {
            "_nodes": {"total": 1, "successful": 1, "failed": 0},
            "cluster_name": CLUSTER,
            "nodes": {NODE_ID: node},
        }
    )


def state(call: Call) -> Answer:
    """`GET /_cluster/state[/metrics[/index]]`: the metadata and one node."""
    indices = call.store.names(call.path.get("index"), call.options(expand="all"))
    wanted = call.path.get("metric", "_all").split(",")
    body: dict[str, Any] = {"cluster_name": CLUSTER, "cluster_uuid": _UUID}
    everything = "_all" in wanted
    if everything or "version" in wanted:
        body |= {"version": 1, "state_uuid": _UUID}
    if everything or "master_node" in wanted:
        body["master_node"] = NODE_ID
    if everything or "nodes" in wanted:
        body["nodes"] = {
            NODE_ID: {"name": NODE, "transport_address": call.address, "roles": _roles()}
        }
    if everything or "blocks" in wanted:
        body["blocks"] = {}
    if everything or "metadata" in wanted:
        body["metadata"] = {
            "cluster_uuid": _UUID,
            "templates": {},
            "indices": {
                i.name: {
                    "state": "close" if i.closed else "open",
                    "settings": {"index": i.settings},
                    "mappings": {"_doc": i.mapping.body},
                    "aliases": list(i.aliases),
                }
                for i in indices
            },
        }
    if everything or "routing_table" in wanted:
        body["routing_table"] = {
            "indices": {i.name: {"shards": {"0": [_shard(i.name)]}} for i in indices}
        }
    return Answer(body)


def _shard(name: str) -> dict[str, Any]:
    return {
        "state": "STARTED",
        "primary": True,
        "node": NODE_ID,
        "relocating_node": None,
        "shard": 0,
        "index": name,
        "allocation_id": {"id": NODE_ID},
    }


def search_shards(call: Call) -> Answer:
    """`GET /{index}/_search_shards`: each index is one shard on this node."""
    indices = call.store.names(call.path.get("index"), call.options())
    return Answer(
        {
            "nodes": {
                NODE_ID: {"name": NODE, "transport_address": call.address, "roles": _roles()}
            },
            "indices": {i.name: {} for i in indices},
            "shards": [[_shard(i.name)] for i in indices],
        }
    )


def get_settings(call: Call) -> Answer:
    """`GET /_cluster/settings`."""
    kept = call.store.catalog.thing("cluster", "settings") or {}
    body = {"persistent": kept.get("persistent", {}), "transient": kept.get("transient", {})}
    if call.flag("include_defaults"):
        body["defaults"] = {}
    return Answer(body)


def put_settings(call: Call) -> Answer:
    """`PUT /_cluster/settings`: kept and shown; none changes how this store works."""
    kept = call.store.catalog.thing("cluster", "settings") or {}
    body = call.json(required=True)
    for part in ("persistent", "transient"):
        flat = {**kept.get(part, {}), **flat_settings(body.get(part) or {})}
        kept[part] = {k: v for k, v in flat.items() if v is not None}
    call.store.catalog.save_thing("cluster", "settings", kept)
    return Answer({**ACKNOWLEDGED, **{p: kept.get(p, {}) for p in ("persistent", "transient")}})


def pending_tasks(_call: Call) -> Answer:
    """`GET /_cluster/pending_tasks`."""
    return Answer({"tasks": []})


def license_(_call: Call) -> Answer:
    """`GET /_license`."""
    return Answer(
        {
            "license": {
                "status": "active",
                "uid": _UUID,
                "type": "basic",
                "issued_to": CLUSTER,
                "issuer": "lakelet",
                "max_nodes": 1,
                "start_date_in_millis": -1,
            }
        }
    )


def xpack(_call: Call) -> Answer:
    """`GET /_xpack`: the features asked for by clients, as they are here."""
    names = ("ilm", "security", "sql", "ml", "monitoring", "rollup", "data_streams")
    here = {"ilm", "security", "data_streams"}
    return Answer(
        {
            "build": {"hash": "lakelet-embedded-log-store", "date": "2026-01-01T00:00:00.000Z"},
            "license": {"uid": _UUID, "type": "basic", "mode": "basic", "status": "active"},
            "features": {n: {"available": n in here, "enabled": n in here} for n in names},
            "tagline": "You know, for X",
        }
    )
