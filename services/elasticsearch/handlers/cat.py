"""`_cat`: tables for people, or JSON with `format=json`."""

from __future__ import annotations

import fnmatch
import os
import time
from collections.abc import Callable
from typing import Any

import psutil

from services.elasticsearch.errors import illegal_argument
from services.elasticsearch.handlers.call import CLUSTER, NODE, VERSION, Answer, Call

Rows = list[dict[str, Any]]
# Column → aliases under which `h` and `s` may name it.
_ALIASES = {
    "epoch": ("t", "time"), "timestamp": ("ts", "hms"), "count": ("dc", "docs.count"),
    "health": ("h",), "status": ("s",), "index": ("i", "idx"), "docs.count": ("dc", "docsCount"),
    "store.size": ("ss", "storeSize"), "name": ("n",), "ip": ("i",), "node": ("n",),
    "shard": ("s", "sh"), "prirep": ("p", "pr", "primaryOrReplica"), "alias": ("a",),
    "pri": ("p",), "rep": ("r",), "id": ("id", "nodeId"), "docs": ("d", "dc"), "version": ("v",),
    "index_patterns": ("t",), "order": ("o",), "heap.percent": ("hp", "heapPercent"),
}  # fmt: skip
_UNITS = ((1024**4, "tb"), (1024**3, "gb"), (1024**2, "mb"), (1024, "kb"), (1, "b"))


