"""The connectors that are there: those that come with the server, and custom ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from services.common.errors import NotFoundError

# What Airbyte calls the image that runs manifests.
MANIFESTS = "airbyte/source-declarative-manifest"


def slug(name: str) -> str:
    """Return `name` in lower-case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "custom"


@dataclass(frozen=True)
class Definition:
    """A kind of source or destination.

    `connector` names what runs it: a built-in, or a `sources.protocol.launch.Launch` as text.
    `version` counts a manifest's changes; a `local` one stands in lakelet.yml.
    """

    id: UUID
    kind: str
    connector: str
    name: str
    docker_repository: str
    docker_image_tag: str
    documentation_url: str
    release_stage: str
    support_level: str
    spec: dict[str, Any]
    custom: bool = False
    version: int = 1
    local: bool = False
    deleted: bool = False

    @property
    def type_name(self) -> str:
        """The public API's name of the connector: `postgres`, `s3-data-lake`."""
        if self.custom and not self.docker_repository.startswith("airbyte/source-"):
            return slug(self.name)
        if self.docker_repository == MANIFESTS:
            return slug(self.name)
        repository = self.docker_repository.rpartition("/")[2]
        return repository.removeprefix("source-").removeprefix("destination-")


class Registry:
    """Definitions by kind and id. `custom` gives those that do not come with the server."""

    def __init__(
        self, built_in: list[Definition], custom: Callable[[], list[Definition]] = list
    ) -> None:
        self._built_in, self._custom = built_in, custom

    def with_custom(self, custom: Callable[[], list[Definition]]) -> Registry:
        """Return a registry that has custom definitions too."""
        return Registry(self._built_in, custom)

    def listing(self, kind: str) -> list[Definition]:
        """Return all definitions of sources or of destinations."""
        custom = self._custom() if kind == "source" else []
        return [d for d in (*self._built_in, *custom) if d.kind == kind and not d.deleted]

    def get(self, kind: str, identity: UUID) -> Definition:
        """Return one definition, also a deleted one. Raises NotFoundError."""
        for definition in self._built_in:
            if definition.id == identity and definition.kind == kind:
                return definition
        for definition in self._custom() if kind == "source" else ():
            if definition.id == identity:
                return definition
        raise NotFoundError(f"{kind} definition {identity} does not exist")

    def by_type(self, kind: str, name: str) -> Definition:
        """Return the definition with the public API's type name. Raises NotFoundError."""
        for definition in self.listing(kind):
            if definition.type_name == name:
                return definition
        known = ", ".join(d.type_name for d in self.listing(kind))
        raise NotFoundError(f"there is no {kind} type {name!r}; there are: {known}")


@lru_cache(maxsize=1)
def registry() -> Registry:
    """Return the definitions that come with the server."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.json")):
        raw = orjson.loads(path.read_bytes())
        found.append(
            Definition(
                id=UUID(raw["definitionId"]),
                kind=raw["kind"],
                connector=raw["connector"],
                name=raw["name"],
                docker_repository=raw["dockerRepository"],
                docker_image_tag=raw["dockerImageTag"],
                documentation_url=raw["documentationUrl"],
                release_stage=raw["releaseStage"],
                support_level=raw["supportLevel"],
                spec=raw["spec"],
            )
        )
    return Registry(found)
