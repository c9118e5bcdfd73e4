"""Every address: method, path, what it does, the status of success."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.dremio.handlers import (
    catalog,
    catalog_write,
    collaboration,
    jobs,
    lineage,
    login,
    promotion,
    source,
)
from services.dremio.state.session import User
from services.dremio.wire.rest.access import ACCESS_ROUTES, GRANT_ROUTES
from services.dremio.wire.rest.reflections import REFLECTION_ROUTES
from services.dremio.wire.rest.request import Call

Handler = Callable[[Call], Any]
_CATALOG = "/api/v3/catalog"
_NOTES = _CATALOG + "/{id:path}/collaboration"


def _signed(handler: Callable[[Call, User], Any]) -> Handler:
    """Let a handler run for those alone who have logged in."""
    return lambda call: handler(call, call.user)


def _by_path(call: Call, user: User) -> Any:
    return catalog.by_path(call.core, user, call.path_after("/catalog/by-path/"), call.query)


def _source_format(word: str, *, put: bool) -> Callable[[Call, User], Any]:
    def handler(call: Call, user: User) -> Any:
        path = (call.params["name"], *call.path_after(f"/{word}/"))
        if put:
            return promotion.put_format(call.core, user, path, call.json())
        return promotion.get_format(call.core, user, path)

    return handler


def _logout(call: Call) -> Any:
    call.core.users.logout(call.token)


def _new_source(call: Call, user: User) -> Any:
    return catalog_write.create(call.engine, user, {**call.json(), "entityType": "source"})


def _delete_entity(call: Call, user: User) -> Any:
    catalog_write.delete(call.engine, user, call.params["id"], call.query.get("tag"))


def _delete_source(call: Call, user: User) -> Any:
    source.delete(call.core, user, call.params["name"], call.query.get("version"))


ROUTES: tuple[tuple[str, str, Handler, int], ...] = (
    ("GET", "/apiv2/server_status", lambda c: "OK", 200),
    ("POST", "/apiv2/login", lambda c: login.login(c.core, c.json()), 200),
    ("DELETE", "/apiv2/login", _logout, 204),
    ("POST", "/api/v3/sql", _signed(lambda c, u: jobs.submit(c.runner, u, c.json())), 200),
    (
        "GET",
        "/api/v3/job/{id}",
        _signed(lambda c, u: jobs.status(c.engine, u, c.params["id"])),
        200,
    ),
    (
        "GET",
        "/api/v3/job/{id}/results",
        _signed(lambda c, u: jobs.results(c.engine, c.runner, u, c.params["id"], dict(c.query))),
        200,
    ),
    (
        "GET",
        "/api/v3/job/{id}/profile",
        _signed(lambda c, u: jobs.profile(c.engine, u, c.params["id"])),
        200,
    ),
    (
        "POST",
        "/api/v3/job/{id}/cancel",
        _signed(lambda c, u: jobs.cancel(c.engine, c.runner, u, c.params["id"])),
        204,
    ),
    ("GET", _CATALOG, _signed(lambda c, u: catalog.root(c.core, u)), 200),
    ("POST", _CATALOG, _signed(lambda c, u: catalog_write.create(c.engine, u, c.json())), 200),
    ("GET", _CATALOG + "/by-path/{path:path}", _signed(_by_path), 200),
    *GRANT_ROUTES,
    (
        "GET",
        _NOTES + "/wiki",
        _signed(lambda c, u: collaboration.wiki(c.core, u, c.params["id"])),
        200,
    ),
    (
        "POST",
        _NOTES + "/wiki",
        _signed(lambda c, u: collaboration.set_wiki(c.core, u, c.params["id"], c.json())),
        200,
    ),
    (
        "GET",
        _NOTES + "/tag",
        _signed(lambda c, u: collaboration.labels(c.core, u, c.params["id"])),
        200,
    ),
    (
        "POST",
        _NOTES + "/tag",
        _signed(lambda c, u: collaboration.set_labels(c.core, u, c.params["id"], c.json())),
        200,
    ),
    (
        "GET",
        _CATALOG + "/{id:path}/graph",
        _signed(lambda c, u: lineage.graph(c.core, u, c.params["id"])),
        200,
    ),
    (
        "GET",
        _CATALOG + "/{id:path}",
        _signed(lambda c, u: catalog.by_id(c.core, u, c.params["id"], c.query)),
        200,
    ),
    (
        "PUT",
        _CATALOG + "/{id:path}",
        _signed(lambda c, u: catalog_write.update(c.engine, u, c.params["id"], c.json())),
        200,
    ),
    (
        "POST",
        _CATALOG + "/{id:path}",
        _signed(lambda c, u: promotion.promote(c.core, u, c.params["id"], c.json())),
        200,
    ),
    ("DELETE", _CATALOG + "/{id:path}", _signed(_delete_entity), 204),
    ("GET", "/api/v3/source", _signed(lambda c, u: source.listing(c.core, u)), 200),
    ("POST", "/api/v3/source", _signed(_new_source), 200),
    ("GET", "/api/v3/source/type", _signed(lambda c, u: source.types()), 200),
    (
        "GET",
        "/api/v3/source/type/{name}",
        _signed(lambda c, u: source.type_of(c.params["name"])),
        200,
    ),
    (
        "GET",
        "/api/v3/source/{id}",
        _signed(lambda c, u: source.by_id(c.core, u, c.params["id"])),
        200,
    ),
    (
        "PUT",
        "/apiv2/source/{name}",
        _signed(lambda c, u: source.put(c.core, u, c.params["name"], c.json())),
        200,
    ),
    (
        "GET",
        "/apiv2/source/{name}",
        _signed(lambda c, u: source.get(c.core, u, c.params["name"])),
        200,
    ),
    ("DELETE", "/apiv2/source/{name}", _signed(_delete_source), 204),
    *(
        (method, f"/apiv2/source/{{name}}/{word}/{{path:path}}", _signed(handler), 200)
        for word in ("file_format", "folder_format")
        for method, handler in (
            ("GET", _source_format(word, put=False)),
            ("PUT", _source_format(word, put=True)),
        )
    ),
    *REFLECTION_ROUTES,
    *ACCESS_ROUTES,
)
