"""Index templates (composable, component and legacy) and what a new index gets from them."""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import Any

import orjson

from services.elasticsearch.errors import RequestError, illegal_argument, invalid_request
from services.elasticsearch.state.catalog import Catalog
from services.elasticsearch.state.mapping.fields import build_mapping, merge_bodies

_BUILT_IN = Path(__file__).with_name("built_in_templates.json")
_PARTS = ("settings", "mappings", "aliases", "lifecycle")


def put_template(catalog: Catalog, name: str, body: dict[str, Any]) -> None:
    """Keep a composable index template. Raises when it cannot be applied."""
    patterns = body.get("index_patterns")
    if not patterns:
        raise invalid_request("index patterns are missing")
    body = {**body, "index_patterns": [patterns] if isinstance(patterns, str) else patterns}
    components = catalog.all("component_template")
    missing = [
        c
        for c in body.get("composed_of", [])
        if c not in components and c not in body.get("ignore_missing_component_templates", [])
    ]
    if missing:
        raise RequestError(
            400,
            "invalid_index_template_exception",
            f"index_template [{name}] invalid, cause [index template [{name}] specifies component "
            f"templates {missing} that do not exist]",
        )
    for other, other_body in catalog.all("index_template").items():
        if (
            other != name
            and other_body.get("priority", 0) == body.get("priority", 0)
            and _overlap(other_body["index_patterns"], body["index_patterns"])
        ):
            raise illegal_argument(
                f"index template [{name}] has index patterns {body['index_patterns']} matching "
                f"patterns from existing templates [{other}] with patterns ({other} => "
                f"{other_body['index_patterns']}) that have the same priority "
                f"[{body.get('priority', 0)}], multiple index templates may not match during "
                "index creation, please use a different priority"
            )
    build_mapping(compose(catalog, body).get("mappings", {}))
    catalog.save_thing("index_template", name, body)


def put_component(catalog: Catalog, name: str, body: dict[str, Any]) -> None:
    """Keep a component template. Raises when its mapping is wrong."""
    build_mapping(body.get("template", {}).get("mappings", {}))
    catalog.save_thing("component_template", name, body)


def _overlap(left: list[str], right: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(a, b) or fnmatch.fnmatchcase(b, a) for a in left for b in right)


def matching(catalog: Catalog, name: str) -> tuple[str, dict[str, Any]] | None:
    """Return the composable template (name, body) of highest priority that fits `name`."""
    fitting = [
        (body.get("priority", 0), template, body)
        for template, body in catalog.all("index_template").items()
        if any(fnmatch.fnmatchcase(name, p) for p in body["index_patterns"])
    ]
    if not fitting:
        return None
    _, template, body = max(fitting, key=lambda found: found[0])
    return template, body


def overlapping(catalog: Catalog, patterns: list[str], own: str | None) -> list[dict[str, Any]]:
    """Return the other templates whose patterns may meet `patterns`, as a simulation lists them."""
    return [
        {"name": name, "index_patterns": body["index_patterns"]}
        for kind in ("index_template", "legacy_template")
        for name, body in sorted(catalog.all(kind).items())
        if name != own and _overlap(body["index_patterns"], patterns)
    ]


def add_missing(catalog: Catalog) -> None:
    """Put the templates that every Elasticsearch comes with, where they are not there."""
    for kind, templates in orjson.loads(_BUILT_IN.read_bytes()).items():
        for name, body in templates.items():
            if catalog.thing(kind, name) is None:
                catalog.save_thing(kind, name, body)


def compose(catalog: Catalog, body: dict[str, Any]) -> dict[str, Any]:
    """Return settings, mappings and aliases of a template's components and its own, merged."""
    merged: dict[str, Any] = {}
    components = catalog.all("component_template")
    layers = [components[c]["template"] for c in body.get("composed_of", []) if c in components]
    for layer in [*layers, body.get("template") or {}]:
        _lay(merged, layer)
    return merged


def composed_for(catalog: Catalog, name: str) -> dict[str, Any]:
    """Return what a new index `name` gets: of its composable template, else of legacy ones."""
    found = matching(catalog, name)
    if found:
        return compose(catalog, found[1])
    merged: dict[str, Any] = {}
    legacy = [
        body
        for body in catalog.all("legacy_template").values()
        if any(fnmatch.fnmatchcase(name, p) for p in body["index_patterns"])
    ]
    for body in sorted(legacy, key=lambda template: template.get("order", 0)):
        _lay(merged, body)
    return merged


def _lay(merged: dict[str, Any], layer: dict[str, Any]) -> None:
    for part in _PARTS:
        value = layer.get(part)
        if not value:
            continue
        if part == "mappings":
            merged[part] = merge_bodies(merged.get(part, {}), value)
        elif part == "settings":
            merged[part] = _deep(merged.get(part, {}), value)
        else:
            merged[part] = {**merged.get(part, {}), **value}


def _deep(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in new.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _deep(merged[key], value) if both else value
    return merged
