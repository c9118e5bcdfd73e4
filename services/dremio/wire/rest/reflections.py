"""The addresses of Dremio's Reflection API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.dremio.handlers import recommendations, reflections
from services.dremio.state.session import User
from services.dremio.wire.rest.request import Call


def _signed(handler: Callable[[Call, User], Any]) -> Callable[[Call], Any]:
    """Let a handler run for those alone who have logged in."""
    return lambda call: handler(call, call.user)


_ONE = "/api/v3/reflection/{id}"
_WISHES = "/api/v3/reflection/recommendations"
_BY_USAGE = f"{_WISHES}/usage-based"
_BY_JOBS = f"{_WISHES}/job-based"
Route = tuple[str, str, Callable[[Call], Any], int]
# Dremio's documentation writes these with a slash at the end.
_WISHED: tuple[Route, ...] = (
    ("POST", _WISHES, lambda c: recommendations.at_once(c.core, c.user, c.json()), 200),
    ("GET", _BY_USAGE, lambda c: recommendations.by_usage(c.core, c.user), 200),
    ("POST", _BY_USAGE, lambda c: recommendations.accept(c.core, c.user, c.json()), 200),
    ("POST", _BY_JOBS, lambda c: recommendations.submit(c.core, c.user, c.json()), 200),
    (
        "GET",
        f"{_BY_JOBS}/{{id}}/results",
        lambda c: recommendations.by_jobs(c.core, c.user, c.params["id"]),
        200,
    ),
)
REFLECTION_ROUTES: tuple[Route, ...] = (
    (
        "GET",
        "/api/v3/dataset/{id:path}/reflection",
        _signed(lambda c, u: reflections.of_dataset(c.core, u, c.params["id"])),
        200,
    ),
    ("GET", "/api/v3/reflection", _signed(lambda c, u: reflections.listing(c.core, u)), 200),
    (
        "POST",
        "/api/v3/reflection",
        _signed(lambda c, u: reflections.create(c.core, u, c.json())),
        200,
    ),
    *(
        (method, path + slash, run, code)
        for slash in ("", "/")
        for method, path, run, code in _WISHED
    ),
    (
        "GET",
        "/api/v3/reflection/summary",
        _signed(lambda c, u: reflections.summary(c.core, u)),
        200,
    ),
    ("GET", _ONE, _signed(lambda c, u: reflections.get(c.core, u, c.params["id"])), 200),
    (
        "PUT",
        _ONE,
        _signed(lambda c, u: reflections.update(c.core, u, c.params["id"], c.json())),
        200,
    ),
    ("DELETE", _ONE, _signed(lambda c, u: reflections.delete(c.core, u, c.params["id"])), 200),
    (
        "POST",
        "/api/v3/catalog/{id:path}/refresh",
        _signed(lambda c, u: reflections.refresh(c.core, u, c.params["id"])),
        204,
    ),
)
