"""A document as a row: its values by column, and what the mapping lacks to hold them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.elasticsearch.errors import RequestError
from services.elasticsearch.state.mapping.dynamic import add_fields, definition_of
from services.elasticsearch.state.mapping.fields import Field, Mapping, build_mapping, merge_bodies

Row = dict[str, Any]
_SCALARS = (str, int, float, bool)


class RowBuilder:
    """Turns documents into rows for one mapping, which grows as new fields are met.

    `mapping` is the mapping after the documents built so far; `multi` the paths for which a
    document had several values while their column holds single ones.
    """

    def __init__(self, mapping: Mapping) -> None:
        self.multi: set[str] = set()
        self._adopt(mapping)

    def _adopt(self, mapping: Mapping) -> None:
        self.mapping = mapping
        objects = _disabled(mapping.body.get("properties", {}), "")
        self._disabled = objects
        self._objects = _objects(mapping.body.get("properties", {}), "")
        # The hot path: a top-level name → its columns and their converters.
        self._plan: dict[str, list[tuple[str, Callable[[Any], Any]]]] = {}
        self._null: dict[str, Any] = {}
        for path, field in mapping.fields.items():
            if "null_value" in field.parameters:
                self._null[path] = field.parameters["null_value"]
            elif "." not in path and not field.parameters.get("copy_to"):
                own = mapping.sub_fields(path)
                if not any(f.parameters.get("ignore_malformed") for f in own):
                    self._plan[path] = [(f.column, f.converter) for f in own]

    def build(self, document: dict[str, Any]) -> Row:
        """Return the document's row.

        Raises RequestError (and leaves the mapping as it was) when a value does not fit.
        """
        row: Row = {}
        slow: list[tuple[str, Any]] = []
        plan = self._plan
        for name, value in document.items():
            targets = plan.get(name)
            if targets is None or not isinstance(value, _SCALARS):
                slow.append((name, value))
                continue
            try:
                for column, convert in targets:
                    row[column] = convert(value)
            except (ValueError, OverflowError) as error:
                raise self._refusal(name, value, error) from error
        if slow:
            values: dict[str, list[Any]] = {}
            for name, value in slow:
                self._flatten(name, value, values)
            self._learn(values)
            multi: set[str] = set()
            for path, found in values.items():
                self._put(path, found, row, multi)
            self.multi |= multi
        return row

    def _flatten(self, path: str, value: Any, values: dict[str, list[Any]]) -> None:
        if path in self._disabled:
            return
        if isinstance(value, dict):
            if path in self.mapping.fields:
                raise self._refusal(path, value, ValueError("an object where a value is expected"))
            if not value and path not in self._objects and self.mapping.dynamic == "true":
                return
            for name, inner in value.items():
                if name == "" or name.strip(".") == "":
                    raise RequestError(
                        400, "document_parsing_exception", "field name cannot be an empty string"
                    )
                self._flatten(f"{path}.{name}", inner, values)
        elif isinstance(value, list):
            for item in value:
                self._flatten(path, item, values)
        elif value is not None:
            if path in self._objects:
                raise RequestError(
                    400,
                    "document_parsing_exception",
                    f"object mapping for [{path}] tried to parse field "
                    f"[{path.rsplit('.', 1)[-1]}] as object, but found a concrete value",
                )
            values.setdefault(path, []).append(value)
        elif path in self._null:
            values.setdefault(path, []).append(self._null[path])

    def _learn(self, values: dict[str, list[Any]]) -> None:
        new: dict[str, dict[str, Any]] = {}
        for path, found in values.items():
            if path in self.mapping.fields:
                continue
            dynamic = self._dynamic(path)
            if dynamic == "strict":
                parent, _, name = path.rpartition(".")
                raise RequestError(
                    400,
                    "strict_dynamic_mapping_exception",
                    f"mapping set to strict, dynamic introduction of [{name}] within "
                    f"[{parent or '_doc'}] is not allowed",
                )
            if dynamic != "true":
                continue
            definition = definition_of(self.mapping, path, found)
            if definition is not None:
                new[path] = definition
        if new:
            body = merge_bodies(self.mapping.body, add_fields(self.mapping, new))
            self._adopt(build_mapping(body, self.mapping))

    def _dynamic(self, path: str) -> str:
        dynamic, properties = self.mapping.dynamic, self.mapping.body.get("properties", {})
        for name in path.split(".")[:-1]:
            inner = properties.get(name)
            if not isinstance(inner, dict):
                break
            dynamic = str(inner.get("dynamic", dynamic)).lower()
            properties = inner.get("properties", {})
        return dynamic

    def _put(self, path: str, found: list[Any], row: Row, multi: set[str]) -> None:
        for field in self.mapping.sub_fields(path):
            converted = [v for v in self._convert(field, path, found) if v is not None]
            if not converted:
                continue
            if field.multi:
                row[field.column] = converted
            elif len(converted) == 1:
                row[field.column] = converted[0]
            else:
                row[field.column] = converted
                multi.add(field.path)
        own = self.mapping.fields.get(path)
        copies = own.parameters.get("copy_to", []) if own else []
        for target in [copies] if isinstance(copies, str) else copies:
            self._put(target, found, row, multi)

    def _convert(self, field: Field, path: str, found: list[Any]) -> list[Any]:
        converted = []
        for value in found:
            try:
                converted.append(field.converter(value))
            except (ValueError, OverflowError, TypeError) as error:
                if field.parameters.get("ignore_malformed"):
                    continue
                raise self._refusal(path, value, error) from error
        return converted

    def _refusal(self, path: str, value: Any, error: Exception) -> RequestError:
        field = self.mapping.fields[path]
        preview = str(value)[:50]
        return RequestError(
            400,
            "document_parsing_exception",
            f"failed to parse field [{path}] of type [{field.type_name}]. "
            f"Preview of field's value: '{preview}'",
            caused_by={"type": "illegal_argument_exception", "reason": str(error)},
        )


def _disabled(properties: dict[str, Any], prefix: str) -> set[str]:
    found: set[str] = set()
    for name, definition in properties.items():
        if definition.get("enabled") is False:
            found.add(prefix + name)
        found |= _disabled(definition.get("properties", {}), f"{prefix}{name}.")
    return found


def _objects(properties: dict[str, Any], prefix: str) -> set[str]:
    found: set[str] = set()
    for name, definition in properties.items():
        if definition.get("type", "object") == "object":
            found.add(prefix + name)
            found |= _objects(definition.get("properties", {}), f"{prefix}{name}.")
    return found
