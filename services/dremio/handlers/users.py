"""Users over REST: looked up, and created by an administrator."""

from __future__ import annotations

from services.dremio.handlers.present import Json
from services.dremio.state.core import Core
from services.dremio.state.errors import DremioError, ErrorKind, not_found, validation
from services.dremio.state.session import User

_KEPT = ("firstName", "lastName", "email")


def by_name(core: Core, name: str) -> Json:
    """Return the user of that name. Raises DremioError (NOT_FOUND)."""
    user = core.users.find(name)
    if user is None:
        raise not_found(f"User [{name}] not found")
    return _shown(user)


def by_id(core: Core, user_id: str) -> Json:
    """Return the user of that id. Raises DremioError (NOT_FOUND)."""
    for user in core.users.list():
        if user.id == user_id:
            return _shown(user)
    raise not_found(f"User [{user_id}] not found")


def create(core: Core, caller: User, body: Json) -> Json:
    """Add a user and the user's home space. Raises DremioError."""
    if not caller.admin:
        raise DremioError(ErrorKind.PERMISSION, "Only an administrator can create users")
    name, password = body.get("name"), body.get("password")
    if not isinstance(name, str) or not name.strip():
        raise validation("name: expected a non-empty string")
    if not isinstance(password, str) or len(password) < 8:
        raise validation("password: expected at least 8 characters")
    user = core.users.create(name, password, body={k: body[k] for k in _KEPT if k in body})
    if core.entities.get((f"@{name}",)) is None:
        core.entities.create((f"@{name}",), "HOME")
    return _shown(user)


def _shown(user: User) -> Json:
    return {"@type": "User", "id": user.id, "name": user.name, "active": True}
