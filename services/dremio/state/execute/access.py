"""GRANT, REVOKE, users and roles."""

from __future__ import annotations

from services.dremio.sql.access.statements import (
    AlterUser,
    CreateRole,
    CreateUser,
    DropRole,
    DropUser,
    Grant,
    Grantee,
    GrantRole,
)
from services.dremio.sql.statements import Path
from services.dremio.state.access.access import denied
from services.dremio.state.access.privileges import BY_KIND, OWNERSHIP, expanded
from services.dremio.state.access.store import Granted, Role
from services.dremio.state.core import Core
from services.dremio.state.errors import DremioError, validation
from services.dremio.state.execute.run import Result, Run, ok
from services.dremio.state.session import User
from services.dremio.state.system.listing import Schema, tables_of

LEAST_PASSWORD = 8


def grant(run: Run, statement: Grant) -> Result:
    """Grant or revoke privileges. Raises DremioError."""
    core = run.core
    try:
        grantee = principal(core, statement.grantee)
    except DremioError:
        who = f"{statement.grantee.kind.title()} {statement.grantee.name}"
        what = "Revoke" if statement.revoke else "Grant"
        raise validation(f"{what} on catalog entity failed. {who} does not exist.") from None
    objects = _objects(run, statement)
    try:
        lists = [
            [Granted(path, kind, grantee, p) for p in expanded(statement.privileges, kind)]
            for path, kind in objects
        ]
    except ValueError as wrong:
        kind = objects[0][1]
        raise validation(
            f"Privilege [{str(wrong).replace('_', ' ')}] cannot be granted on {kind}: there are "
            + ", ".join(sorted(p.replace("_", " ") for p in BY_KIND[kind]))
        ) from None
    for path, _ in objects:
        may_grant(core, run.session.user, path)
    grants = [each for one in lists for each in one]
    if statement.revoke:
        if any(g.privilege == OWNERSHIP for g in grants):
            raise validation("Ownership is not revoked: grant it to someone else")
        core.access.revoke(grants)
        return ok("Revoke successful.")
    core.access.grant(grants)
    return ok("Grant successful.")


def may_grant(core: Core, user: User, path: Path) -> None:
    """Check that a user may grant on an object: its owner, or with MANAGE GRANTS."""
    core.access.require(user, "MANAGE_GRANTS", path)


def grant_role(run: Run, statement: GrantRole) -> Result:
    """Make someone a member of a role, or end it. Raises DremioError."""
    core = run.core
    role = named_role(core, statement.role)
    may_change(core, run.session.user, role)
    member = principal(core, statement.member)
    if statement.revoke:
        core.access.remove_member(role, member)
        return ok(f"Role [{role.name}] revoked from {statement.member.name}.")
    core.access.add_member(role, member, statement.member.kind)
    return ok(f"Role [{role.name}] granted to {statement.member.name}.")


def create_user(run: Run, statement: CreateUser) -> Result:
    """Add a user, who needs a password before logging in. Raises DremioError."""
    make_user(run.core, statement.name, None, {})
    return ok(f"User [{statement.name}] created.")


def make_user(core: Core, name: str, password: str | None, body: dict[str, object]) -> User:
    """Add a user with a home space. Raises DremioError (CONFLICT, VALIDATION)."""
    if not name.strip() or any(c in name for c in ':"\n\x1f'):
        raise validation(f"Invalid user name: {name!r}")
    user = core.users.create(name, password, body=body)
    if core.entities.get((f"@{name}",)) is None:
        core.entities.create((f"@{name}",), "HOME")
    return user


def alter_user(run: Run, statement: AlterUser) -> Result:
    """Set or take away a password. Raises DremioError."""
    user = named_user(run.core, statement.name)
    if run.core.access.is_admin(user):
        run.core.access.require_admin(run.session.user, "change an administrator's password")
    checked_password(statement.password)
    run.core.users.set_password(user, statement.password)
    return ok(f"User [{user.name}] altered.")


def checked_password(password: str | None) -> None:
    """Check a new password. Raises DremioError (VALIDATION)."""
    if password is not None and len(password) < LEAST_PASSWORD:
        raise validation(f"password: expected at least {LEAST_PASSWORD} characters")


def drop_user(run: Run, statement: DropUser) -> Result:
    """Remove a user. Raises DremioError."""
    user = named_user(run.core, statement.name)
    if run.core.access.is_admin(user):
        run.core.access.require_admin(run.session.user, "drop an administrator")
    remove_user(run.core, user)
    return ok(f"User [{user.name}] dropped.")


