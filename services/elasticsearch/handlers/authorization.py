"""Which privilege each endpoint needs; what is not in the table needs all of them.

Asked only for API keys that were made with role descriptors: everybody else may do everything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import orjson

from services.elasticsearch.errors import RequestError
from services.elasticsearch.handlers.call import Call
from services.elasticsearch.state.rights import Rights


class Need(NamedTuple):
    """A privilege on the cluster (`cluster`), on the indices named, or on any index (`some`)."""

    scope: str
    privilege: str


_MONITOR = Need("cluster", "monitor")
_READ = Need("index", "read")
_METADATA = Need("index", "view_index_metadata")
_MANAGE = Need("index", "manage")

_ANY = "*"
# Methods, what they need, and where; what is more special comes first.
_TABLE: list[tuple[str, Need, str]] = [
    (_ANY, Need("anybody", ""), "/_security/_authenticate"),
    (
        _ANY,
        _MONITOR,
        "/ /_cluster/health /_cluster/stats /_cluster/pending_tasks /_nodes /_license",
    ),
    (_ANY, _MONITOR, "/_nodes/stats /_nodes/stats/{metric} /_xpack /_cat /_cat/health /_cat/nodes"),
    (_ANY, _MONITOR, "/_cat/master /_tasks /_tasks/{id}"),
    (_ANY, Need("cluster", "manage_index_templates"), "/_index_template /_index_template/{name}"),
    (_ANY, Need("cluster", "manage_index_templates"), "/_component_template"),
    (_ANY, Need("cluster", "manage_index_templates"), "/_component_template/{name}"),
    (_ANY, Need("cluster", "manage_index_templates"), "/_template /_template/{name}"),
    ("GET", Need("cluster", "read_ilm"), "/_ilm/policy /_ilm/policy/{name} /_ilm/status"),
    (_ANY, Need("cluster", "manage_ilm"), "/_ilm/policy /_ilm/policy/{name}"),
    (_ANY, _READ, "/_search /{index}/_search /_count /{index}/_count /_msearch /{index}/_msearch"),
    (_ANY, _READ, "/_mget /{index}/_mget /{index}/_source/{id} /{index}/_explain/{id}"),
    (_ANY, _READ, "/_field_caps /{index}/_field_caps /{index}/_pit /_validate/query"),
    (_ANY, _READ, "/{index}/_validate/query"),
    (_ANY, Need("some", "read"), "/_search/scroll /_search/scroll/{scroll_id} /_pit"),
    ("GET HEAD", _READ, "/{index}/_doc/{id}"),
    ("DELETE", Need("index", "delete"), "/{index}/_doc/{id}"),
    (_ANY, Need("index", "index"), "/{index}/_doc/{id} /{index}/_update/{id}"),
    (_ANY, Need("index", "create_doc"), "/{index}/_doc /{index}/_create/{id}"),
    (_ANY, Need("bulk", ""), "/_bulk /{index}/_bulk"),
    (_ANY, Need("index", "maintenance"), "/_refresh /{index}/_refresh /_flush /{index}/_flush"),
    (_ANY, Need("index", "monitor"), "/_stats /{index}/_stats /_cat/indices /_cat/indices/{index}"),
    (_ANY, Need("index", "monitor"), "/_cat/count/{index} /_cat/shards/{index}"),
    ("GET HEAD", _METADATA, "/_mapping /{index}/_mapping /{index}/_settings /{index}/_alias"),
    ("GET HEAD", _METADATA, "/{index}/_alias/{name} /{index}"),
    (_ANY, _MANAGE, "/{index}/_mapping /{index}/_settings"),
    ("PUT", Need("index", "create_index"), "/{index}"),
    ("DELETE", Need("index", "delete_index"), "/{index}"),
]


def _table() -> dict[tuple[str, str], Need]:
    made: dict[tuple[str, str], Need] = {}
    for methods, need, patterns in _TABLE:
        for pattern in patterns.split():
            made |= {(pattern, method): need for method in methods.split()}
    return made


# (path pattern, method or "*" for the others) → what it needs.
NEEDS = _table()


def authorize(call: Call) -> None:
    """Raise security_exception (403) unless the caller's key may do this."""
    rights = call.rights
    if rights is None:
        return
    need = (
        NEEDS.get((call.endpoint, call.method))
        or NEEDS.get((call.endpoint, _ANY))
        or Need("everything", "all")
    )
    if call.endpoint == "/{index}" and b"aliases" in call.raw:
        need = _MANAGE  # an alias may have any name
    if not _CHECKS[need.scope](call, rights, need.privilege):
        raise denied(need.privilege or "write", ",".join(_named(call)))


def denied(privilege: str, names: str) -> RequestError:
    """403: a key lacks a privilege."""
    return RequestError(
        403,
        "security_exception",
        f"action that needs [{privilege}] is unauthorized for this API key on [{names}]",
    )


def may_write(call: Call, action: str, name: str) -> bool:
    """Say whether one line of a bulk request is allowed (a new index has to be as well)."""
    if call.rights is None:
        return True
    privilege = {"create": "create_doc", "delete": "delete"}.get(action, "index")
    return _writes(call, call.rights, privilege, name)


def _writes(call: Call, rights: Rights, privilege: str, name: str) -> bool:
    catalog = call.store.catalog
    there = name in catalog.indices or any(
        name in index.aliases or index.data_stream == name for index in catalog.indices.values()
    )
    return rights.on_index(name, privilege) and (there or rights.on_index(name, "create_index"))


def _on_indices(call: Call, rights: Rights, privilege: str) -> bool:
    if privilege in ("create_doc", "index"):
        return all(_writes(call, rights, privilege, name) for name in _named(call))
    return all(rights.on_index(name, privilege) for name in _named(call))


def _named(call: Call) -> list[str]:
    """Return the index expressions that a request names: in its path, or where bodies may."""
    own = call.path.get("index", "*")
    found = [own]
    if call.endpoint.endswith("/_mget"):
        docs = [d for d in call.json().get("docs") or [] if isinstance(d, dict)]
        found = [str(d.get("_index", own)) for d in docs] or [own]
    elif call.endpoint.endswith("/_msearch"):
        lines = [line for line in call.raw.split(b"\n") if line.strip()]
        found = [name for line in lines[::2] for name in _of_header(line, own)] or [own]
    return ["*" if part == "_all" else part for name in found for part in name.split(",")]


def _of_header(line: bytes, own: str) -> list[str]:
    try:
        header = orjson.loads(line)
    except orjson.JSONDecodeError:
        return ["*"]
    name = header.get("index", own) if isinstance(header, dict) else "*"
    return [str(each) for each in name] if isinstance(name, list) else [str(name or "*")]


def _some(call: Call, rights: Rights, privilege: str) -> bool:
    # The ids are secrets that only whoever began the search knows.
    return (
        rights.on_any_index(privilege)
        and b"_all" not in call.raw
        and "_all" not in (call.path.values())
    )


_CHECKS: dict[str, Callable[[Call, Rights, str], bool]] = {
    "anybody": lambda _call, _rights, _privilege: True,
    "cluster": lambda _call, rights, privilege: rights.on_cluster(privilege),
    "index": _on_indices,
    "bulk": lambda _call, _rights, _privilege: True,  # line by line: see `may_write`
    "some": _some,
    "everything": lambda _call, rights, _privilege: (
        rights.on_cluster("all") and rights.on_index("*", "all")
    ),
}
