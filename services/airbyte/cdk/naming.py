"""Which table a stream is written to, and streams that would share one."""

from __future__ import annotations

import re
from collections.abc import Iterable

Name = tuple[str, ...]


def clean_name(name: str) -> str:
    """Return `name` in lower-case letters, digits and underscores (S3 Tables' rule)."""
    return re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_") or "unnamed"


def table_name(
    namespace: str | None,
    stream: str,
    *,
    default: str,
    definition: str,
    namespace_format: str | None,
    prefix: str,
) -> Name:
    """Return namespace and name of a stream's table, in letters that every catalog takes.

    `default`: the destination's own namespace; the rest is as in Airbyte's connections.
    """
    if definition == "customformat" and namespace_format:
        chosen = namespace_format.replace("${SOURCE_NAMESPACE}", namespace or "")
    elif definition == "source" and namespace:
        chosen = namespace
    else:
        chosen = default
    parts = [clean_name(part) for part in chosen.split(".") if part]
    return (*(parts or [clean_name(default)]), clean_name(prefix + stream))


def shared(tables: Iterable[tuple[tuple[str, str], Name]]) -> str | None:
    """Return what is wrong where two streams have one table: each would replace the other's rows.

    `tables`: each stream (namespace, name) and its table.
    """
    seen: dict[Name, tuple[str, str]] = {}
    for stream, table in tables:
        other = seen.setdefault(table, stream)
        if other is not stream:
            names = " and ".join(".".join(filter(None, one)) for one in (other, stream))
            todo = "put one into a connection of its own with a prefix, or deselect it"
            if other[0] != stream[0]:
                todo = (
                    "put ${SOURCE_NAMESPACE} into the connection's namespace, which gives each"
                    f" schema tables of its own, {todo}"
                )
            return f"streams {names} would both be written to table {'.'.join(table)}: {todo}"
    return None
