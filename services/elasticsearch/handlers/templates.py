"""Index templates, component templates and the older `_template`."""

from __future__ import annotations

import fnmatch
from typing import Any

from services.elasticsearch.errors import RequestError, invalid_request, missing_resource
from services.elasticsearch.handlers.call import ACKNOWLEDGED, Answer, Call
from services.elasticsearch.state.indices import flat_settings
from services.elasticsearch.state.mapping.fields import build_mapping
from services.elasticsearch.state.templates import (
    compose,
    composed_for,
    matching,
    overlapping,
    put_component,
    put_template,
)

_LABELS = {
    "index_template": "index template",
    "component_template": "component template",
    "legacy_template": "index_template",
}


def _found(call: Call, kind: str) -> dict[str, Any]:
    wanted = call.path.get("name", "*")
    found = {
        name: body
        for name, body in call.store.catalog.all(kind).items()
        if any(fnmatch.fnmatchcase(name, p) for p in wanted.split(","))
    }
    if not found and "*" not in wanted:
        raise missing_resource(f"{_LABELS[kind]} matching [{wanted}] not found")
    return found


def _nested(template: dict[str, Any]) -> dict[str, Any]:
    made = dict(template)
    if template.get("settings"):
        made["settings"] = nest_settings(template["settings"])
    return made


def nest_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings as the API shows them: under `index`, values as texts."""
    nested: dict[str, Any] = {}
    for key, value in flat_settings(settings).items():
        inner = nested
        *parents, name = key.split(".")
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[name] = value
    return {"index": nested}


def _body(call: Call, *, kind: str) -> dict[str, Any]:
    body = call.json(required=True)
    if call.flag("create") and call.store.catalog.thing(kind, call.path["name"]):
        label = _LABELS[kind]
        raise RequestError(
            400, "illegal_argument_exception", f"{label} [{call.path['name']}] already exists"
        )
    return body


def put_index_template(call: Call) -> Answer:
    """`PUT|POST /_index_template/{name}`."""
    put_template(call.store.catalog, call.path["name"], _body(call, kind="index_template"))
    return Answer(ACKNOWLEDGED)


def get_index_template(call: Call) -> Answer:
    """`GET|HEAD /_index_template[/{name}]`."""
    made = []
    for name, body in _found(call, "index_template").items():
        shown = {"composed_of": [], **body}
        if "template" in shown:
            shown["template"] = _nested(shown["template"])
        made.append({"name": name, "index_template": shown})
    return Answer({"index_templates": made})


def put_component_template(call: Call) -> Answer:
    """`PUT|POST /_component_template/{name}`."""
    body = _body(call, kind="component_template")
    if "template" not in body:
        raise RequestError(400, "x_content_parse_exception", "Required [template]")
    put_component(call.store.catalog, call.path["name"], body)
    return Answer(ACKNOWLEDGED)


def get_component_template(call: Call) -> Answer:
    """`GET|HEAD /_component_template[/{name}]`."""
    made = [
        {"name": name, "component_template": {**body, "template": _nested(body["template"])}}
        for name, body in _found(call, "component_template").items()
    ]
    return Answer({"component_templates": made})


def put_legacy(call: Call) -> Answer:
    """`PUT|POST /_template/{name}`."""
    body = _body(call, kind="legacy_template")
    patterns = body.get("index_patterns")
    if not patterns:
        raise invalid_request("index patterns are missing")
    build_mapping(body.get("mappings", {}))
    order = call.number("order")
    kept = {
        "order": order if order is not None else 0,
        "aliases": {},
        "mappings": {},
        "settings": {},
        **body,
        "index_patterns": [patterns] if isinstance(patterns, str) else patterns,
    }
    call.store.catalog.save_thing("legacy_template", call.path["name"], kept)
    return Answer(ACKNOWLEDGED)


def get_legacy(call: Call) -> Answer:
    """`GET|HEAD /_template[/{name}]`."""
    try:
        found = _found(call, "legacy_template")
    except RequestError:
        return Answer({}, 404)
    flat = call.flag("flat_settings")
    made = {}
    for name, body in found.items():
        shown = {**body, "settings": nest_settings(body["settings"]) if body["settings"] else {}}
        if flat:
            shown["settings"] = {
                f"index.{k}": v for k, v in flat_settings(body["settings"]).items()
            }
        made[name] = shown
    return Answer(made)


def delete_of(kind: str) -> Any:
    """Return the handler that deletes templates of a kind."""

    def delete(call: Call) -> Answer:
        wanted = call.path["name"]
        names = list(_found(call, kind))
        if kind == "component_template":
            users = [
                t
                for t, body in call.store.catalog.all("index_template").items()
                if set(names) & set(body.get("composed_of", []))
            ]
            if users:
                raise RequestError(
                    400,
                    "illegal_argument_exception",
                    f"component templates [{wanted}] cannot be removed as they are still in use by "
                    f"index templates {users}",
                )
        for name in names:
            call.store.catalog.drop_thing(kind, name)
        return Answer(ACKNOWLEDGED)

    return delete


def simulate_index(call: Call) -> Answer:
    """`POST /_index_template/_simulate_index/{name}`."""
    name = call.path["name"]
    found = matching(call.store.catalog, name)
    if found is None:
        return Answer({})
    merged = composed_for(call.store.catalog, name)
    return Answer(_simulated(merged, overlapping(call.store.catalog, [name], found[0])))


def simulate(call: Call) -> Answer:
    """`POST /_index_template/_simulate[/{name}]`."""
    body, name = call.json(), call.path.get("name")
    if name is not None and not body:
        body = call.store.catalog.thing("index_template", name)
        if body is None:
            raise RequestError(
                400,
                "illegal_argument_exception",
                f"unable to simulate template [{name}] that does not exist",
            )
    patterns = body.get("index_patterns", [])
    others = overlapping(
        call.store.catalog, [patterns] if isinstance(patterns, str) else patterns, name
    )
    return Answer(_simulated(compose(call.store.catalog, body), others))


def _simulated(merged: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "template": {
            "settings": nest_settings(merged.get("settings", {})),
            "mappings": merged.get("mappings", {}),
            "aliases": merged.get("aliases", {}),
        },
        "overlapping": others,
    }
