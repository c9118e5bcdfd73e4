"""Data streams: a name over backing indices, the last of which is written to."""

from __future__ import annotations

import datetime
from typing import Any

from services.elasticsearch.errors import RequestError, illegal_argument, index_not_found
from services.elasticsearch.state.catalog import Catalog, Index
from services.elasticsearch.state.indices import Indices
from services.elasticsearch.state.templates import matching


class Streams:
    """The data streams of one store (kept in the catalog under `data_stream`)."""

    def __init__(self, catalog: Catalog, indices: Indices) -> None:
        self._catalog, self._indices = catalog, indices

    def create(self, name: str) -> None:
        """Make data stream `name`; a template with `data_stream` must match it."""
        template = matching(self._catalog, name)
        if template is None or "data_stream" not in template[1]:
            raise illegal_argument(f"no matching index template found for data stream [{name}]")
        if self._catalog.thing("data_stream", name):
            raise RequestError(
                400, "resource_already_exists_exception", f"data_stream [{name}] already exists"
            )
        backing = self._back(name, 1)
        lifecycle = template[1].get("template", {}).get("lifecycle")
        self._catalog.save_thing(
            "data_stream",
            name,
            {
                "indices": [backing.name],
                "generation": 1,
                "template": template[0],
                "lifecycle": lifecycle,
            },
        )

    def _back(self, name: str, generation: int) -> Index:
        day = datetime.datetime.now(datetime.UTC).strftime("%Y.%m.%d")
        backing = f".ds-{name}-{day}-{generation:06d}"
        settings = {"settings": {"hidden": "true"}}
        return self._indices.create(backing, settings, data_stream=name)

    def rollover(self, name: str) -> tuple[str, str]:
        """Begin a new backing index; return the names of the old and the new one."""
        stream = self.get(name)
        generation = stream["generation"] + 1
        backing = self._back(name, generation)
        changed = {
            **stream,
            "generation": generation,
            "indices": [*stream["indices"], backing.name],
        }
        self._catalog.save_thing("data_stream", name, changed)
        return stream["indices"][-1], backing.name

    def get(self, name: str) -> dict[str, Any]:
        """Return the stream. Raises index_not_found_exception."""
        stream: dict[str, Any] | None = self._catalog.thing("data_stream", name)
        if stream is None:
            raise index_not_found(name)
        return stream

    def set_lifecycle(self, name: str, lifecycle: dict[str, Any] | None) -> None:
        """Give the stream its own retention (`{"data_retention": "7d"}`) or none."""
        self._catalog.save_thing("data_stream", name, {**self.get(name), "lifecycle": lifecycle})

    def delete(self, name: str) -> None:
        """Drop the stream with its backing indices."""
        stream = self.get(name)
        known = self._catalog.indices
        self._indices.delete([known[i] for i in stream["indices"] if i in known])
        self._catalog.drop_thing("data_stream", name)

    def forget_backing(self, name: str, index: str) -> None:
        """Take a dropped backing index off the stream's list."""
        stream = self.get(name)
        left = [i for i in stream["indices"] if i != index]
        self._catalog.save_thing("data_stream", name, {**stream, "indices": left})
