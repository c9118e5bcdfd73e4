"""Roles, memberships, grants and owners in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from services.dremio.state.catalog.entities import Path, key
from services.dremio.state.postgres import connected


@dataclass(frozen=True)
class Role:
    """A role. `kind` is SYSTEM (made by the engine) or INTERNAL."""

    id: str
    name: str
    kind: str = "INTERNAL"
    description: str = ""
    owner_id: str | None = None


@dataclass(frozen=True)
class Granted:
    """One privilege of one grantee on one object; the path of the system is empty."""

    path: Path
    kind: str
    grantee_id: str
    privilege: str


class AccessStore:
    """Reads everything once and writes each change."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def roles(self) -> list[Role]:
        """Return every role."""
        rows = self._rows("SELECT id::text, name, kind, description, owner_id::text FROM role")
        return [Role(*row) for row in rows]

    def members(self) -> list[tuple[str, str, str]]:
        """Return (role, member, the member's kind)."""
        return self._rows("SELECT role_id::text, member_id::text, member_kind FROM membership")

    def grants(self) -> list[Granted]:
        """Return every grant."""
        rows = self._rows("SELECT path, object_kind, grantee_id::text, privilege FROM access_grant")
        return [Granted(tuple(path), kind, who, what) for path, kind, who, what in rows]

    def owners(self) -> list[tuple[str, str]]:
        """Return (an object's key, its owner)."""
        return self._rows("SELECT path_key, owner_id::text FROM owner")

    def put_role(self, role: Role) -> None:
        """Add a role or change it. Raises psycopg's UniqueViolation when the name is taken."""
        self._write(
            "INSERT INTO role (id, name, name_key, kind, description, owner_id) "
            "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET name = excluded.name, "
            "name_key = excluded.name_key, description = excluded.description",
            (role.id, role.name, role.name.lower(), role.kind, role.description, role.owner_id),
        )

    def remove_principal(self, principal_id: str) -> None:
        """Remove a user's or role's grants and memberships, and the role itself."""
        with connected(self._pool) as connection, connection.transaction():
            for sql in (
                "DELETE FROM access_grant WHERE grantee_id = %s",
                "DELETE FROM membership WHERE member_id = %s",
                "DELETE FROM role WHERE id = %s",
            ):
                connection.execute(sql, (principal_id,))

    def add_member(self, role_id: str, member_id: str, kind: str) -> None:
        """Make a user or role a member."""
        self._write(
            "INSERT INTO membership VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (role_id, member_id, kind),
        )

    def remove_member(self, role_id: str, member_id: str) -> None:
        """End a membership."""
        self._write(
            "DELETE FROM membership WHERE role_id = %s AND member_id = %s", (role_id, member_id)
        )

    def add_grants(self, grants: Iterable[Granted]) -> None:
        """Add grants, all or none."""
        with connected(self._pool) as connection, connection.transaction():
            for g in grants:
                connection.execute(
                    "INSERT INTO access_grant VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    (key(g.path), list(g.path), g.kind, g.grantee_id, g.privilege),
                )

    def remove_grants(self, grants: Iterable[Granted]) -> None:
        """Remove grants, all or none."""
        with connected(self._pool) as connection, connection.transaction():
            for g in grants:
                connection.execute(
                    "DELETE FROM access_grant WHERE path_key = %s AND grantee_id = %s "
                    "AND privilege = %s",
                    (key(g.path), g.grantee_id, g.privilege),
                )

    def set_owner(self, path_key: str, owner_id: str) -> None:
        """Record who owns an object."""
        self._write(
            "INSERT INTO owner VALUES (%s, %s) "
            "ON CONFLICT (path_key) DO UPDATE SET owner_id = excluded.owner_id",
            (path_key, owner_id),
        )

    def forget(self, path_keys: list[str]) -> None:
        """Forget what was granted on objects that are gone, and who owned them."""
        with connected(self._pool) as connection, connection.transaction():
            connection.execute("DELETE FROM access_grant WHERE path_key = ANY(%s)", (path_keys,))
            connection.execute("DELETE FROM owner WHERE path_key = ANY(%s)", (path_keys,))

    def _rows(self, sql: str) -> list[Any]:
        with connected(self._pool) as connection:
            return connection.execute(sql.encode()).fetchall()

    def _write(self, sql: str, values: tuple[object, ...]) -> None:
        with connected(self._pool) as connection:
            connection.execute(sql.encode(), values)


UniqueViolation = psycopg.errors.UniqueViolation