def _size(count: int, unit: str | None) -> str:
    if unit:
        return str(count // {u: n for n, u in _UNITS}.get(unit, 1))
    for number, name in _UNITS:
        if count >= number:
            return f"{count}b" if number == 1 else f"{count / number:.1f}".removesuffix(".0") + name
    return "0b"


def _now() -> dict[str, str]:
    return {
        "epoch": str(int(time.time())),
        "timestamp": time.strftime("%H:%M:%S", time.gmtime()),
    }


def _count(call: Call) -> Rows:
    indices = call.store.names(call.path.get("index"), call.options())
    return [{**_now(), "count": str(sum(call.store.documents(i) for i in indices))}]


def _health(call: Call) -> Rows:
    count = str(len(call.store.catalog.indices))
    return [
        {
            **_now(), "cluster": CLUSTER, "status": "green", "node.total": "1", "node.data": "1",
            "shards": count, "pri": count, "relo": "0", "init": "0", "unassign": "0",
            "unassign.pri": "0", "pending_tasks": "0", "max_task_wait_time": "-",
            "active_shards_percent": "100.0%",
        }
    ]  # fmt: skip


def _indices(call: Call) -> Rows:
    sizes, unit, rows = call.store.sizes(), call.params.get("bytes"), []
    for index in call.store.names(call.path.get("index"), call.options(expand="open,closed")):
        size = _size(sizes.get(index.table, (0, 0))[1], unit)
        rows.append(
            {
                "health": "green", "status": "close" if index.closed else "open",
                "index": index.name, "uuid": index.uuid, "pri": "1", "rep": "0",
                "docs.count": str(call.store.documents(index)), "docs.deleted": "0",
                "store.size": size, "pri.store.size": size, "dataset.size": size,
            }
        )  # fmt: skip
    wanted = call.params.get("health")
    return rows if wanted in (None, "green") else []


def _shards(call: Call) -> Rows:
    sizes, unit = call.store.sizes(), call.params.get("bytes")
    host = call.address.partition(":")[0]
    return [
        {
            "index": i.name, "shard": "0", "prirep": "p", "state": "STARTED",
            "docs": str(call.store.documents(i)),
            "store": _size(sizes.get(i.table, (0, 0))[1], unit),
            "dataset": _size(sizes.get(i.table, (0, 0))[1], unit), "ip": host, "node": NODE,
        }
        for i in call.store.names(call.path.get("index"), call.options(expand="open,hidden"))
    ]  # fmt: skip


def _segments(call: Call) -> Rows:
    sizes, host = call.store.sizes(), call.address.partition(":")[0]
    return [
        {
            "index": i.name, "shard": "0", "prirep": "p", "ip": host, "segment": "_0",
            "generation": "0", "docs.count": str(call.store.documents(i)), "docs.deleted": "0",
            "size": _size(sizes.get(i.table, (0, 0))[1], call.params.get("bytes")),
            "size.memory": "0", "committed": "true", "searchable": "true", "version": VERSION,
            "compound": "true",
        }
        for i in call.store.names(call.path.get("index"), call.options())
    ]  # fmt: skip


def _aliases(call: Call) -> Rows:
    wanted = call.path.get("name", "*").split(",")
    return [
        {
            "alias": alias, "index": i.name, "filter": "*" if d.get("filter") else "-",
            "routing.index": d.get("index_routing", "-"),
            "routing.search": d.get("search_routing", "-"),
            "is_write_index": str(d.get("is_write_index", "-")).lower(),
        }
        for i in call.store.catalog.indices.values()
        for alias, d in sorted(i.aliases.items())
        if any(fnmatch.fnmatchcase(alias, w) for w in wanted)
    ]  # fmt: skip


def _allocation(call: Call) -> Rows:
    disk, host = (
        psutil.disk_usage(str(call.store.database.path.parent)),
        call.address.partition(":")[0],
    )
    unit = call.params.get("bytes")
    return [
        {
            "shards": str(len(call.store.catalog.indices)), "shards.undesired": "0",
            "write_load.forecast": "0.0", "disk.indices.forecast": "0b",
            "disk.indices": _size(call.store.database.size(), unit),
            "disk.used": _size(disk.used, unit), "disk.avail": _size(disk.free, unit),
            "disk.total": _size(disk.total, unit), "disk.percent": str(int(disk.percent)),
            "host": host, "ip": host, "node": NODE, "node.role": "dim",
        }
    ]  # fmt: skip


def _nodes(call: Call) -> Rows:
    load, host = os.getloadavg(), call.address.partition(":")[0]
    memory = psutil.virtual_memory()
    share = psutil.Process().memory_info().rss * 100 // memory.total
    return [
        {
            "ip": host, "heap.percent": str(share), "ram.percent": str(int(memory.percent)),
            "cpu": str(int(psutil.cpu_percent())), "load_1m": f"{load[0]:.2f}",
            "load_5m": f"{load[1]:.2f}", "load_15m": f"{load[2]:.2f}", "node.role": "dim",
            "master": "*", "name": NODE,
        }
    ]  # fmt: skip


def _master(call: Call) -> Rows:
    host = call.address.partition(":")[0]
    return [{"id": "lakelet-node-0000000000", "host": host, "ip": host, "node": NODE}]


def _templates(call: Call) -> Rows:
    wanted = call.path.get("name", "*")
    rows = [
        {
            "name": name, "index_patterns": f"[{', '.join(body['index_patterns'])}]",
            "order": str(body.get("priority", body.get("order", 0))),
            "version": str(body.get("version", "")),
            "composed_of": f"[{', '.join(body.get('composed_of', []))}]"
            if kind == "index_template" else "",
        }
        for kind in ("index_template", "legacy_template")
        for name, body in call.store.catalog.all(kind).items()
    ]  # fmt: skip
    return [r for r in rows if any(fnmatch.fnmatchcase(r["name"], w) for w in wanted.split(","))]


def _components(call: Call) -> Rows:
    wanted = call.path.get("name", "*")
    rows = []
    templates = call.store.catalog.all("index_template").items()
    for name, body in call.store.catalog.all("component_template").items():
        if not fnmatch.fnmatchcase(name, wanted):
            continue
        template = body["template"]
        users = [t for t, b in templates if name in b.get("composed_of", [])]
        rows.append(
            {
                "name": name, "version": str(body.get("version", "")),
                "alias_count": str(len(template.get("aliases", {}))),
                "mapping_count": str(len(template.get("mappings", {}).get("properties", {}))),
                "settings_count": str(len(template.get("settings", {}))),
                "metadata_count": str(len(body.get("_meta", {}))),
                "included_in": f"[{', '.join(users)}]",
            }
        )  # fmt: skip
    return rows


def _nothing(_call: Call) -> Rows:
    return []


TABLES: dict[str, Callable[[Call], Rows]] = {
    "aliases": _aliases,
    "allocation": _allocation,
    "component_templates": _components,
    "count": _count,
    "fielddata": _nothing,
    "health": _health,
    "indices": _indices,
    "master": _master,
    "nodeattrs": _nothing,
    "nodes": _nodes,
    "pending_tasks": _nothing,
    "plugins": _nothing,
    "recovery": _nothing,
    "repositories": _nothing,
    "segments": _segments,
    "shards": _shards,
    "tasks": _nothing,
    "templates": _templates,
}


def table(name: str) -> Callable[[Call], Answer]:
    """Return the handler of `_cat/{name}`."""

    def answer(call: Call) -> Answer:
        return _render(call, TABLES[name](call))

    return answer


def overview(_call: Call) -> Answer:
    """`GET /_cat`."""
    lines = ["=^.^=", *(f"/_cat/{name}" for name in TABLES)]
    return Answer("\n".join(lines) + "\n", content_type="text/plain; charset=UTF-8")


def _render(call: Call, rows: Rows) -> Answer:
    for key in reversed([k for k in call.params.get("s", "").split(",") if k]):
        name, _, way = key.partition(":")
        if rows:
            column = _column(name, list(rows[0]))
            rows.sort(key=lambda r, c=column: _sortable(r[c]), reverse=way == "desc")  # type: ignore[misc]
    wanted = call.params.get("h")
    if wanted and rows:
        columns = []
        for name in wanted.split(","):
            if "*" in name:
                columns += [(c, c) for c in rows[0] if fnmatch.fnmatchcase(c, name)]
            else:
                columns.append((_column(name, list(rows[0])), name))
        rows = [{shown: row[column] for column, shown in columns} for row in rows]
    kind = call.params.get("format", "text")
    if kind == "json":
        return Answer(rows)
    if kind not in ("text", "txt"):
        raise illegal_argument(
            f"the format [{kind}] is not supported by this embedded log store: use text or json"
        )
    if call.flag("help"):
        names = list(rows[0]) if rows else []
        lines = [f"{n} | {','.join(_ALIASES.get(n, ()))} | {n}" for n in names]
        return Answer(
            "".join(f"{line}\n" for line in lines), content_type="text/plain; charset=UTF-8"
        )
    cells = [[str(v) for v in row.values()] for row in rows]
    if call.flag("v") and rows:
        cells.insert(0, list(rows[0]))
    widths = [max(len(line[n]) for line in cells) for n in range(len(cells[0]))] if cells else []
    text = "".join(
        " ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in cells
    )
    return Answer(text, content_type="text/plain; charset=UTF-8")


def _column(name: str, columns: list[str]) -> str:
    if name in columns:
        return name
    for column in columns:
        if name in _ALIASES.get(column, ()):
            return column
    raise illegal_argument(f"Unable to sort or show by unknown column [{name}]")


def _sortable(value: Any) -> tuple[int, float, str]:
    text = str(value)
    return (0, float(text), "") if text.replace(".", "", 1).isdigit() else (1, 0.0, text)
