"""Records that DuckDB will not read, written anew as Python reads them.

A key that stands twice has its last value; of the changes that a connector notes itself the
well-formed ones stay.
"""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]


def renewed(line: bytes) -> bytes:
    """Return a line of `parts` that DuckDB reads; numbers keep all their digits."""
    record = json.loads(line)
    meta = record.get("meta")
    changes = meta.get("changes") if isinstance(meta, dict) else None
    listed = changes if isinstance(changes, list) else []
    told = [_texts(one) for one in listed if isinstance(one, dict)]
    small = {"data": record["data"], "meta": {"changes": told}}
    return json.dumps(small, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _texts(change: Json) -> Json:
    known = {name: change.get(name) for name in ("field", "change", "reason")}
    return {name: value if isinstance(value, str) else None for name, value in known.items()}
