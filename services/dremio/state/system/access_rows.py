"""sys.users, roles, membership and privileges; and which rows of sys a user may see."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from services.dremio.sql.tokens import Reader, tokenize
from services.dremio.state.access.access import NOBODY
from services.dremio.state.access.privileges import OWNERSHIP, SHOWN
from services.dremio.state.catalog.entities import Path
from services.dremio.state.core import Core
from services.dremio.state.database import quoted
from services.dremio.state.errors import DremioError
from services.dremio.state.session import User
from services.dremio.state.system import columns
from services.dremio.state.system.dataset_rows import NO_POLICIES

Rows = list[dict[str, Any]]
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def users(core: Core) -> Rows:
    """Return the rows of sys.users."""
    found = []
    for user in core.users.list():
        body, active = core.users.details(user)
        found.append(
            {
                "user_id": user.id,
                "user_name": user.name,
                "first_name": body.get("firstName", ""),
                "last_name": body.get("lastName", ""),
                "status": "active" if active else "inactive",
                "user_type": "LOCAL",
                "created": None,
                "owner_id": NOBODY,
                "owner_type": "user",
                "created_by": "LOCAL",
            }
        )
    return found


def roles(core: Core) -> Rows:
    """Return the rows of sys.roles."""
    return [
        {
            "role_id": role.id,
            "role_name": role.name,
            "role_type": "LOCAL",
            "owner_id": role.owner_id or NOBODY,
            "owner_type": "user",
            "created_by": "LOCAL",
        }
        for role in core.access.roles()
    ]


def membership(core: Core) -> Rows:
    """Return the rows of sys.membership."""
    return [
        {"role_name": role.name, "member_name": principal(core, member), "member_type": kind}
        for role in core.access.roles()
        for member, kind in core.access.members(role.id).items()
    ]


def privileges(core: Core) -> Rows:
    """Return the rows of sys.privileges: what was granted, by name."""
    return [
        {
            "grantee_id": principal(core, grant.grantee_id),
            "grantee_type": "role" if core.access.has_role(grant.grantee_id) else "user",
            "privilege": grant.privilege,
            "object_id": object_id(grant.path),
            "object_type": SHOWN.get(grant.kind, grant.kind),
        }
        for grant in core.access.grants()
        if grant.privilege != OWNERSHIP
    ]


def object_id(path: Path) -> str:
    """Return a path as sys.privileges and sys.policies spell it: quoted only where it must be."""
    return ".".join(part if _PLAIN.fullmatch(part) else quoted(part) for part in path)


def principal(core: Core, principal_id: str) -> str:
    """Return the name of a user or role."""
    user = core.users.by_id(principal_id)
    if user is not None:
        return user.name
    return next((r.name for r in core.access.roles() if r.id == principal_id), principal_id)


def _own_jobs(core: Core, user: User, found: Rows) -> Rows:
    if core.access.actor(user).may("VIEW_JOB_HISTORY", ()):
        return found
    return [row for row in found if row["user_name"] == user.name]


def _seen_paths(core: Core, user: User, found: Rows) -> Rows:
    actor = core.access.actor(user)
    seen = [row for row in found if columns.of(row["_path"]) or actor.sees(row["_path"])]
    return [row if actor.owns(row["_path"]) else {**row, **NO_POLICIES} for row in seen]


def _own_names(column: str) -> Callable[[Core, User, Rows], Rows]:
    def keep(core: Core, user: User, found: Rows) -> Rows:
        names = {user.name, *(role.name for role in core.access.roles_of(user.id))}
        return [row for row in found if row[column] in names]

    return keep


def _users(core: Core, user: User, found: Rows) -> Rows:
    if core.access.actor(user).may("CREATE_USER", ()):
        return found
    return [row for row in found if row["user_id"] == user.id]


def _reflections(core: Core, user: User, found: Rows) -> Rows:
    """Keep what is about reflections on datasets whose reflections the user may view."""
    actor = core.access.actor(user)
    shown = {
        each.id
        for each in core.reflections.all()
        if actor.may_any(("VIEW_REFLECTION", "ALTER_REFLECTION"), each.dataset)
    }
    return [row for row in found if row["reflection_id"] in shown]


def _none(core: Core, user: User, found: Rows) -> Rows:
    return []


def _seen_functions(core: Core, user: User, found: Rows) -> Rows:
    actor = core.access.actor(user)
    seen = {".".join(e.path) for e in core.entities.all("FUNCTION") if actor.sees(e.path)}
    return [row for row in found if row["name"] in seen]


def _statistics(core: Core, user: User, found: Rows) -> Rows:
    """Keep the statistics of tables that the user may read: they tell of values."""
    actor = core.access.actor(user)
    kept = []
    for row in found:
        try:
            path = Reader(row["table"], tokenize(row["table"])).path()
        except DremioError:
            continue
        if actor.may("SELECT", path) and (not core.policies.of(path) or actor.owns(path)):
            kept.append(row)
    return kept


def policies(core: Core) -> Rows:
    """Return the rows of sys.policies."""
    return [
        {
            "dataset": object_id(policy.path),
            "policy_type": "COLUMN_MASKING" if policy.masked else "ROW_ACCESS",
            "column_name": policy.masked or None,
            "function_name": object_id(policy.function),
            "arguments": ", ".join(object_id((column,)) for column in policy.columns),
        }
        for policy in core.policies.all()
    ]


def _policies(core: Core, user: User, found: Rows) -> Rows:
    """Keep the policies of what the user owns."""
    actor = core.access.actor(user)
    owned = {object_id(p.path) for p in core.policies.all() if actor.owns(p.path)}
    return [row for row in found if row["dataset"] in owned]


KEEP: dict[str, Callable[[Core, User, Rows], Rows]] = {
    "jobs": _own_jobs,
    "jobs_recent": _own_jobs,
    "audit": _own_jobs,
    "views": _seen_paths,
    "tables": _seen_paths,
    "users": _users,
    "copy_errors_history": _own_jobs,
    "table_statistics": _statistics,
    "user_defined_functions": _seen_functions,
    "roles": _own_names("role_name"),
    "membership": _own_names("member_name"),
    "privileges": _own_names("grantee_id"),
    "policies": _policies,
    "reflections": _reflections,
    "materializations": _reflections,
    "reflection_dependencies": _reflections,
    "memory": _none,
}
"""Which rows of a table someone who is no administrator sees; a table not here: all."""
