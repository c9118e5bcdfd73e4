"""An index's mapping, settings and aliases."""

from __future__ import annotations

import fnmatch
from typing import Any

from services.elasticsearch.errors import (
    RequestError,
    illegal_argument,
    index_not_found,
    invalid_request,
)
from services.elasticsearch.handlers.call import ACKNOWLEDGED, Answer, Call
from services.elasticsearch.handlers.indices import shown_settings

_BOTH = "open,closed"


def get_mapping(call: Call) -> Answer:
    """`GET /_mapping` and `/{index}/_mapping`."""
    indices = call.store.names(call.path.get("index"), call.options(expand=_BOTH))
    return Answer({i.name: {"mappings": i.mapping.body} for i in indices})


def put_mapping(call: Call) -> Answer:
    """`PUT /{index}/_mapping`."""
    body = call.json(required=True)
    for index in call.store.names(call.path["index"], call.options()):
        call.store.indices.put_mapping(index.name, body)
    return Answer(ACKNOWLEDGED)


def get_field_mapping(call: Call) -> Answer:
    """`GET /{index}/_mapping/field/{fields}`."""
    made: dict[str, Any] = {}
    for index in call.store.names(call.path.get("index"), call.options()):
        found = {}
        for path, field in index.mapping.fields.items():
            if any(fnmatch.fnmatchcase(path, p) for p in call.path["fields"].split(",")):
                name = path.rsplit(".", 1)[-1]
                found[path] = {"full_name": path, "mapping": {name: field.parameters}}
        made[index.name] = {"mappings": found}
    return Answer(made)


def get_settings(call: Call) -> Answer:
    """`GET /_settings` and `/{index}/_settings[/{name}]`."""
    flat = call.flag("flat_settings")
    wanted = call.path.get("name", "*").split(",")
    made = {}
    for index in call.store.names(call.path.get("index"), call.options(expand=_BOTH)):
        settings = shown_settings(index, flat=True)
        kept = {
            k: v
            for k, v in settings.items()
            if any(w in ("_all", "*") or fnmatch.fnmatchcase(k, w) for w in wanted)
        }
        if flat:
            made[index.name] = {"settings": kept}
            continue
        nested: dict[str, Any] = {}
        for key, value in kept.items():
            inner = nested
            *parents, name = key.split(".")
            for parent in parents:
                inner = inner.setdefault(parent, {})
            inner[name] = value
        made[index.name] = {"settings": nested}
        if call.flag("include_defaults"):
            made[index.name]["defaults"] = {"index": {"refresh_interval": "1s"}}
    return Answer(made)


def put_settings(call: Call) -> Answer:
    """`PUT /_settings` and `/{index}/_settings`."""
    body = call.json(required=True)
    body = body.get("settings", body)
    for index in call.store.names(call.path.get("index"), call.options(expand=_BOTH)):
        call.store.indices.put_settings(index.name, body, preserve=call.flag("preserve_existing"))
    return Answer(ACKNOWLEDGED)


def get_alias(call: Call) -> Answer:
    """`GET|HEAD /_alias[/{name}]` and `/{index}/_alias[/{name}]`."""
    wanted = call.path.get("name")
    patterns = wanted.split(",") if wanted else ["*"]
    made, found = {}, set()
    for index in call.store.names(
        call.path.get("index"), call.options(expand="open,closed,hidden")
    ):
        aliases = {
            a: d
            for a, d in index.aliases.items()
            if any(p == "_all" or fnmatch.fnmatchcase(a, p) for p in patterns)
        }
        found |= set(aliases)
        if aliases or not wanted:
            made[index.name] = {"aliases": aliases}
    missing = [p for p in patterns if "*" not in p and p not in found and p != "_all"]
    if wanted and missing:
        plural = "aliases" if len(missing) > 1 else "alias"
        body = {"error": f"{plural} [{','.join(sorted(missing))}] missing", "status": 404}
        return Answer({**body, **made}, 404)
    return Answer(made)


def put_alias(call: Call) -> Answer:
    """`PUT|POST /{index}/_alias/{name}`."""
    body = call.json()
    names = [i.name for i in call.store.names(call.path["index"], call.options())]
    call.store.indices.change_aliases([("add", n, call.path["name"], body) for n in names])
    return Answer(ACKNOWLEDGED)


def delete_alias(call: Call) -> Answer:
    """`DELETE /{index}/_alias/{name}`."""
    indices = call.store.names(call.path["index"], call.options())
    changes: list[tuple[str, str, str, dict[str, Any]]] = [
        ("remove", i.name, alias, {})
        for i in indices
        for alias in i.aliases
        if any(p == "_all" or fnmatch.fnmatchcase(alias, p) for p in call.path["name"].split(","))
    ]
    if not changes:
        raise RequestError(
            404, "aliases_not_found_exception", f"aliases [{call.path['name']}] missing"
        )
    call.store.indices.change_aliases(changes)
    return Answer(ACKNOWLEDGED)


def update_aliases(call: Call) -> Answer:
    """`POST /_aliases`: several changes at once."""
    changes: list[tuple[str, str, str, dict[str, Any]]] = []
    for entry in call.json(required=True).get("actions", []):
        [(action, body)] = entry.items()
        if action not in ("add", "remove", "remove_index"):
            raise illegal_argument(f"[aliases] unknown field [{action}]")
        names = body.get("indices") or [body.get("index")]
        aliases = body.get("aliases") or [body.get("alias", "")]
        definition = {
            k: v
            for k, v in body.items()
            if k not in ("index", "indices", "alias", "aliases", "must_exist")
        }
        for expression in names:
            if not expression:
                raise invalid_request("One of [index] or [indices] is required")
            for index in call.store.names(expression, call.options()):
                for alias in [aliases] if isinstance(aliases, str) else aliases:
                    if action == "remove":
                        held = [a for a in index.aliases if fnmatch.fnmatchcase(a, alias)]
                        if not held and "*" not in alias and body.get("must_exist", True):
                            raise RequestError(
                                404, "aliases_not_found_exception", f"aliases [{alias}] missing"
                            )
                        changes += [("remove", index.name, a, {}) for a in held]
                    else:
                        changes.append((action, index.name, alias, definition))
    if not changes:
        raise index_not_found("")
    call.store.indices.change_aliases(changes)
    return Answer(ACKNOWLEDGED)
