"""Dynamic mapping: what an unknown field of a document becomes."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

from services.elasticsearch.errors import RequestError
from services.elasticsearch.state.dates import looks_like_date
from services.elasticsearch.state.mapping.fields import Mapping

FIELD_LIMIT = 1000  # index.mapping.total_fields.limit's default


def definition_of(mapping: Mapping, path: str, value: Any) -> dict[str, Any] | None:
    """Return the definition that Elasticsearch gives to a new field with this value.

    None when the value says nothing (null, an empty list).
    """
    while isinstance(value, list):
        value = next((item for item in value if item is not None), None)
    if value is None:
        return None
    kind, definition = _detect(mapping, value)
    for template in mapping.body.get("dynamic_templates", []):
        for rule in template.values():
            if _matches(rule, path, kind):
                return _from_rule(rule, path, kind, definition)
    return definition


def _detect(mapping: Mapping, value: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(value, bool):
        return "boolean", {"type": "boolean"}
    if isinstance(value, int):
        return "long", {"type": "long"}
    if isinstance(value, float):
        return "double", {"type": "float"}
    if isinstance(value, dict):
        return "object", {"type": "object"}
    if mapping.body.get("date_detection", True) and looks_like_date(value):
        iso = "-" in value[:5]
        return "date", {"type": "date"} if iso else {
            "type": "date",
            "format": "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis",
        }
    keyword = {"type": "keyword", "ignore_above": 256}
    return "string", {"type": "text", "fields": {"keyword": keyword}}


def _matches(rule: dict[str, Any], path: str, kind: str) -> bool:
    wanted = rule.get("match_mapping_type", "*")
    if wanted != "*" and kind not in ([wanted] if isinstance(wanted, str) else wanted):
        return False
    name = path.rsplit(".", 1)[-1]
    as_regex = rule.get("match_pattern") == "regex"
    for key, text, positive in (
        ("match", name, True),
        ("unmatch", name, False),
        ("path_match", path, True),
        ("path_unmatch", path, False),
    ):
        if key not in rule:
            continue
        patterns = rule[key] if isinstance(rule[key], list) else [rule[key]]
        hit = any(
            re.fullmatch(p, text) if as_regex else fnmatch.fnmatchcase(text, p) for p in patterns
        )
        if hit != positive:
            return False
    return True


def _from_rule(
    rule: dict[str, Any], path: str, kind: str, default: dict[str, Any]
) -> dict[str, Any]:
    made = dict(rule.get("mapping", {}))
    name = path.rsplit(".", 1)[-1]
    for key, value in made.items():
        if isinstance(value, str):
            made[key] = value.replace("{name}", name).replace("{dynamic_type}", default["type"])
    if "type" not in made:
        made["type"] = "text" if kind == "string" else default["type"]
    return made


def add_fields(mapping: Mapping, new: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a mapping body that adds `new` (path → definition), objects made on the way.

    Raises RequestError when the index would have too many fields.
    """
    total = len(mapping.fields) + len(new)
    if total > FIELD_LIMIT:
        raise RequestError(
            400,
            "document_parsing_exception",
            f"Limit of total fields [{FIELD_LIMIT}] has been exceeded while adding new fields "
            f"[{len(new)}]",
        )
    body: dict[str, Any] = {"properties": {}}
    for path, definition in new.items():
        properties = body["properties"]
        *parents, name = path.split(".")
        for parent in parents:
            properties = properties.setdefault(parent, {"properties": {}})["properties"]
        properties[name] = definition
    return body
