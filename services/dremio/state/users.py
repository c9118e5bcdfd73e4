"""Users: log-in, and the tokens that stand for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from services.common.settings import Settings
from services.dremio.state.errors import DremioError, ErrorKind, conflict
from services.dremio.state.postgres import connected
from services.dremio.state.session import User
from services.dremio.state.tokens import PersonalTokens
from services.dremio.state.vault import Vault

# Dremio's tokens live 30 hours (option token.expiration.min).
TOKEN_SECONDS = 30 * 3600
_COST = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}


@dataclass(frozen=True)
class _Person:
    user: User
    hash: str
    generation: int
    active: bool = True
    body: dict[str, Any] = field(default_factory=dict)


class Users:
    """Verifies names, passwords and tokens. Safe to use from many threads.

    A password is checked against its slow hash once; then an HMAC under a key that only this
    process knows answers, so a log-in costs microseconds. Tokens are signed, not stored: they
    outlive a restart, and a changed password ends them.
    """

    def __init__(self, settings: Settings, pool: ConnectionPool) -> None:
        self._pool = pool
        self.token_seconds: Callable[[], int] = lambda: TOKEN_SECONDS
        self.tokens = PersonalTokens(pool)
        self._sign = Vault(settings).key("tokens")
        self._memory = secrets.token_bytes(32)
        self._seen: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._people: dict[str, _Person] = {}
        self._revoked: set[str] = set()
        self._load()
        self._ensure_admin(settings.admin_user, settings.admin_password.get_secret_value())

    def login(self, name: str, password: str) -> str:
        """Return a new token; a personal access token in the password's place is its own.

        Raises DremioError (UNAUTHENTICATED) for a wrong name or password.
        """
        owner = self.tokens.user_id(password)
        if owner is not None:
            holder = self.by_id(owner)
            if holder is None or name.lower() not in (holder.name.lower(), "$token"):
                raise _refused()
            return password
        person = self._people.get(name.lower())
        if person is None:
            hashlib.scrypt(password.encode(), salt=b"no such user", **_COST)  # same time either way
            raise _refused()
        if not person.active or not person.hash or not self._matches(person, password):
            raise _refused()
        return self._issue(person)

    def verify(self, token: str) -> User:
        """Return whose token it is. Raises DremioError (UNAUTHENTICATED)."""
        owner = self.tokens.user_id(token)
        if owner is not None:
            holder = self.by_id(owner)
            if holder is None or not self._people[holder.name.lower()].active:
                raise _invalid()
            return holder
        try:
            body, signature = token.split(".")
            token_id, name, generation, expires = _decode(body).decode().split("\n")
            genuine = hmac.compare_digest(_decode(signature), self._signature(body))
        except ValueError:
            raise _invalid() from None
        person = self._people.get(name.lower())
        if (
            not genuine
            or person is None
            or not person.active
            or person.generation != int(generation)
            or time.time() > int(expires)
            or token_id in self._revoked
        ):
            raise _invalid()
        return person.user

    def expiry(self, token: str) -> float:
        """Return when a token that `login` gave ends, in seconds since 1970."""
        owner = self.tokens.user_id(token)
        if owner is not None:
            return max(t.expires_at.timestamp() for t in self.tokens.of_user(owner))
        return float(_decode(token.split(".")[0]).decode().split("\n")[3])

    def logout(self, token: str) -> None:
        """Make a log-in's token useless. Raises DremioError (UNAUTHENTICATED) when it is none."""
        self.verify(token)
        if self.tokens.user_id(token) is not None:
            return  # a personal access token ends when it is deleted, not with a session
        token_id, _, _, expires = _decode(token.split(".")[0]).decode().split("\n")
        with connected(self._pool) as connection:
            connection.execute(
                "INSERT INTO revoked_token VALUES (%s, to_timestamp(%s)) ON CONFLICT DO NOTHING",
                (token_id, int(expires)),
            )
        self._revoked.add(token_id)

    def find(self, name: str) -> User | None:
        """Return the user of that name, in any case."""
        person = self._people.get(name.lower())
        return person.user if person else None

    def by_id(self, user_id: str) -> User | None:
        """Return the user of that id."""
        return next((p.user for p in list(self._people.values()) if p.user.id == user_id), None)

    def list(self) -> list[User]:
        """Return every user, by name."""
        return sorted((p.user for p in self._people.values()), key=lambda user: user.name)

    def create(
        self,
        name: str,
        password: str | None,
        *,
        admin: bool = False,
        body: dict[str, Any] | None = None,
    ) -> User:
        """Add a user; without a password nobody logs in by one. Raises DremioError (CONFLICT)."""
        from psycopg.types.json import Jsonb

        if name.lower() in self._people:
            raise conflict(f"User '{name}' already exists.")
        user = User(str(uuid.uuid4()), name, admin)
        hashed = "" if password is None else _hash(password)
        with self._lock, connected(self._pool) as connection:
            connection.execute(
                "INSERT INTO person (id, name, name_key, password_hash, admin, body) "
                "VALUES (%s, %s, %s, %s, %s, %s)",
                (user.id, name, name.lower(), hashed, admin, Jsonb(body or {})),
            )
            self._people[name.lower()] = _Person(user, hashed, 0, body=body or {})
        return user

    def details(self, user: User) -> tuple[dict[str, Any], bool]:
        """Return what was noted of a user, and whether the account is active."""
        person = self._people[user.name.lower()]
        return person.body, person.active

    def set_password(self, user: User, password: str | None) -> None:
        """Change or take away a password; tokens given for the former one end."""
        hashed = "" if password is None else _hash(password)
        with self._lock, connected(self._pool) as connection:
            connection.execute(
                "UPDATE person SET password_hash = %s, generation = generation + 1 WHERE id = %s",
                (hashed, user.id),
            )
            person = self._people[user.name.lower()]
            self._people[user.name.lower()] = replace(
                person, hash=hashed, generation=person.generation + 1
            )

    def describe(self, user: User, body: dict[str, Any], *, active: bool) -> None:
        """Change what is noted of a user, and whether the account is active."""
        from psycopg.types.json import Jsonb

        with self._lock, connected(self._pool) as connection:
            connection.execute(
                "UPDATE person SET body = %s, active = %s WHERE id = %s",
                (Jsonb(body), active, user.id),
            )
            key = user.name.lower()
            self._people[key] = replace(self._people[key], body=body, active=active)

    def remove(self, user: User) -> None:
        """Remove a user and their tokens."""
        self.tokens.remove(user.id)
        with self._lock, connected(self._pool) as connection:
            connection.execute("DELETE FROM person WHERE id = %s", (user.id,))
            self._people.pop(user.name.lower(), None)

    def _load(self) -> None:
        with connected(self._pool) as connection:
            cursor = connection.cursor(row_factory=dict_row)
            for row in cursor.execute("SELECT * FROM person").fetchall():
                user = User(str(row["id"]), row["name"], row["admin"])
                person = _Person(
                    user, row["password_hash"], row["generation"], row["active"], row["body"]
                )
                self._people[row["name_key"]] = person
            connection.execute("DELETE FROM revoked_token WHERE expires_at < now()")
            for row in cursor.execute("SELECT token_id FROM revoked_token").fetchall():
                self._revoked.add(row["token_id"])

    def _ensure_admin(self, name: str, password: str) -> None:
        """Make the administrator of the settings exist, with the password of the settings."""
        person = self._people.get(name.lower())
        if person is None:
            self.create(name, password, admin=True)
        elif not person.hash or not self._matches(person, password):
            hashed = _hash(password)
            with connected(self._pool) as connection:
                connection.execute(
                    "UPDATE person SET password_hash = %s, generation = generation + 1 "
                    "WHERE name_key = %s",
                    (hashed, name.lower()),
                )
            self._people[name.lower()] = replace(
                person, hash=hashed, generation=person.generation + 1
            )

    def _matches(self, person: _Person, password: str) -> bool:
        quick = hmac.digest(self._memory, f"{person.hash}\n{password}".encode(), "sha256")
        known = self._seen.get(person.user.id)
        if known is not None and hmac.compare_digest(known, quick):
            return True
        salt, expected = (base64.b64decode(part) for part in person.hash.split("$"))
        actual = hashlib.scrypt(password.encode(), salt=salt, **_COST)
        if not hmac.compare_digest(actual, expected):
            return False
        self._seen[person.user.id] = quick
        return True

    def _issue(self, person: _Person) -> str:
        expires = int(time.time()) + self.token_seconds()
        text = f"{secrets.token_hex(8)}\n{person.user.name}\n{person.generation}\n{expires}"
        body = _encode(text.encode())
        return f"{body}.{_encode(self._signature(body))}"

    def _signature(self, body: str) -> bytes:
        return hmac.digest(self._sign, body.encode(), "sha256")


def _hash(password: str) -> str:
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, **_COST)
    return f"{base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _refused() -> DremioError:
    return DremioError(ErrorKind.UNAUTHENTICATED, "Login failed: Invalid username or password")


def _invalid() -> DremioError:
    return DremioError(ErrorKind.UNAUTHENTICATED, "Token is not valid or has expired: log in again")
