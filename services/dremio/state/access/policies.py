"""Which functions filter the rows of which datasets, and mask their columns."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass

from psycopg_pool import ConnectionPool

from services.dremio.state.catalog.entities import Path, key
from services.dremio.state.postgres import connected

_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Policy:
    """A function on a dataset's columns; `masked` is empty for a row filter."""

    path: Path
    function: Path
    columns: tuple[str, ...]
    masked: str = ""


class Policies:
    """Writes go to PostgreSQL first; reads come from memory. Safe to use from many threads."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._of: defaultdict[str, tuple[Policy, ...]] = defaultdict(tuple)
        # Grows after every change: who has read it since sees at least that change.
        self.version = 0
        with connected(pool) as connection:
            found = connection.execute(
                "SELECT path, function_path, columns, masked FROM policy ORDER BY set_at"
            ).fetchall()
        for path, function, columns, masked in found:
            own = key(tuple(path))
            policy = Policy(tuple(path), tuple(function), tuple(columns), masked)
            self._of[own] = (*self._of[own], policy)

    def of(self, path: Path) -> tuple[Policy, ...]:
        """Return the policies of a dataset."""
        return self._of.get(key(path), ()) if self._of else ()

    def all(self) -> list[Policy]:
        """Return every policy."""
        with self._lock:
            return [policy for _, own in sorted(self._of.items()) for policy in own]

    def near(self, path: Path) -> Path | None:
        """Return a dataset with policies that a path lies in, or that lies in it.

        A folder's files can be read one by one or as part of a larger folder: not around the
        folder's policies.
        """
        if not self._of:
            return None
        own = key(path)
        with self._lock:
            for other, policies in self._of.items():
                if other.startswith(own + _SEPARATOR) or own.startswith(other + _SEPARATOR):
                    return policies[0].path
        return None

    def add(self, policy: Policy) -> None:
        """Add a row filter, or set a column's mask in place of the one it has."""
        own = key(policy.path)
        with self._lock:
            kept = tuple(p for p in self._of.get(own, ()) if not _replaced(p, policy))
            self._write(policy.path, (*kept, policy))

    def remove(self, path: Path, function: Path, masked: str = "") -> bool:
        """Remove a row filter, or a column's mask; False when there is none such."""
        with self._lock:
            known = self._of.get(key(path), ())
            kept = tuple(
                p
                for p in known
                if p.masked.lower() != masked.lower()
                or (function and key(p.function) != key(function))
            )
            if len(kept) == len(known):
                return False
            self._write(path, kept)
            return True

    def forget(self, path: Path) -> None:
        """Forget the policies of a dataset that is gone, and of what was inside."""
        own = key(path)
        with self._lock:
            gone = [k for k in self._of if k == own or k.startswith(own + _SEPARATOR)]
            if not gone:
                return
            with connected(self._pool) as connection:
                connection.execute("DELETE FROM policy WHERE path_key = ANY(%s)", (gone,))
            for each in gone:
                del self._of[each]
            self.version += 1

    def _write(self, path: Path, policies: tuple[Policy, ...]) -> None:
        with connected(self._pool) as connection, connection.transaction():
            connection.execute("DELETE FROM policy WHERE path_key = %s", (key(path),))
            for p in policies:
                connection.execute(
                    "INSERT INTO policy (path_key, path, masked, function_path, columns, set_at) "
                    "VALUES (%s, %s, %s, %s, %s, clock_timestamp())",
                    (key(path), list(path), p.masked, list(p.function), list(p.columns)),
                )
        if policies:
            self._of[key(path)] = policies
        else:
            self._of.pop(key(path), None)
        self.version += 1


def _replaced(old: Policy, new: Policy) -> bool:
    if new.masked:
        return old.masked.lower() == new.masked.lower()
    return not old.masked and key(old.function) == key(new.function) and old.columns == new.columns
