"""The connectors that are there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from services.common.errors import NotFoundError


@dataclass(frozen=True)
class Definition:
    """A kind of source or destination. `connector` names what runs it."""

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

    @property
    def type_name(self) -> str:
        """The public API's name of the connector: `postgres`, `s3-data-lake`."""
        repository = self.docker_repository.rpartition("/")[2]
        return repository.removeprefix("source-").removeprefix("destination-")


class Registry:
    """Definitions by kind and id."""

    def __init__(self, definitions: list[Definition]) -> None:
        self._all = definitions

    def listing(self, kind: str) -> list[Definition]:
        """Return all definitions of sources or of destinations."""
        return [d for d in self._all if d.kind == kind]

    def get(self, kind: str, identity: UUID) -> Definition:
        """Return one definition. Raises NotFoundError."""
        for definition in self.listing(kind):
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
