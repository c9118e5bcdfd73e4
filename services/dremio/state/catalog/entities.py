"""Entities of the catalog, kept in PostgreSQL and held in memory by this process alone."""

from __future__ import annotations

import datetime
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from services.dremio.state.errors import conflict, not_found
from services.dremio.state.postgres import connected

Path = tuple[str, ...]


def key(path: Path) -> str:
    """Return what two paths share when they differ in case alone."""
    return "\x1f".join(part.lower() for part in path)


@dataclass(frozen=True)
class Entity:
    """One node of the catalog. `tag` changes with every change; `body` depends on `kind`."""

    id: str
    path: Path
    kind: str
    tag: str
    created_at: datetime.datetime
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path[-1]


class Entities:
    """Writes to PostgreSQL first, then to memory; reads come from memory."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._lock = threading.RLock()
        self._by_key: dict[str, Entity] = {}
        self._by_id: dict[str, Entity] = {}
        # Grows after every change: who has read it since sees at least that change.
        self.version = 0
        # Called with the path of what was removed, after it is gone.
        self.on_delete: Callable[[Path], None] = lambda path: None
        with connected(pool) as connection:
            cursor = connection.cursor(row_factory=dict_row)
            for row in cursor.execute("SELECT * FROM entity").fetchall():
                self._keep(
                    Entity(
                        str(row["id"]),
                        tuple(row["path"]),
                        row["kind"],
                        str(row["tag"]),
                        row["created_at"],
                        row["body"],
                    )
                )

    def get(self, path: Path) -> Entity | None:
        """Return the entity at `path`, in any case."""
        return self._by_key.get(key(path))

    def by_id(self, entity_id: str) -> Entity | None:
        """Return the entity of that id."""
        return self._by_id.get(entity_id)

    def all(self, kind: str | None = None) -> list[Entity]:
        """Return every entity (of a kind), ordered by path."""
        with self._lock:
            found = [e for e in self._by_key.values() if kind in (None, e.kind)]
        return sorted(found, key=lambda e: key(e.path))

    def below(self, path: Path) -> Iterator[Entity]:
        """Yield every entity under `path`, ordered by path."""
        start = key(path) + "\x1f"
        with self._lock:
            found = [e for k, e in self._by_key.items() if k.startswith(start)]
        yield from sorted(found, key=lambda e: key(e.path))

    def children(self, path: Path) -> list[Entity]:
        """Return the entities right under `path`."""
        return [e for e in self.below(path) if len(e.path) == len(path) + 1]

    def create(self, path: Path, kind: str, body: dict[str, Any] | None = None) -> Entity:
        """Add an entity. Raises DremioError (CONFLICT) when something is there."""
        now = datetime.datetime.now(datetime.UTC)
        entity = Entity(str(uuid.uuid4()), path, kind, str(uuid.uuid4()), now, body or {})
        with self._lock:
            try:
                with connected(self._pool) as connection:
                    connection.execute(
                        "INSERT INTO entity (id, path, path_key, kind, tag, created_at, body) "
                        "VALUES (%s, %s, %s, %s, %s, %s, %s)",
                        (
                            entity.id,
                            list(path),
                            key(path),
                            kind,
                            entity.tag,
                            now,
                            Jsonb(body or {}),
                        ),
                    )
            except UniqueViolation:
                raise conflict(
                    f"Unable to create {kind.lower()} '{'.'.join(path)}'. "
                    "An object already exists with that name."
                ) from None
            self._keep(entity)
        return entity

    def update(self, entity: Entity, body: dict[str, Any], tag: str | None = None) -> Entity:
        """Replace the body. Raises DremioError: CONFLICT when `tag` is not the current one."""
        with self._lock:
            current = self._by_id.get(entity.id)
            if current is None:
                raise not_found(f"Could not find entity with id [{entity.id}]")
            if tag is not None and tag != current.tag:
                raise conflict(
                    f"The specified version [{tag}] did not match the current version "
                    f"[{current.tag}] of [{'.'.join(entity.path)}]"
                )
            changed = replace(current, body=body, tag=str(uuid.uuid4()))
            with connected(self._pool) as connection:
                connection.execute(
                    "UPDATE entity SET body = %s, tag = %s WHERE id = %s",
                    (Jsonb(body), changed.tag, entity.id),
                )
            self._keep(changed)
        return changed

    def delete(self, entity: Entity) -> None:
        """Remove the entity and everything under it."""
        with self._lock:
            gone = [entity, *self.below(entity.path)]
            with connected(self._pool) as connection:
                connection.execute("DELETE FROM entity WHERE id = ANY(%s)", ([e.id for e in gone],))
            for each in gone:
                self._by_key.pop(key(each.path), None)
                self._by_id.pop(each.id, None)
            self.version += 1
        self.on_delete(entity.path)

    def _keep(self, entity: Entity) -> None:
        self._by_key[key(entity.path)] = entity
        self._by_id[entity.id] = entity
        self.version += 1
