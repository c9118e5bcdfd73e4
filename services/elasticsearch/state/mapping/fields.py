"""Fields and the mapping they make up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from services.elasticsearch.errors import RequestError
from services.elasticsearch.state.analysis import ANALYZERS
from services.elasticsearch.state.mapping.types import TYPES, Converter, FieldType

_PARAMETERS = frozenset(
    [
        "type",
        "fields",
        "ignore_above",
        "format",
        "index",
        "doc_values",
        "store",
        "coerce",
        "null_value",
        "copy_to",
        "norms",
        "analyzer",
        "search_analyzer",
        "normalizer",
        "scaling_factor",
        "eager_global_ordinals",
        "similarity",
        "meta",
        "ignore_malformed",
        "index_options",
        "term_vector",
        "boost",
        "value",
        "position_increment_gap",
        "search_quote_analyzer",
        "fielddata",
        "time_series_dimension",
        "time_series_metric",
        "split_queries_on_whitespace",
    ]
)


def mapper_error(reason: str) -> RequestError:
    """400: a mapping that cannot be."""
    return RequestError(400, "mapper_parsing_exception", reason)


@dataclass(frozen=True)
class Field:
    """One searchable field: `path` is its name, `column` where its values are.

    `multi`: some document has several values, so the column is a list.
    """

    path: str
    type_name: str
    parameters: dict[str, Any]
    column: str
    multi: bool = False
    converter: Converter = field(compare=False, default=lambda value: value)

    @property
    def type(self) -> FieldType:
        """The type's row in the table of types."""
        return TYPES[self.type_name]

    @property
    def family(self) -> str:
        """The family of types that queries treat alike."""
        return self.type.family

    @property
    def search_analyzer(self) -> str:
        """The analyzer of texts that are looked for in this field."""
        own: str = self.parameters.get("analyzer", "standard")
        return self.parameters.get("search_analyzer", own)  # type: ignore[no-any-return]

    @property
    def sql_type(self) -> str:
        """The column's type in DuckDB."""
        return self.type.column + ("[]" if self.multi else "")


def build_field(path: str, definition: dict[str, Any], column: str, multi: bool) -> Field:
    """Return the field that `definition` (a mapping's leaf) describes.

    Raises RequestError for a type or parameter that is not known or not supported.
    """
    type_name = definition["type"]
    if type_name not in TYPES:
        raise mapper_error(
            f"The mapper type [{type_name}] declared on field [{path}] does not exist. "
            "It might have been created within a future version or requires a plugin to be "
            "installed. Check the documentation."
        )
    for name in definition:
        if name not in _PARAMETERS:
            raise mapper_error(
                f"unknown parameter [{name}] on mapper [{path}] of type [{type_name}]"
            )
    for name in ("analyzer", "search_analyzer"):
        if definition.get(name, "standard") not in ANALYZERS:
            raise mapper_error(f"analyzer [{definition[name]}] has not been configured in mappings")
    if definition.get("normalizer", "lowercase") != "lowercase":
        raise mapper_error(f"normalizer [{definition['normalizer']}] not found for field [{path}]")
    try:
        converter = TYPES[type_name].converter(definition)
    except ValueError as error:
        raise mapper_error(f"Failed to parse mapping: {error}") from error
    return Field(path, type_name, definition, column, multi, converter)


@dataclass(frozen=True)
class Mapping:
    """An index's mapping: `body` as the API shows it, `fields` by path, sub-fields included.

    `columns` is the number of columns ever made, so that none is used twice.
    """

    body: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Field] = field(default_factory=dict)
    columns: int = 0

    @property
    def dynamic(self) -> str:
        """What becomes of an unknown field: "true", "false", "strict" or "runtime"."""
        value = self.body.get("dynamic", "true")
        return str(value).lower()

    def with_multi(self, paths: set[str]) -> Mapping:
        """Return the mapping with new columns, which hold lists, for the fields `paths`."""
        changed = {
            path: replace(self.fields[path], multi=True, column=f"c{self.columns + number}")
            for number, path in enumerate(sorted(paths))
        }
        return replace(self, fields={**self.fields, **changed}, columns=self.columns + len(paths))

    def sub_fields(self, path: str) -> list[Field]:
        """Return the fields that hold the values of the document's `path`: itself and `fields`."""
        own = self.fields.get(path)
        if own is None:
            return []
        names = own.parameters.get("fields", {})
        return [own, *(self.fields[f"{path}.{name}"] for name in names)]


def build_mapping(body: dict[str, Any], before: Mapping | None = None) -> Mapping:
    """Return the mapping that `body` describes, keeping the columns that `before` has.

    Raises RequestError when the body is wrong or changes the type of a field.
    """
    before = before or Mapping()
    found: dict[str, dict[str, Any]] = {}
    _collect(body.get("properties", {}), "", found)
    fields, columns = {}, before.columns
    for path, definition in found.items():
        known = before.fields.get(path)
        if known is not None:
            if known.type_name != definition["type"]:
                raise RequestError(
                    400,
                    "illegal_argument_exception",
                    f"mapper [{path}] cannot be changed from type [{known.type_name}] "
                    f"to [{definition['type']}]",
                )
            fields[path] = build_field(path, definition, known.column, known.multi)
        else:
            fields[path] = build_field(path, definition, f"c{columns}", multi=False)
            columns += 1
    if isinstance(body.get("dynamic"), bool):
        body = {**body, "dynamic": str(body["dynamic"]).lower()}
    return Mapping(body, fields, columns)


def _collect(properties: Any, prefix: str, found: dict[str, dict[str, Any]]) -> None:
    if not isinstance(properties, dict):
        raise mapper_error(
            "Expected map for property [properties] but got a " + type(properties).__name__
        )
    for name, definition in properties.items():
        if not isinstance(definition, dict):
            raise mapper_error(
                f"Expected map for property [fields] on field [{prefix}{name}] "
                f"but got a class {type(definition).__name__}"
            )
        path = f"{prefix}{name}"
        kind = definition.get("type", "object")
        if kind == "object":
            _collect(definition.get("properties", {}), f"{path}.", found)
            continue
        if kind == "nested":
            raise mapper_error(f"No handler for type [nested] declared on field [{path}]")
        found[path] = definition
        for sub, sub_definition in definition.get("fields", {}).items():
            found[f"{path}.{sub}"] = sub_definition


def merge_bodies(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return mapping body `old` with `new` put over it, property by property."""
    merged = {**old, **{k: v for k, v in new.items() if k != "properties"}}
    properties = dict(old.get("properties", {}))
    for name, definition in new.get("properties", {}).items():
        known = properties.get(name)
        if isinstance(known, dict) and isinstance(definition, dict):
            both = merge_bodies(known, definition)
            if "fields" in known and "fields" in definition:
                both["fields"] = {**known["fields"], **definition["fields"]}
            properties[name] = both
        else:
            properties[name] = definition
    if properties:
        merged["properties"] = properties
    return merged
