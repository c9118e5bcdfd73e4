"""Who runs a statement, and the path its unqualified names are looked up in."""

from __future__ import annotations

from dataclasses import dataclass, field

# Seconds after which a session's statements are stopped; never more than the server allows.
TIMEOUT_OPTION = "statement_timeout"


@dataclass(frozen=True)
class User:
    """A person or program that may log in."""

    id: str
    name: str
    admin: bool = False


@dataclass
class Session:
    """One client's state between statements: `USE` sets `context`; Flight keeps it by cookie."""

    user: User
    context: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    last_query_id: str | None = None
