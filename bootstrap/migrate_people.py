"""Dremio's users and roles: names, memberships, and new passwords in a file of the owner's alone.

Passwords cannot be read out of a Dremio: each user gets a new one. A Dremio without roles (the
community edition) gets the users alone.

Facts: docs.dremio.com, User API (`/api/v3/user`, `by-name`) and Role API (`/api/v3/role`,
`by-name`, `/{id}/member`).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bootstrap.clients.dremio import DBT, SUPERSET, Dremio
from services.common.errors import LakeletError, NotFoundError

_TOLD = ("firstName", "lastName", "email", "identityType")
_SERVICE = "SERVICE_USER"


@dataclass(frozen=True)
class Person:
    """A user: what is told of them, and the names of the roles they were given."""

    name: str
    told: dict[str, str]
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Role:
    """A role that somebody made, and the names of the roles that it is in."""

    name: str
    description: str
    above: tuple[str, ...]


@dataclass(frozen=True)
class People:
    """Everybody but the administrator and the platform's own users."""

    users: tuple[Person, ...]
    roles: tuple[Role, ...]


def read_people(dremio: Dremio, admin: str) -> People:
    """Return who there is."""
    roles = dremio.call("GET", "/api/v3/role")["data"]
    members: dict[str, list[str]] = {}
    for role in roles:
        if role["name"] != "PUBLIC":  # everybody is in it
            for member in dremio.call("GET", f"/api/v3/role/{role['id']}/member")["data"]:
                members.setdefault(member["id"], []).append(role["name"])
    ours = {admin.lower(), DBT, SUPERSET}
    users = [
        Person(
            user["name"],
            {key: user[key] for key in _TOLD if user.get(key)},
            tuple(sorted(members.get(user["id"], ()))),
        )
        for user in dremio.call("GET", "/api/v3/user")["data"]
        if user["name"].lower() not in ours and user.get("active", True)
    ]
    made = [
        Role(
            role["name"],
            role.get("description") or "",
            tuple(sorted(each["name"] for each in role.get("roles") or ())),
        )
        for role in roles
        if role["type"] != "SYSTEM"
    ]
    return People(tuple(users), tuple(made))


def write_people(dremio: Dremio, people: People, file: Path) -> tuple[list[str], dict[str, str]]:
    """Make the users and roles that are missing; return the users made, and what was not and why.

    Each new password is in `file` (mode 600) before its user is made: none is ever lost.
    """
    left: dict[str, str] = {}
    identities: dict[str, str] = {}
    for role in _parents_first(people.roles):
        try:
            identities[role.name] = _ensure_role(dremio, role)
        except LakeletError as error:
            left[f"role {role.name}"] = str(error)
    made = []
    for user in people.users:
        try:
            given = [_reference(dremio, name, identities) for name in user.roles]
            missing = [n for n, r in zip(user.roles, given, strict=True) if r is None]
            if missing:
                left[f"roles of {user.name}"] = ", ".join(missing)
            if _ensure_user(dremio, user, [r for r in given if r], file):
                made.append(user.name)
        except LakeletError as error:
            left[f"user {user.name}"] = str(error)
    return made, left


def _ensure_role(dremio: Dremio, role: Role) -> str:
    """Return the id of a role of this name, which is made where there is none."""
    try:
        found: str = dremio.call("GET", f"/api/v3/role/by-name/{quote(role.name, safe='')}")["id"]
    except NotFoundError:
        above = [_reference(dremio, name, {}) for name in role.above]
        body = {
            "name": role.name,
            "description": role.description,
            "roles": [each for each in above if each],
        }
        found = dremio.call("POST", "/api/v3/role", body)["id"]
    return found


def _reference(dremio: Dremio, name: str, known: dict[str, str]) -> dict[str, str] | None:
    identity = known.get(name)
    if identity is None:
        try:
            identity = dremio.call("GET", f"/api/v3/role/by-name/{quote(name, safe='')}")["id"]
        except LakeletError:
            return None
    return {"id": identity, "name": name}


def _ensure_user(dremio: Dremio, user: Person, roles: list[dict[str, str]], file: Path) -> bool:
    try:
        dremio.call("GET", f"/api/v3/user/by-name/{quote(user.name, safe='')}")
        return False
    except NotFoundError:
        body: dict[str, Any] = {"name": user.name, **user.told}
    if roles:
        body["roles"] = roles
    if user.told.get("identityType") != _SERVICE:
        body["password"] = "a1" + secrets.token_urlsafe(18)
        _note(file, f"{user.name}\t{body['password']}\n")
    dremio.call("POST", "/api/v3/user", body)
    return True


def _parents_first(roles: Iterable[Role]) -> list[Role]:
    """Order the roles so that each comes after those it is in (Dremio refuses circles)."""
    waiting = {role.name: role for role in roles}
    ordered: list[Role] = []
    while waiting:
        ready = [r for r in waiting.values() if not any(n in waiting for n in r.above)]
        for role in ready or list(waiting.values()):
            ordered.append(waiting.pop(role.name))
    return ordered


def _note(file: Path, line: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a") as notes:
        os.fchmod(notes.fileno(), 0o600)
        notes.write(line)
