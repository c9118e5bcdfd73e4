"""One principal's rights, worked out once and asked often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from services.dremio.state.access.privileges import OWNERSHIP
from services.dremio.state.catalog.entities import Path, key

_SEPARATOR = "\x1f"
# What lets someone see that an object is there. Duties of the system (CREATE_USER …) do not.
_SHOWING = frozenset(
    {
        OWNERSHIP,
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "TRUNCATE",
        "ALTER",
        "ALTER_REFLECTION",
        "VIEW_REFLECTION",
        "MANAGE_GRANTS",
        "READ_METADATA",
        "EXECUTE",
        "DROP",
        "CREATE_TABLE",
        "MODIFY",
        "EXTERNAL_QUERY",
    }
)


@dataclass(frozen=True)
class Actor:
    """Someone whose rights are asked about: a user with all their roles, or a role.

    `rights` maps an object's key to what was granted on it to any of `ids`.
    """

    name: str
    ids: frozenset[str]
    admin: bool = False
    home: str | None = None
    rights: Mapping[str, frozenset[str]] = field(default_factory=dict)
    _inner: frozenset[str] = frozenset()

    def may(self, privilege: str, path: Path) -> bool:
        """Whether the privilege holds on the object at `path` (the system's path is empty)."""
        if self.admin or self._at_home(path):
            return True
        for where in _upwards(path):
            granted = self.rights.get(where)
            if granted is not None and privilege in granted:
                return True
        return OWNERSHIP in self.rights.get(key(path), ())

    def may_any(self, privileges: tuple[str, ...], path: Path) -> bool:
        """Whether any of the privileges holds."""
        return any(self.may(privilege, path) for privilege in privileges)

    def owns(self, path: Path) -> bool:
        """Whether the object itself is the principal's own, or everything is."""
        return self.admin or self._at_home(path) or OWNERSHIP in self.rights.get(key(path), ())

    def sees(self, path: Path) -> bool:
        """Whether the object is listed for this principal: a right on it, above or inside it."""
        if self.admin or self._at_home(path):
            return True
        own = key(path)
        if own in self._inner or own in self.rights:
            return True
        return any(
            self.rights[where] & (_SHOWING - {OWNERSHIP})
            for where in _upwards(path)
            if where in self.rights
        )

    def _at_home(self, path: Path) -> bool:
        return self.home is not None and bool(path) and path[0].lower() == self.home


def inner(rights: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the keys of everything that holds an object with rights on it."""
    found: set[str] = set()
    for where in rights:
        parts = where.split(_SEPARATOR)
        found |= {_SEPARATOR.join(parts[:length]) for length in range(1, len(parts))}
    return frozenset(found)


def _upwards(path: Path) -> Iterator[str]:
    for length in range(len(path), -1, -1):
        yield key(path[:length])


EVERYTHING = Actor("$dremio$", frozenset(), admin=True)
"""The engine's own rights."""
