"""The one place that knows roles, grants and owners, and answers who may do what."""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict
from collections.abc import Iterable

from psycopg_pool import ConnectionPool

from services.dremio.state.access.actor import EVERYTHING, Actor, inner
from services.dremio.state.access.privileges import OWNERSHIP
from services.dremio.state.access.store import AccessStore, Granted, Role, UniqueViolation
from services.dremio.state.catalog.entities import Path, key
from services.dremio.state.errors import DremioError, ErrorKind, conflict, not_found, validation
from services.dremio.state.session import User
from services.dremio.state.users import Users

ADMIN = Role(str(uuid.uuid5(uuid.NAMESPACE_DNS, "admin.role")), "ADMIN", "SYSTEM")
PUBLIC = Role(str(uuid.uuid5(uuid.NAMESPACE_DNS, "public.role")), "PUBLIC", "SYSTEM")
# Dremio's name for the owner of what no user made.
NOBODY = EVERYTHING.name


def denied(message: str) -> DremioError:
    """Return the error for what someone may not do."""
    return DremioError(ErrorKind.PERMISSION, message)


class Access:
    """Grants and checks. Writes go to PostgreSQL first; reads come from memory.

    `version` changes with every change of anyone's rights. Safe to use from many threads.
    """

    def __init__(self, pool: ConnectionPool, users: Users) -> None:
        self._store = AccessStore(pool)
        self._users = users
        self._lock = threading.RLock()
        self.version = 0
        self._actors: dict[str, tuple[int, Actor]] = {}
        self._roles = {role.id: role for role in self._store.roles()}
        for role in (ADMIN, PUBLIC):
            if role.id not in self._roles:
                self._store.put_role(role)
                self._roles[role.id] = role
        self._members: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for role_id, member_id, kind in self._store.members():
            self._members[role_id][member_id] = kind
        self._grants = set(self._store.grants())
        self._owners = dict(self._store.owners())
        for user in users.list():
            if user.admin and user.id not in self._members[ADMIN.id]:
                self._store.add_member(ADMIN.id, user.id, "USER")
                self._members[ADMIN.id][user.id] = "USER"

    # --- who ---------------------------------------------------------------------------------

    def actor(self, user: User) -> Actor:
        """Return a user's rights."""
        return self._actor(user.id, user.name, admin=user.admin, home=f"@{user.name.lower()}")

    def owner_of(self, path: Path) -> Actor:
        """Return the rights that a view at `path` is run with: its owner's.

        What has no owner was made by the engine; an owner who was removed has no rights.
        """
        owner_id = self._owners.get(key(path))
        if owner_id is None:
            return EVERYTHING
        user = self._users.by_id(owner_id)
        if user is not None:
            return self.actor(user)
        role = self._roles.get(owner_id)
        return self._actor(owner_id, role.name if role else "a removed user")

    def owner_id(self, path: Path) -> str | None:
        """Return the id of an object's owner, None when nobody made it."""
        return self._owners.get(key(path))

    def is_admin(self, user: User) -> bool:
        """Whether a user may do everything."""
        return self.actor(user).admin

    def roles_of(self, principal_id: str, *, user: bool = True) -> list[Role]:
        """Return the roles a user (or role) is in, directly or through others, by name."""
        found: dict[str, Role] = {PUBLIC.id: self._roles[PUBLIC.id]} if user else {}
        with self._lock:
            todo = [principal_id]
            while todo:
                at = todo.pop()
                for role_id, members in self._members.items():
                    if at in members and role_id not in found:
                        found[role_id] = self._roles[role_id]
                        todo.append(role_id)
        return sorted(found.values(), key=lambda role: role.name)

    # --- checks ------------------------------------------------------------------------------

    def require(self, user: User, privilege: str, path: Path, *others: str) -> None:
        """Check that the user has the privilege (or one of `others`) on the object.

        Raises DremioError (PERMISSION).
        """
        if not self.actor(user).may_any((privilege, *others), path):
            raise denied(
                f"User [{user.name}] does not have the {privilege.replace('_', ' ')} privilege "
                f"on [{'.'.join(path) or 'SYSTEM'}]"
            )

    def require_admin(self, user: User, what: str) -> None:
        """Check that the user is an administrator. Raises DremioError (PERMISSION)."""
        if not self.is_admin(user):
            raise denied(f"Only members of the ADMIN role can {what}")

    # --- roles -------------------------------------------------------------------------------

    def roles(self) -> list[Role]:
        """Return every role, by name."""
        return sorted(self._roles.values(), key=lambda role: role.name)

    def direct_roles(self, principal_id: str) -> list[Role]:
        """Return the roles that a user or role is a direct member of, by name."""
        with self._lock:
            found = [r for r, members in self._members.items() if principal_id in members]
        return sorted((self._roles[r] for r in found), key=lambda role: role.name)

    def has_role(self, role_id: str) -> bool:
        """Whether a role of that id exists."""
        return role_id in self._roles

    def role(self, name: str) -> Role | None:
        """Return the role of that name, in any case."""
        return next((r for r in self._roles.values() if r.name.lower() == name.lower()), None)

    def role_by_id(self, role_id: str) -> Role:
        """Return a role. Raises DremioError (NOT_FOUND)."""
        role = self._roles.get(role_id)
        if role is None:
            raise not_found(f"Role [{role_id}] not found")
        return role

    def members(self, role_id: str) -> dict[str, str]:
        """Return a role's direct members: id → USER or ROLE."""
        return dict(self._members.get(role_id, {}))

    def create_role(self, name: str, owner: User, description: str = "") -> Role:
        """Add a role. Raises DremioError (CONFLICT)."""
        role = Role(str(uuid.uuid4()), name, "INTERNAL", description, owner.id)
        with self._lock:
            try:
                self._store.put_role(role)
            except UniqueViolation:
                raise conflict(f"Role '{name}' already exists.") from None
            self._roles[role.id] = role
            self._changed()
        return role

    def change_role(self, role: Role, name: str, description: str) -> Role:
        """Rename or describe a role. Raises DremioError (CONFLICT, VALIDATION)."""
        if role.kind == "SYSTEM":
            raise validation(f"Role [{role.name}] is the system's and cannot be changed")
        changed = Role(role.id, name, role.kind, description, role.owner_id)
        with self._lock:
            try:
                self._store.put_role(changed)
            except UniqueViolation:
                raise conflict(f"Role '{name}' already exists.") from None
            self._roles[role.id] = changed
            self._changed()
        return changed

    def remove_role(self, role: Role) -> None:
        """Remove a role with all that was granted to it. Raises DremioError (VALIDATION)."""
        if role.kind == "SYSTEM":
            raise validation(f"Role [{role.name}] is the system's and cannot be dropped")
        self.remove_principal(role.id)

    def add_member(self, role: Role, member_id: str, kind: str) -> None:
        """Make a user or role a member. Raises DremioError (VALIDATION) for a circle of roles."""
        with self._lock:
            if role.id == PUBLIC.id:
                raise validation("Everyone is a member of [PUBLIC]")
            above = {r.id for r in self.roles_of(role.id, user=False)}
            if kind == "ROLE" and member_id in {role.id, *above}:
                raise validation(f"Role [{role.name}] would become a member of itself")
            self._store.add_member(role.id, member_id, kind)
            self._members[role.id][member_id] = kind
            self._changed()

    def remove_member(self, role: Role, member_id: str) -> None:
        """End a membership."""
        with self._lock:
            self._store.remove_member(role.id, member_id)
            self._members[role.id].pop(member_id, None)
            self._changed()

    def remove_principal(self, principal_id: str) -> None:
        """Forget a user or role. What it owned keeps it as its owner, without any rights."""
        with self._lock:
            self._store.remove_principal(principal_id)
            self._roles.pop(principal_id, None)
            self._members.pop(principal_id, None)
            for members in self._members.values():
                members.pop(principal_id, None)
            self._grants = {g for g in self._grants if g.grantee_id != principal_id}
            self._changed()

    # --- grants ------------------------------------------------------------------------------

    def grants(self, path: Path | None = None) -> list[Granted]:
        """Return every grant, or those on one object."""
        with self._lock:
            found = [g for g in self._grants if path is None or key(g.path) == key(path)]
        return sorted(found, key=lambda g: (key(g.path), g.grantee_id, g.privilege))

    def grant(self, grants: Iterable[Granted]) -> None:
        """Add grants; OWNERSHIP moves to the grantee."""
        grants = list(grants)
        plain = [g for g in grants if g.privilege != OWNERSHIP]
        owning = [g for g in grants if g.privilege == OWNERSHIP]
        with self._lock:
            self._store.add_grants(plain)
            self._grants |= set(plain)
            for each in owning:
                self._own(key(each.path), each.grantee_id)
            self._changed()

    def revoke(self, grants: Iterable[Granted]) -> None:
        """Take grants back."""
        grants = list(grants)
        gone = {(key(g.path), g.grantee_id, g.privilege) for g in grants}
        with self._lock:
            self._store.remove_grants(grants)
            self._grants = {
                g for g in self._grants if (key(g.path), g.grantee_id, g.privilege) not in gone
            }
            self._changed()

    def created(self, path: Path, user: User) -> None:
        """Record who made an object: its owner."""
        if user.name == NOBODY:
            return
        with self._lock:
            self._own(key(path), user.id)
            self._changed()

    def forget(self, path: Path) -> None:
        """Forget all rights on an object that is gone, and on what was inside."""
        own = key(path)
        below = own + "\x1f"
        with self._lock:
            known = set(self._owners) | {key(g.path) for g in self._grants}
            gone = [k for k in known if k == own or k.startswith(below)]
            if not gone:
                return
            self._store.forget(gone)
            for each in gone:
                self._owners.pop(each, None)
            self._grants = {g for g in self._grants if key(g.path) not in gone}
            self._changed()

    def changed(self) -> None:
        """Tell that something that rights depend on has changed (a policy, a user)."""
        with self._lock:
            self._changed()

    def _own(self, path_key: str, owner_id: str) -> None:
        self._store.set_owner(path_key, owner_id)
        self._owners[path_key] = owner_id

    def _changed(self) -> None:
        self.version += 1
        self._actors.clear()

    def _actor(
        self, principal_id: str, name: str, *, admin: bool = False, home: str | None = None
    ) -> Actor:
        known = self._actors.get(principal_id)
        if known is not None and known[0] == self.version:
            return known[1]
        with self._lock:
            known_role = principal_id in self._roles
            roles = self.roles_of(principal_id, user=not known_role)
            ids = frozenset({principal_id, *(role.id for role in roles)})
            rights: defaultdict[str, set[str]] = defaultdict(set)
            for each in self._grants:
                if each.grantee_id in ids:
                    rights[key(each.path)].add(each.privilege)
            for path_key, owner_id in self._owners.items():
                if owner_id in ids:
                    rights[path_key].add(OWNERSHIP)
            frozen = {where: frozenset(what) for where, what in rights.items()}
            made = Actor(name, ids, admin or ADMIN.id in ids, home, frozen, inner(frozen))
            self._actors[principal_id] = (self.version, made)
            return made
