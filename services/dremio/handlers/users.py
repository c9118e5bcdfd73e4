"""Users over REST: looked up by anyone for themselves, managed by who may create users."""

from __future__ import annotations

from services.dremio.handlers.present import Json
from services.dremio.state.access.store import Role
from services.dremio.state.core import Core
from services.dremio.state.errors import not_found, validation
from services.dremio.state.execute.access import checked_password, make_user, remove_user
from services.dremio.state.session import User
from services.dremio.state.system.access_rows import object_id

_KEPT = ("firstName", "lastName", "email", "identityType")


def listing(core: Core, caller: User) -> Json:
    """List every user. Raises DremioError (PERMISSION)."""
    core.access.require(caller, "CREATE_USER", ())
    return {"data": [shown(core, user) for user in core.users.list()]}


def by_name(core: Core, caller: User, name: str) -> Json:
    """Return the user of that name. Raises DremioError (NOT_FOUND, PERMISSION)."""
    user = core.users.find(name)
    if user is None:
        raise not_found(f"User [{name}] not found")
    return _for(core, caller, user)


def by_id(core: Core, caller: User, user_id: str) -> Json:
    """Return the user of that id. Raises DremioError (NOT_FOUND, PERMISSION)."""
    return _for(core, caller, found(core, user_id))


def create(core: Core, caller: User, body: Json) -> Json:
    """Add a user and the user's home space. Raises DremioError."""
    core.access.require(caller, "CREATE_USER", ())
    name, password = body.get("name"), body.get("password")
    if not isinstance(name, str) or not name.strip():
        raise validation("name: expected a non-empty string")
    if body.get("identityType") == "SERVICE_USER" and password is None:
        pass  # one that logs in by personal access token
    elif not isinstance(password, str):
        raise validation("password: expected a string")
    checked_password(password)
    roles = _roles(core, caller, body)
    user = make_user(core, name, password, _noted(body))
    for role in roles:
        core.access.add_member(role, user.id, "USER")
    return shown(core, user)


def update(core: Core, caller: User, user_id: str, body: Json) -> Json:
    """Change a user: names, whether active, password, roles. Raises DremioError."""
    user = found(core, user_id)
    own = user.id == caller.id
    if not own:
        core.access.require(caller, "CREATE_USER", ())
    if core.access.is_admin(user) and not own:
        core.access.require_admin(caller, "change an administrator")
    if str(body.get("name", user.name)).lower() != user.name.lower():
        raise validation("name: a user cannot be renamed")
    former, active = core.users.details(user)
    wanted = body.get("active", active)
    if not isinstance(wanted, bool):
        raise validation("active: expected true or false")
    if wanted != active:
        core.access.require(caller, "CREATE_USER", ())
        if user.admin:
            raise validation(f"User [{user.name}] is the administrator of the settings")
    password = body.get("password")
    if password is not None and not isinstance(password, str):
        raise validation("password: expected a string")
    checked_password(password)
    roles = _roles(core, caller, body) if "roles" in body else None
    core.users.describe(user, {**former, **_noted(body)}, active=wanted)
    if password is not None:
        core.users.set_password(user, password)
    if roles is not None:
        kept = {role.id for role in roles}
        for role in core.access.direct_roles(user.id):
            if role.id not in kept:
                core.access.remove_member(role, user.id)
        for role in roles:
            core.access.add_member(role, user.id, "USER")
    return shown(core, user)


def delete(core: Core, caller: User, user_id: str) -> None:
    """Remove a user. Raises DremioError."""
    user = found(core, user_id)
    core.access.require(caller, "CREATE_USER", ())
    if core.access.is_admin(user):
        core.access.require_admin(caller, "delete an administrator")
    remove_user(core, user)


def privileges(core: Core, caller: User, principal_id: str) -> Json:
    """List what was granted to a user or role itself. Raises DremioError (PERMISSION)."""
    if principal_id not in core.access.actor(caller).ids:
        core.access.require_admin(caller, "see the privileges of others")
    data = [
        {"name": object_id(g.path), "type": g.kind, "privilege": g.privilege}
        for g in core.access.grants()
        if g.grantee_id == principal_id
    ]
    return {"data": data}


def found(core: Core, user_id: str) -> User:
    """Return a user. Raises DremioError (NOT_FOUND)."""
    user = core.users.by_id(user_id)
    if user is None:
        raise not_found(f"User [{user_id}] not found")
    return user


def shown(core: Core, user: User) -> Json:
    """Return a user as REST shows one."""
    body, active = core.users.details(user)
    return {
        "@type": "EnterpriseUser",
        "id": user.id,
        "name": user.name,
        **{name: body[name] for name in ("firstName", "lastName", "email") if name in body},
        "identityType": body.get("identityType", "REGULAR_USER"),
        "roles": [
            {"id": role.id, "name": role.name, "type": role.kind}
            for role in core.access.roles_of(user.id)
        ],
        "source": "local",
        "active": active,
    }


def _for(core: Core, caller: User, user: User) -> Json:
    if user.id != caller.id:
        core.access.require(caller, "CREATE_USER", ())
    return shown(core, user)


def _noted(body: Json) -> dict[str, object]:
    noted = {name: body[name] for name in _KEPT if body.get(name) is not None}
    for name, value in noted.items():
        if not isinstance(value, str):
            raise validation(f"{name}: expected a string")
    return noted


def _roles(core: Core, caller: User, body: Json) -> list[Role]:
    """Return the roles that a request names, PUBLIC left out: everyone is in it."""
    given = body.get("roles") or []
    if not isinstance(given, list):
        raise validation("roles: expected a list")
    roles = []
    for each in given:
        role_id = each.get("id") if isinstance(each, dict) else each
        role = core.access.role_by_id(str(role_id))
        if role.name != "PUBLIC":
            roles.append(role)
    if roles:
        core.access.require_admin(caller, "give roles over this address; GRANT ROLE is for owners")
    return roles
