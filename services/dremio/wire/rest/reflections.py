"""The addresses of Dremio's Reflection API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.dremio.handlers import recommendations, reflections
from services.dremio.wire.rest.request import Call


def _signed(handler: Callable[[Call], Any]) -> Callable[[Call], Any]:
    """Let a handler run for those alone who have logged in."""

    def checked(call: Call) -> Any:
        assert call.user is not None  # noqa: S101 - raises by itself when nobody has logged in
        return handler(call)

    return checked


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
        _signed(lambda c: reflections.of_dataset(c.core, c.params["id"])),
        200,
    ),
    ("GET", "/api/v3/reflection", _signed(lambda c: reflections.listing(c.core)), 200),
    ("POST", "/api/v3/reflection", _signed(lambda c: reflections.create(c.core, c.json())), 200),
    *(
        (method, path + slash, run, code)
        for slash in ("", "/")
        for method, path, run, code in _WISHED
    ),
    ("GET", "/api/v3/reflection/summary", _signed(lambda c: reflections.summary(c.core)), 200),
    ("GET", _ONE, _signed(lambda c: reflections.get(c.core, c.params["id"])), 200),
    ("PUT", _ONE, _signed(lambda c: reflections.update(c.core, c.params["id"], c.json())), 200),
    ("DELETE", _ONE, _signed(lambda c: reflections.delete(c.core, c.params["id"])), 200),
    (
        "POST",
        "/api/v3/catalog/{id:path}/refresh",
        _signed(lambda c: reflections.refresh(c.core, c.params["id"])),
        204,
    ),
)
