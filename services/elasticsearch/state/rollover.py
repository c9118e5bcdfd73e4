"""Rolling over: a data stream or a write alias goes on in a new index."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.elasticsearch.errors import illegal_argument
from services.elasticsearch.state.catalog import Catalog, Index
from services.elasticsearch.state.dates import now_millis
from services.elasticsearch.state.durations import seconds
from services.elasticsearch.state.indices import Indices
from services.elasticsearch.state.streams import Streams

_SIZES = {"b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40}


@dataclass(frozen=True)
class Rollover:
    """Rolls over; `documents` counts an index' documents, `size` gives its bytes on disk."""

    catalog: Catalog
    indices: Indices
    streams: Streams
    documents: Callable[[Index], int]
    size: Callable[[Index], int]

    def current(self, name: str) -> Index:
        """Return the index that stream or alias `name` is written to.

        Raises illegal_argument_exception when there is none, or no single one.
        """
        stream = self.catalog.thing("data_stream", name)
        if stream:
            return self.catalog.index(stream["indices"][-1])
        holders = [i for i in self.catalog.indices.values() if name in i.aliases]
        chosen = [i for i in holders if i.aliases[name].get("is_write_index")] or holders
        if len(chosen) != 1:
            raise illegal_argument(
                f"rollover target [{name}] does not point to a write index"
                if holders
                else f"rollover target [{name}] does not exist"
            )
        return chosen[0]

    def next_name(self, name: str, current: Index) -> str:
        """Return what the next index would be called. Raises illegal_argument_exception."""
        found = re.fullmatch(r"(.*-)(\d+)", current.name)
        if not found:
            raise illegal_argument(
                f"index name [{current.name}] does not match pattern '^.*-\\d+$'"
            )
        number = f"{int(found[2]) + 1:06d}"
        if self.catalog.thing("data_stream", name):
            day = datetime.datetime.now(datetime.UTC).strftime("%Y.%m.%d")
            return re.sub(r"\d{4}\.\d{2}\.\d{2}-$", f"{day}-", found[1]) + number
        return found[1] + number

    def roll(
        self, name: str, new: str | None = None, body: dict[str, Any] | None = None
    ) -> tuple[str, str]:
        """Go on in a new index (made as `body` says); return the old and the new one's name."""
        current = self.current(name)
        if self.catalog.thing("data_stream", name):
            old, new = self.streams.rollover(name)
        else:
            old, new = current.name, new or self.next_name(name, current)
            self.indices.create(new, body or {})
            definition = current.aliases[name]
            if definition.get("is_write_index"):
                before = ("add", old, name, {**definition, "is_write_index": False})
            else:
                before = ("remove", old, name, {})
            self.indices.change_aliases([before, ("add", new, name, definition)])
        self.catalog.save_thing("rolled_over", old, now_millis())
        return old, new

    def conditions(self, index: Index, wanted: dict[str, Any]) -> dict[str, bool]:
        """Return which of the conditions hold. Raises illegal_argument_exception."""
        return {name: self._holds(index, name, value) for name, value in wanted.items()}

    def _holds(self, index: Index, name: str, value: Any) -> bool:
        if name in ("max_docs", "max_primary_shard_docs"):
            return self.documents(index) >= int(value)
        if name in ("min_docs", "min_primary_shard_docs"):
            return self.documents(index) >= int(value)
        if name == "max_age":
            return (now_millis() - index.created) / 1000 >= seconds(value)
        if name in ("max_size", "max_primary_shard_size"):
            found = re.fullmatch(r"(\d+)([kmgt]?b)", str(value))
            if not found:
                raise illegal_argument(f"failed to parse [{value}]")
            return self.size(index) >= int(found[1]) * _SIZES[found[2]]
        raise illegal_argument(f"unknown rollover condition [{name}]")


def due(conditions: dict[str, bool]) -> bool:
    """Say whether to roll over: some maximum is reached, and every minimum."""
    least = [met for name, met in conditions.items() if name.startswith("min_")]
    most = [met for name, met in conditions.items() if name.startswith("max_")]
    return all(least) and (any(most) or not most)
