"""What an API key may do: its role descriptors, joined.

Privileges and what they include: Elasticsearch's security privileges (cluster and index), as far
as this store has what they are about. Document and field level security are refused, not ignored.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Any

from services.elasticsearch.errors import RequestError, illegal_argument

# Privilege → what it includes, itself aside. `all` includes everything.
_CLUSTER: dict[str, tuple[str, ...]] = {
    "all": (),
    "none": (),
    "monitor": (),
    "manage": ("monitor", "manage_index_templates", "manage_ilm", "read_ilm"),
    "manage_index_templates": (),
    "manage_ilm": ("read_ilm",),
    "read_ilm": (),
    "manage_own_api_key": (),
    "manage_api_key": ("manage_own_api_key",),
    "manage_security": ("manage_api_key", "manage_own_api_key"),
}
_INDEX: dict[str, tuple[str, ...]] = {
    "all": (),
    "none": (),
    "read": (),
    "view_index_metadata": (),
    "monitor": (),
    "create_doc": (),
    "create": ("create_doc",),
    "index": ("create", "create_doc"),
    "delete": (),
    "write": ("create_doc", "create", "index", "delete"),
    "create_index": (),
    "auto_configure": ("create_index",),
    "delete_index": (),
    "maintenance": (),
    "manage": ("monitor", "view_index_metadata", "create_index", "delete_index", "maintenance"),
    "manage_data_stream_lifecycle": (),
}
_ROLE = frozenset(
    ["cluster", "indices", "index", "metadata", "run_as", "applications", "transient_metadata"]
)


@dataclass(frozen=True)
class Rights:
    """Privileges on the cluster, and on the indices whose names meet a pattern."""

    cluster: frozenset[str]
    indices: tuple[tuple[str, frozenset[str]], ...]

    def on_cluster(self, privilege: str) -> bool:
        """Say whether `privilege` is held."""
        return bool(self.cluster & {privilege, "all"})

    def on_index(self, expression: str, privilege: str) -> bool:
        """Say whether `privilege` is held on all that an index expression may name.

        A wildcard has to lie within one of the patterns: `logs-a*` within `logs-*`.
        """
        return all(
            any(
                held & {privilege, "all"} and fnmatch.fnmatchcase(part.lstrip("-"), pattern)
                for pattern, held in self.indices
            )
            for part in expression.split(",")
        )

    def on_any_index(self, privilege: str) -> bool:
        """Say whether `privilege` is held on some index."""
        return any(held & {privilege, "all"} for _, held in self.indices)


def rights_of(descriptors: dict[str, Any] | None) -> Rights | None:
    """Return what role descriptors give together; None (all rights) when there are none.

    Raises illegal_argument_exception for a privilege or restriction that is not there.
    """
    if not descriptors:
        return None
    cluster: set[str] = set()
    indices: list[tuple[str, frozenset[str]]] = []
    for name, role in descriptors.items():
        if not isinstance(role, dict) or not role.keys() <= _ROLE:
            raise RequestError(
                400, "parsing_exception", f"failed to parse role descriptor [{name}]"
            )
        if role.get("run_as") or role.get("applications"):
            raise illegal_argument(
                f"role descriptor [{name}]: [run_as] and [applications] are not supported by this "
                "embedded log store"
            )
        cluster |= _included(role.get("cluster", []), _CLUSTER, "cluster")
        for entry in [*role.get("indices", []), *role.get("index", [])]:
            if entry.get("query") or entry.get("field_security"):
                raise illegal_argument(
                    f"role descriptor [{name}]: document and field level security are not "
                    "supported by this embedded log store"
                )
            names, given = entry.get("names", []), entry.get("privileges", [])
            held = frozenset(_included(given, _INDEX, "index"))
            indices += [(n, held) for n in ([names] if isinstance(names, str) else names)]
    return Rights(frozenset(cluster), tuple(indices))


def _included(given: list[str], table: dict[str, tuple[str, ...]], kind: str) -> set[str]:
    found: set[str] = set()
    for privilege in given:
        if privilege not in table:
            raise illegal_argument(
                f"unknown {kind} privilege [{privilege}]; this embedded log store has "
                f"{sorted(table)}"
            )
        found |= {privilege, *table[privilege]}
    return found
