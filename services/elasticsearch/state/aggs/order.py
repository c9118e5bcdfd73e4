"""Ordering buckets by what is within them: `worst`, `stats.max`, `percents[95]`, `a>stats.max`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from services.elasticsearch.errors import RequestError, illegal_argument
from services.elasticsearch.state.aggs.base import Aggregation, Metric

_LAST = re.compile(r"([^.\[\]]+)(?:\.(.+)|\[(.+)\])?$")


def split(path: str) -> tuple[list[str], str, str]:
    """Return a path's buckets, its aggregation and which of its values. Raises for no path."""
    *within, last = path.split(">")
    found = _LAST.fullmatch(last)
    if not found:
        raise unknown(path, last)
    which = found[2] or found[3] or ""
    return within, found[1], "" if which == "value" else which


def unknown(path: str, name: str) -> RequestError:
    """400: there is no such aggregation to order by."""
    return illegal_argument(
        f"Invalid aggregation order path [{path}]. The provided aggregation [{name}] either does "
        "not exist, or is a pipeline aggregation and cannot be used to sort the buckets."
    )


def value_at(bucket: dict[str, Any], path: str, subs: Mapping[str, Aggregation]) -> Any:
    """Return the value at `path` in a bucket as it is answered. Raises when there is none."""
    within, name, which = split(path)
    place: Any = bucket
    for part in within:
        if part not in subs:
            raise unknown(path, part)
        place, subs = place[subs[part].shown_name(part)], subs[part].subs
    if name not in subs:
        raise unknown(path, name)
    found = place[subs[name].shown_name(name)]
    if not isinstance(subs[name], Metric):
        return found.get("doc_count")
    if "values" in found:
        values = {float(key): value for key, value in found["values"].items()}
        try:
            return values.get(float(which))
        except ValueError as error:
            raise unknown(path, name) from error
    if (which or "value") not in found:
        raise unknown(path, name)
    return found[which or "value"]
