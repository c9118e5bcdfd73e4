"""Roles over REST, as Dremio's Role API has them."""

from __future__ import annotations

from services.dremio.handlers.present import Json
from services.dremio.state.access.store import Role
from services.dremio.state.core import Core
from services.dremio.state.errors import not_found, validation
from services.dremio.state.execute.access import core_role, may_change
from services.dremio.state.session import User
from services.dremio.state.system.access_rows import principal


def listing(core: Core, caller: User) -> Json:
    """List the roles: all for an administrator, else the caller's own."""
    mine = core.access.actor(caller)
    found = core.access.roles() if mine.admin else core.access.roles_of(caller.id)
    return {"data": [shown(core, role) for role in found]}


def by_id(core: Core, caller: User, role_id: str) -> Json:
    """Return a role. Raises DremioError (NOT_FOUND, PERMISSION)."""
    role = core.access.role_by_id(role_id)
    _may_see(core, caller, role)
    return shown(core, role)


def by_name(core: Core, caller: User, name: str) -> Json:
    """Return the role of that name. Raises DremioError (NOT_FOUND, PERMISSION)."""
    role = core.access.role(name)
    if role is None:
        raise not_found(f"Role [{name}] not found")
    _may_see(core, caller, role)
    return shown(core, role)


def create(core: Core, caller: User, body: Json) -> Json:
    """Add a role. Raises DremioError."""
    core.access.require(caller, "CREATE_ROLE", ())
    name, description = _described(body, "", "")
    above = _roles(core, body)
    for each in above:
        may_change(core, caller, each)
    role = core_role(core, name, caller, description)
    for each in above:
        core.access.add_member(each, role.id, "ROLE")
    return shown(core, role)


def update(core: Core, caller: User, role_id: str, body: Json) -> Json:
    """Rename or describe a role, and set which roles it is in. Raises DremioError."""
    role = core.access.role_by_id(role_id)
    may_change(core, caller, role)
    name, description = _described(body, role.name, role.description)
    above = _roles(core, body) if "roles" in body else None
    if above is not None:
        for each in above:
            may_change(core, caller, each)
    changed = core.access.change_role(role, name, description)
    if above is not None:
        kept = {each.id for each in above}
        for each in core.access.direct_roles(role.id):
            if each.id not in kept:
                core.access.remove_member(each, role.id)
        for each in above:
            core.access.add_member(each, role.id, "ROLE")
    return shown(core, changed)


def delete(core: Core, caller: User, role_id: str) -> None:
    """Remove a role. Raises DremioError."""
    role = core.access.role_by_id(role_id)
    may_change(core, caller, role)
    core.access.remove_role(role)


def members(core: Core, caller: User, role_id: str) -> Json:
    """List a role's direct members. Raises DremioError (NOT_FOUND, PERMISSION)."""
    role = core.access.role_by_id(role_id)
    _may_see(core, caller, role)
    data = [
        {"id": member, "name": principal(core, member), "type": kind}
        for member, kind in core.access.members(role.id).items()
    ]
    return {"data": data}


def change_members(core: Core, caller: User, role_id: str, body: Json) -> Json:
    """Add or remove members (`PATCH`: op add or remove). Raises DremioError."""
    role = core.access.role_by_id(role_id)
    may_change(core, caller, role)
    changes = body.get("members")
    if body.get("op") not in ("add", "remove") or not isinstance(changes, list):
        raise validation("expected op (add or remove) and members, a list of {id, type}")
    todo = []
    for each in changes:
        if not isinstance(each, dict) or each.get("type") not in ("USER", "ROLE"):
            raise validation("members: expected objects with id and type (USER or ROLE)")
        member = str(each.get("id"))
        if each["type"] == "ROLE":
            core.access.role_by_id(member)
        elif core.users.by_id(member) is None:
            raise not_found(f"User [{member}] not found")
        todo.append((member, str(each["type"])))
    for member, kind in todo:
        if body["op"] == "add":
            core.access.add_member(role, member, kind)
        else:
            core.access.remove_member(role, member)
    return members(core, caller, role_id)


def shown(core: Core, role: Role) -> Json:
    """Return a role as REST shows one."""
    return {
        "id": role.id,
        "name": role.name,
        "type": role.kind,
        "roles": [
            {"id": above.id, "name": above.name, "type": above.kind}
            for above in core.access.direct_roles(role.id)
        ],
        "memberCount": len(core.access.members(role.id)),
        "description": role.description,
    }


def _may_see(core: Core, caller: User, role: Role) -> None:
    actor = core.access.actor(caller)
    if role.id not in actor.ids and role.owner_id not in actor.ids:
        core.access.require_admin(caller, "see roles that they are not in")


def _described(body: Json, name: str, description: str) -> tuple[str, str]:
    given, text = body.get("name", name), body.get("description", description)
    if not isinstance(given, str) or not given.strip():
        raise validation("name: expected a non-empty string")
    if not isinstance(text, str):
        raise validation("description: expected a string")
    return given, text


def _roles(core: Core, body: Json) -> list[Role]:
    given = body.get("roles") or []
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise validation("roles: expected a list of objects with id")
    return [core.access.role_by_id(str(each.get("id"))) for each in given]
