"""Grants on one object of the catalog, as Dremio's Grants API has them."""

from __future__ import annotations

from collections import defaultdict

from services.dremio.handlers.catalog import locate_id, path_of
from services.dremio.handlers.present import Json
from services.dremio.handlers.users import found
from services.dremio.state.access.privileges import BY_KIND, OWNERSHIP
from services.dremio.state.access.store import Granted
from services.dremio.state.catalog.entities import Entity, Path
from services.dremio.state.core import Core
from services.dremio.state.errors import validation
from services.dremio.state.execute.access import may_grant
from services.dremio.state.session import User
from services.dremio.state.system.access_rows import principal


def get(core: Core, caller: User, entity_id: str) -> Json:
    """Return what was granted on an object. Raises DremioError (NOT_FOUND, PERMISSION)."""
    path, kind = _object(core, caller, entity_id)
    by_grantee: defaultdict[str, list[str]] = defaultdict(list)
    for each in core.access.grants(path):
        by_grantee[each.grantee_id].append(each.privilege)
    grants = []
    for grantee, privileges in by_grantee.items():
        role = core.access.has_role(grantee)
        entry: Json = {
            "privileges": privileges,
            "granteeType": "ROLE" if role else "USER",
            "id": grantee,
            "name": principal(core, grantee),
        }
        user = None if role else core.users.by_id(grantee)
        if user is not None:
            noted, _ = core.users.details(user)
            entry |= {k: noted[k] for k in ("firstName", "lastName", "email") if k in noted}
        grants.append(entry)
    return {"id": entity_id, "availablePrivileges": _available(kind), "grants": grants}


def put(core: Core, caller: User, entity_id: str, body: Json) -> None:
    """Replace what is granted on an object, as a whole. Raises DremioError."""
    path, kind = _object(core, caller, entity_id)
    given = body.get("grants")
    if not isinstance(given, list):
        raise validation("grants: expected a list")
    wanted: set[Granted] = set()
    for each in given:
        if not isinstance(each, dict) or not isinstance(each.get("privileges"), list):
            raise validation("grants: expected objects with privileges, granteeType and id")
        grantee = _grantee(core, each)
        for privilege in each["privileges"]:
            if privilege not in _available(kind):
                raise validation(f"Privilege [{privilege}] cannot be granted on {kind}")
            wanted.add(Granted(path, kind, grantee, str(privilege)))
    present = set(core.access.grants(path))
    core.access.grant(sorted(wanted - present, key=str))
    core.access.revoke(sorted(present - wanted, key=str))


def _grantee(core: Core, given: Json) -> str:
    name = given.get("name")
    if given.get("granteeType") == "ROLE":
        role = core.access.role(name) if isinstance(name, str) and "id" not in given else None
        return (role or core.access.role_by_id(str(given.get("id")))).id
    if given.get("granteeType") != "USER":
        raise validation("granteeType: expected USER or ROLE")
    user = core.users.find(name) if isinstance(name, str) and "id" not in given else None
    return (user or found(core, str(given.get("id")))).id


def _object(core: Core, caller: User, entity_id: str) -> tuple[Path, str]:
    at = locate_id(core, entity_id)
    path = path_of(at)
    may_grant(core, caller, path)
    kind = at.kind if isinstance(at, Entity) else "FOLDER"
    return path, "SPACE" if kind == "HOME" else kind


def _available(kind: str) -> list[str]:
    return sorted(BY_KIND[kind] - {OWNERSHIP})
