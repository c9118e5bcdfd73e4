"""Options: what `ALTER SYSTEM SET` and `ALTER SESSION SET` change, and `sys.options` lists.

Dremio has more than a thousand. Those are here that mean something to this engine; a session may
set any other and see it listed, without effect, as clients do that tune Dremio's planner.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from psycopg_pool import ConnectionPool

from services.dremio.state.errors import validation
from services.dremio.state.limits import Limits
from services.dremio.state.postgres import connected
from services.dremio.state.session import TIMEOUT_OPTION, Session

REFLECTIONS_OPTION = "reflections"
JOBS_OPTION = "jobs.max.age_in_days"
TOKEN_OPTION = "token.expiration.min"  # noqa: S105 - an option's name
_SWITCHES = {"true": "true", "on": "true", "1": "true", "false": "false", "off": "false"}
_SWITCHES["0"] = "false"


@dataclass(frozen=True)
class Option:
    """One option: `kind` as Dremio names it; `of_sessions`: a session may have its own."""

    name: str
    kind: str
    default: str
    of_sessions: bool = False

    def checked(self, text: str) -> str:
        """Return a value in its usual spelling. Raises DremioError (VALIDATION)."""
        try:
            if self.kind == "BOOLEAN":
                return _SWITCHES[text.lower()]
            number = float(text) if self.kind == "DOUBLE" else int(text)
            if not 0 < number < 1e9:
                raise ValueError
        except (KeyError, ValueError):
            expected = {"BOOLEAN": "true or false", "LONG": "a whole number above 0"}
            raise validation(
                f"{self.name}: expected {expected.get(self.kind, 'seconds')}, got {text!r}"
            ) from None
        return text


class Options:
    """The options of the system. Writes go to PostgreSQL first. Safe to use from many threads."""

    def __init__(self, pool: ConnectionPool, limits: Limits) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self.known = {
            option.name: option
            for option in (
                Option(TIMEOUT_OPTION, "DOUBLE", f"{limits.statement_seconds:g}", True),
                Option(REFLECTIONS_OPTION, "BOOLEAN", "true", True),
                Option(JOBS_OPTION, "LONG", str(limits.jobs_days)),
                Option(TOKEN_OPTION, "LONG", "1800"),
            )
        }
        # Grows with every change: plans that were kept depend on it.
        self.version = 0
        with connected(pool) as connection:
            found = connection.execute("SELECT name, value FROM system_option").fetchall()
        self._changed = {name: value for name, value in found if name in self.known}

    @property
    def changed(self) -> dict[str, str]:
        """What was set, by name."""
        return dict(self._changed)

    def value(self, name: str, session: Session | None = None) -> str:
        """Return an option's value: the session's own, the system's, or the default."""
        own = session.options.get(name) if session is not None else None
        return own or self._changed.get(name) or self.known[name].default

    def set(self, name: str, value: str | None, user: str) -> None:
        """Set an option of the system, or take it back. Raises DremioError (VALIDATION)."""
        option = self.known.get(name.lower())
        if option is None:
            raise validation(f"The option '{name}' does not exist.")
        checked = None if value is None else option.checked(value)
        with self._lock, connected(self._pool) as connection:
            if checked is None:
                connection.execute("DELETE FROM system_option WHERE name = %s", (option.name,))
                self._changed.pop(option.name, None)
            else:
                connection.execute(
                    "INSERT INTO system_option (name, value, set_by) VALUES (%s, %s, %s) "
                    "ON CONFLICT (name) DO UPDATE SET value = excluded.value, "
                    "set_by = excluded.set_by, set_at = now()",
                    (option.name, checked, user),
                )
                self._changed[option.name] = checked
            self.version += 1

    def checked_for_session(self, name: str, value: str | None) -> tuple[str, str | None]:
        """Return the name and value that a session may set. Raises DremioError (VALIDATION)."""
        option = self.known.get(name.lower())
        if option is None:
            return name, value
        if not option.of_sessions:
            raise validation(f"{option.name} is the system's: ALTER SYSTEM SET {option.name} = …")
        return option.name, None if value is None else option.checked(value)
