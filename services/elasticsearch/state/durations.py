"""Time values as Elasticsearch writes them: `7d`, `30s`."""

from __future__ import annotations

import re
from typing import Any

from services.elasticsearch.errors import illegal_argument

_TIME = re.compile(r"(\d+)(nanos|micros|ms|s|m|h|d)$")
_SECONDS = {
    "nanos": 1e-9,
    "micros": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}


def seconds(text: Any, name: str = "value") -> float:
    """Return a time value such as `7d` in seconds. Raises illegal_argument_exception."""
    if str(text) in ("0", "-1"):
        return float(text)
    found = _TIME.match(str(text))
    if not found:
        raise illegal_argument(
            f"failed to parse setting [{name}] with value [{text}] as a time value: unit is "
            "missing or unrecognized"
        )
    return int(found[1]) * _SECONDS[found[2]]
