"""Index expressions: names, wildcards, exclusions, aliases and data streams → indices."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Any

from services.elasticsearch.errors import (
    RequestError,
    illegal_argument,
    index_not_found,
)
from services.elasticsearch.state.catalog import Catalog, Index
from services.elasticsearch.state.dated import dated

_FORBIDDEN = set(' "*\\<>|,/?#:')


@dataclass(frozen=True)
class Options:
    """The `indices_options` of a request."""

    ignore_unavailable: bool = False
    allow_no_indices: bool = True
    expand_wildcards: frozenset[str] = frozenset({"open"})


@dataclass(frozen=True)
class Target:
    """An index of a search, and the filters of the aliases that led to it (None: no filter)."""

    index: Index
    filters: tuple[dict[str, Any], ...] | None = None


def check_name(name: str) -> None:
    """Raise invalid_index_name_exception for a name that no index may have."""
    reason = None
    if name != name.lower():
        reason = "must be lowercase"
    elif name.startswith(("-", "_", "+")):
        reason = "must not start with '_', '-', or '+'"
    elif bad := [c for c in name if c in _FORBIDDEN]:
        reason = f"must not contain the following characters {bad}"
    elif name in (".", "..", "") or len(name.encode()) > 255:
        reason = "is empty, '.', '..' or too long"
    if reason:
        raise RequestError(
            400,
            "invalid_index_name_exception",
            f"Invalid index name [{name}], {reason}",
            index=name,
            index_uuid="_na_",
        )


def resolve(catalog: Catalog, expression: str | None, options: Options) -> list[Target]:
    """Return the indices that `expression` (comma-separated; None: all) names, by name.

    Raises index_not_found_exception as `options` say.
    """
    parts = [dated(p) for p in (expression or "_all").split(",") if p]
    chosen: dict[str, tuple[dict[str, Any], ...] | None] = {}
    wild = False
    for part in parts:
        if part.startswith("-") and wild:
            for name in list(chosen):
                index = catalog.indices[name]
                if fnmatch.fnmatchcase(name, part[1:]) or part[1:] in index.aliases:
                    del chosen[name]
            continue
        is_pattern = part == "_all" or "*" in part
        wild = wild or is_pattern
        found = _matching(catalog, part, options) if is_pattern else _named(catalog, part)
        if not found:
            if is_pattern and options.allow_no_indices:
                continue
            if not options.ignore_unavailable:
                raise index_not_found(part)
        for name, filters in found.items():
            if name in chosen:
                before = chosen[name]
                chosen[name] = None if before is None or filters is None else before + filters
            else:
                chosen[name] = filters
    targets = []
    for name in sorted(chosen):
        index = catalog.indices[name]
        if index.closed and "closed" not in options.expand_wildcards:
            if options.ignore_unavailable or wild:
                continue
            raise RequestError(400, "index_closed_exception", "closed", index=name)
        targets.append(Target(index, chosen[name]))
    if not targets and not options.allow_no_indices:
        raise index_not_found(expression or "_all")
    return targets


_Found = dict[str, tuple[dict[str, Any], ...] | None]


def _named(catalog: Catalog, name: str) -> _Found:
    if name in catalog.indices:
        return {name: None}
    found: _Found = {}
    for index in catalog.indices.values():
        if index.data_stream == name:
            found[index.name] = None
        elif name in index.aliases:
            filter_ = index.aliases[name].get("filter")
            found[index.name] = (filter_,) if filter_ else None
    return found


def _matching(catalog: Catalog, pattern: str, options: Options) -> _Found:
    pattern = "*" if pattern == "_all" else pattern
    hidden = bool(options.expand_wildcards & {"hidden", "all"}) or pattern.startswith(".")
    found: _Found = {}
    for index in catalog.indices.values():
        if index.closed and not options.expand_wildcards & {"closed", "all"}:
            continue
        if (fnmatch.fnmatchcase(index.name, pattern) and (hidden or not index.hidden)) or (
            index.data_stream and fnmatch.fnmatchcase(index.data_stream, pattern)
        ):
            found[index.name] = None
        else:
            for alias, definition in index.aliases.items():
                if fnmatch.fnmatchcase(alias, pattern):
                    filter_ = definition.get("filter")
                    found[index.name] = (filter_,) if filter_ else None
    return found


def write_target(catalog: Catalog, name: str) -> Index | None:
    """Return the index that a document sent to `name` goes to; None when it is to be made.

    Raises illegal_argument_exception when an alias has no one index to write to.
    """
    if name in catalog.indices:
        index = catalog.indices[name]
        if index.closed:
            raise RequestError(400, "index_closed_exception", "closed", index=name)
        return index
    stream = catalog.thing("data_stream", name)
    if stream:
        return catalog.indices[stream["indices"][-1]]
    holders = [i for i in catalog.indices.values() if name in i.aliases]
    if not holders:
        return None
    chosen = [i for i in holders if i.aliases[name].get("is_write_index")]
    if len(chosen) == 1:
        return chosen[0]
    if len(holders) == 1 and holders[0].aliases[name].get("is_write_index") is not False:
        return holders[0]
    raise illegal_argument(
        f"no write index is defined for alias [{name}]. The write index may be explicitly "
        "disabled using is_write_index=false or the alias points to multiple indices without "
        "one being designated as a write index"
    )
