"""The addresses of users, roles, tokens and grants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import PlainTextResponse

from services.dremio.handlers import grants, roles, tokens, users
from services.dremio.state.session import User
from services.dremio.wire.rest.request import Call

Signed = Callable[[Call, User], Any]
_USER = "/api/v3/user/{id}"
_ROLE = "/api/v3/role/{id}"
_GRANTS = "/api/v3/catalog/{id:path}/grants"


def _signed(handler: Signed) -> Callable[[Call], Any]:
    """Let a handler run for those alone who have logged in."""
    return lambda call: handler(call, call.user)


_HANDLERS: tuple[tuple[str, str, Signed, int], ...] = (
    ("GET", "/api/v3/user", lambda c, u: users.listing(c.core, u), 200),
    ("POST", "/api/v3/user", lambda c, u: users.create(c.core, u, c.json()), 200),
    (
        "GET",
        "/api/v3/user/by-name/{name}",
        lambda c, u: users.by_name(c.core, u, c.params["name"]),
        200,
    ),
    ("GET", _USER, lambda c, u: users.by_id(c.core, u, c.params["id"]), 200),
    ("PUT", _USER, lambda c, u: users.update(c.core, u, c.params["id"], c.json()), 200),
    ("DELETE", _USER, lambda c, u: users.delete(c.core, u, c.params["id"]), 204),
    ("GET", _USER + "/privilege", lambda c, u: users.privileges(c.core, u, c.params["id"]), 200),
    ("GET", _USER + "/token", lambda c, u: tokens.listing(c.core, u, c.params["id"]), 200),
    (
        "POST",
        _USER + "/token",
        # The token itself is the answer, as text.
        lambda c, u: PlainTextResponse(tokens.create(c.core, u, c.params["id"], c.json())),
        200,
    ),
    ("DELETE", _USER + "/token", lambda c, u: tokens.delete(c.core, u, c.params["id"]), 204),
    (
        "DELETE",
        _USER + "/token/{token}",
        lambda c, u: tokens.delete(c.core, u, c.params["id"], c.params["token"]),
        204,
    ),
    ("DELETE", "/api/v3/token", lambda c, u: tokens.delete(c.core, u, u.id), 204),
    ("GET", "/api/v3/role", lambda c, u: roles.listing(c.core, u), 200),
    ("POST", "/api/v3/role", lambda c, u: roles.create(c.core, u, c.json()), 200),
    (
        "GET",
        "/api/v3/role/by-name/{name}",
        lambda c, u: roles.by_name(c.core, u, c.params["name"]),
        200,
    ),
    ("GET", _ROLE, lambda c, u: roles.by_id(c.core, u, c.params["id"]), 200),
    ("PUT", _ROLE, lambda c, u: roles.update(c.core, u, c.params["id"], c.json()), 200),
    ("DELETE", _ROLE, lambda c, u: roles.delete(c.core, u, c.params["id"]), 204),
    ("GET", _ROLE + "/privilege", lambda c, u: users.privileges(c.core, u, c.params["id"]), 200),
    ("GET", _ROLE + "/member", lambda c, u: roles.members(c.core, u, c.params["id"]), 200),
    (
        "PATCH",
        _ROLE + "/member",
        lambda c, u: roles.change_members(c.core, u, c.params["id"], c.json()),
        200,
    ),
)
ACCESS_ROUTES = tuple(
    (method, path, _signed(handler), status) for method, path, handler, status in _HANDLERS
)
# Before the catalog's own addresses: an id there may hold slashes.
GRANT_ROUTES = (
    ("GET", _GRANTS, _signed(lambda c, u: grants.get(c.core, u, c.params["id"])), 200),
    (
        "PUT",
        _GRANTS,
        _signed(lambda c, u: grants.put(c.core, u, c.params["id"], c.json())),
        204,
    ),
)