def remove_user(core: Core, user: User) -> None:
    """Remove a user with tokens, grants and memberships. Raises DremioError (VALIDATION)."""
    if user.admin:
        raise validation(f"User [{user.name}] is the administrator of the settings (ADMIN_USER)")
    core.users.remove(user)
    core.access.remove_principal(user.id)


def create_role(run: Run, statement: CreateRole) -> Result:
    """Add a role. Raises DremioError."""
    role = core_role(run.core, statement.name, run.session.user, "")
    return ok(f"Role [{role.name}] created.")


def core_role(core: Core, name: str, owner: User, description: str) -> Role:
    """Add a role. Raises DremioError (CONFLICT, VALIDATION)."""
    if not name.strip():
        raise validation("A role needs a name")
    return core.access.create_role(name, owner, description)


def drop_role(run: Run, statement: DropRole) -> Result:
    """Remove a role. Raises DremioError."""
    role = named_role(run.core, statement.name)
    may_change(run.core, run.session.user, role)
    run.core.access.remove_role(role)
    return ok(f"Role [{role.name}] dropped.")


def named_user(core: Core, name: str) -> User:
    """Return a user. Raises DremioError (VALIDATION)."""
    user = core.users.find(name)
    if user is None:
        raise validation(f"User [{name}] not found")
    return user


def named_role(core: Core, name: str) -> Role:
    """Return a role. Raises DremioError (VALIDATION)."""
    role = core.access.role(name)
    if role is None:
        raise validation(f"Role [{name}] not found")
    return role


def may_change(core: Core, user: User, role: Role) -> None:
    """Check that a user may change a role: an administrator, or its owner.

    Nobody but an administrator makes administrators. Raises DremioError (PERMISSION).
    """
    actor = core.access.actor(user)
    if actor.admin:
        return
    if role.kind == "SYSTEM" or (role.owner_id not in actor.ids):
        raise denied(f"User [{user.name}] does not own the role [{role.name}]")


def principal(core: Core, grantee: Grantee) -> str:
    """Return the id of a user or role. Raises DremioError (VALIDATION)."""
    if grantee.kind == "USER":
        return named_user(core, grantee.name).id
    return named_role(core, grantee.name).id


def _objects(run: Run, statement: Grant) -> list[tuple[Path, str]]:
    """Return (path, kind) of the objects a statement is about. Raises DremioError."""
    if statement.kind == "SYSTEM":
        return [((), "SYSTEM")]
    path, kind = located(run, statement.path)
    if not statement.datasets_inside:
        wanted = {statement.kind}
        if statement.kind in ("FOLDER", "SPACE"):
            wanted |= {"FOLDER", "SPACE"}
        if kind not in wanted:
            raise validation(f"[{'.'.join(path)}] is a {kind}, not a {statement.kind}")
        return [(path, kind)]
    return _datasets(run.core, path)


def located(run: Run, path: Path) -> tuple[Path, str]:
    """Return the full path and kind of the object a path names. Raises DremioError."""
    core = run.core
    tried = [path] if not run.session.context else [(*run.session.context, *path), path]
    for candidate in tried:
        entity = core.entities.get(candidate)
        if entity is not None and entity.kind != "TABLE":
            return entity.path, "SPACE" if entity.kind == "HOME" else entity.kind
        source = core.catalog.source(candidate)
        if source is not None and core.catalog.exists(candidate):
            return (source.name, *candidate[1:]), "TABLE"
        if source is not None and len(candidate) > 1:
            folders = {tuple(p.lower() for p in f): f for f in core.sources.of(source).folders()}
            found = folders.get(tuple(part.lower() for part in candidate[1:]))
            if found is not None:
                return (source.name, *found), "FOLDER"
    try:
        return run.path_of(path), "TABLE"
    except DremioError:
        raise validation(f"[{'.'.join(path)}] not found") from None


def _datasets(core: Core, path: Path) -> list[tuple[Path, str]]:
    root = core.catalog.root(path)
    if root is None or root.kind != "SOURCE":
        return [(e.path, "VIEW") for e in core.entities.below(path) if e.kind == "VIEW"]
    folders = [(root.name, *folder) for folder in core.sources.of(root).folders()]
    lower = tuple(part.lower() for part in path)
    inside = [f for f in folders if tuple(p.lower() for p in f[: len(path)]) == lower]
    found: list[tuple[Path, str]] = []
    for folder in dict.fromkeys([path, *inside]):
        found += [((*folder, name), "TABLE") for name, _ in tables_of(core, Schema(folder, root))]
    return found
