"""Facts of Airbyte's OpenAPI document as data: which operations answer with which fields.

`python -m tests.support.airbyte_shapes config.yaml FILE` records them (from `config.yaml` of
airbytehq/airbyte-platform) for the operations that the server answers; `Shapes` checks answers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from services.airbyte.wire.config_routes import ENDPOINTS
from services.airbyte.wire.public_routes import ROUTES

Json = dict[str, Any]

# Answered before credentials are looked at.
_BEFORE_ROUTES = (
    ("get", "/public/v1/health"),
    ("post", "/public/v1/applications/token"),
    ("post", "/v1/applications/token"),
)
_ERRORS = ("KnownExceptionInfo", "NotFoundKnownExceptionInfo", "InvalidInputExceptionInfo")

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


def served(method: str, path: str) -> bool:
    """Whether our server has an operation of the document."""
    if (method, path) in _BEFORE_ROUTES:
        return True
    if path.startswith("/public/v1"):
        rest = path.removeprefix("/public/v1")
        return any(m == method.upper() and p.match(rest) for m, p, _, _ in ROUTES)
    found = ENDPOINTS.get(path.removeprefix("/v1/"))
    return found is not None and found.method == method.upper()


class Recorder:
    """Turns schemas of the document into shapes, each named one once."""

    def __init__(self, document: Json) -> None:
        self._schemas = document["components"]["schemas"]
        self._responses = document["components"].get("responses", {})
        self.recorded: Json = {}

    def shape(self, schema: Json) -> Any:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name not in self.recorded:
                self.recorded[name] = None
                self.recorded[name] = self.shape(self._schemas[name])
            return f"#{name}"
        if "enum" in schema:
            return {"enum": schema["enum"]}
        properties, required = (
            dict(schema.get("properties") or {}),
            list(schema.get("required") or []),
        )
        for part in schema.get("allOf") or ():
            whole = self._schemas[part["$ref"].rpartition("/")[2]] if "$ref" in part else part
            properties |= whole.get("properties") or {}
            required += whole.get("required") or []
        if properties:
            fields = {
                n + ("" if n in required else "?"): self.shape(s) for n, s in properties.items()
            }
            return {"fields": fields}
        if schema.get("type") == "array":
            return {"items": self.shape(schema["items"])}
        kind = schema.get("type")
        return kind if kind in _TYPES else "any"

    def answer(self, responses: Json) -> Json:
        for status, response in sorted(responses.items(), key=lambda item: str(item[0])):
            if not str(status).startswith("2"):
                continue
            whole = response
            if "$ref" in response:
                whole = self._responses[response["$ref"].rpartition("/")[2]]
            content = (whole.get("content") or {}).get("application/json")
            if content is None or str(status) == "204":
                return {"status": int(status)}
            return {"status": int(status), "shape": self.shape(content["schema"])}
        return {"status": 200}


def record(document: Json) -> Json:
    """Return the operations that the server has, those it has not, and the schemas they use."""
    recorder, have, lack = Recorder(document), {}, []
    for path, methods in sorted(document["paths"].items()):
        for method, operation in methods.items():
            if method not in ("get", "post", "put", "patch", "delete"):
                continue
            key = f"{method.upper()} {path}"
            if not served(method, path):
                lack.append(f"{key} {operation['operationId']}")
                continue
            answer = recorder.answer(operation["responses"])
            have[key] = {"operationId": operation["operationId"], **answer}
    for name in _ERRORS:
        recorder.shape({"$ref": f"#/components/schemas/{name}"})
    return {"operations": have, "schemas": recorder.recorded, "not served": lack}


class Shapes:
    """The recorded facts."""

    def __init__(self, path: Path) -> None:
        self._facts = json.loads(path.read_text())
        self.operations: Json = self._facts["operations"]

    def problems(self, operation: str, answer: Any) -> list[str]:
        """Return what an answer lacks or has of another type, each with its path."""
        shape = self.operations[operation].get("shape")
        return [] if shape is None else self._check(shape, answer, "$")

    def errors(self, name: str, answer: Any) -> list[str]:
        """Return what an error's body lacks of the document's schema `name`."""
        return self._check(f"#{name}", answer, "$")

    def _check(self, shape: Any, value: Any, path: str) -> list[str]:
        if isinstance(shape, str) and shape.startswith("#"):
            return self._check(self._facts["schemas"][shape[1:]], value, path)
        if isinstance(shape, str):
            return self._kind(shape, value, path)
        if "enum" in shape:
            return (
                [] if value in shape["enum"] else [f"{path}: {value!r} is not in {shape['enum']}"]
            )
        if "items" in shape:
            if not isinstance(value, list):
                return [f"{path}: {value!r} is no array"]
            return [
                p
                for n, one in enumerate(value)
                for p in self._check(shape["items"], one, f"{path}[{n}]")
            ]
        if not isinstance(value, dict):
            return [f"{path}: {value!r} is no object"]
        found = []
        for name, inner in shape["fields"].items():
            bare = name.removesuffix("?")
            if bare in value:
                found += self._check(inner, value[bare], f"{path}.{bare}")
            elif bare == name:
                found.append(f"{path}.{bare} is missing")
        return found

    @staticmethod
    def _kind(kind: str, value: Any, path: str) -> list[str]:
        wanted = _TYPES.get(kind)
        right = wanted is None or isinstance(value, wanted)
        if right and not (kind == "integer" and isinstance(value, bool)):
            return []
        return [f"{path}: {value!r} is no {kind}"]


if __name__ == "__main__":
    facts = record(yaml.safe_load(Path(sys.argv[1]).read_text()))
    lines = ",\n".join(
        f" {json.dumps(part)}: "
        + (
            "{\n"
            + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in content.items())
            + "\n }"
            if isinstance(content, dict)
            else "[\n" + ",\n".join(f"  {json.dumps(v)}" for v in content) + "\n ]"
        )
        for part, content in facts.items()
    )
    Path(sys.argv[2]).write_text("{\n" + lines + "\n}\n")
