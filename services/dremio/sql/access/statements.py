"""What a statement about users, roles or privileges asks for."""

from __future__ import annotations

from dataclasses import dataclass

from services.dremio.sql.statements import Path, Statement


@dataclass
class Grantee:
    """A user or a role (`kind`), by name."""

    kind: str
    name: str


@dataclass
class Grant(Statement):
    """GRANT or REVOKE of privileges on one object, or on all datasets inside of it.

    `kind` is the object's type as written: SYSTEM (no path), SOURCE, SPACE, FOLDER, TABLE, VIEW,
    FUNCTION. `privileges` are in capitals with underscores; ALL stands alone.
    """

    privileges: tuple[str, ...]
    kind: str
    path: Path
    grantee: Grantee
    revoke: bool = False
    datasets_inside: bool = False


@dataclass
class GrantRole(Statement):
    """GRANT ROLE … TO, REVOKE ROLE … FROM: a role's member."""

    role: str
    member: Grantee
    revoke: bool = False


@dataclass
class CreateUser(Statement):
    """CREATE USER: someone without a password yet."""

    name: str


@dataclass
class AlterUser(Statement):
    """ALTER USER … SET PASSWORD, or UNSET PASSWORD (`password` None)."""

    name: str
    password: str | None


@dataclass
class DropUser(Statement):
    """DROP USER."""

    name: str


@dataclass
class CreateRole(Statement):
    """CREATE ROLE."""

    name: str


@dataclass
class DropRole(Statement):
    """DROP ROLE."""

    name: str
